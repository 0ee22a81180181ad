"""Calibration: the ranges of values over samples, in bounded memory, and samples it refuses."""

import tracemalloc
from collections.abc import Iterator
from typing import Literal

import numpy as np
import pytest
from support.onnx_nets import Array, graph_of, net, node, normal

from edge_agent.common.arrays import F32
from quantization.errors import CalibrationError
from quantization.graph.graph import Graph
from quantization.recipe import QuantRecipe
from quantization.scales.calibrate import Ranges, calibrate
from quantization.scales.ranges import Range

MINMAX = QuantRecipe()


def doubling(*shape: int) -> Graph:
    """A network that returns relu(input + input)."""
    return graph_of(
        net([node("Add", "input", "input", to="sum"), node("Relu", "sum")], (1, *shape))
    )


def ramp(low: float, high: float, count: int) -> F32:
    return np.linspace(low, high, count, dtype=np.float32).reshape(count, 1)


def test_minmax_takes_the_extremes_of_each_int8_value() -> None:
    """The input spans [-3, 5] and the output [0, 10]; the sum is fused away and has no range."""
    ranges = calibrate(doubling(1), [ramp(-3, 1, 5), ramp(0, 5, 7)], MINMAX)
    assert ranges == Ranges({"input": Range(-3.0, 5.0), "output": Range(0.0, 10.0)}, samples=12)


@pytest.mark.parametrize("recipe", [MINMAX, QuantRecipe(calibration="percentile", percentile=90)])
def test_how_samples_are_batched_does_not_matter(recipe: QuantRecipe) -> None:
    """One array of 200 samples gives what 200 arrays of one give."""
    samples = normal(200, 3, 4, 4)
    model = doubling(3, 4, 4)
    assert calibrate(model, [samples], recipe) == calibrate(model, list(samples[:, None]), recipe)


def test_percentile_leaves_an_outlier_out() -> None:
    """Of 10,000 even steps to 1 and one value of 1e6, 99 % lie under 0.995."""
    samples = np.concatenate([ramp(0, 1, 10_000), ramp(1e6, 1e6, 1)])
    recipe = QuantRecipe(calibration="percentile", percentile=99)
    found = calibrate(doubling(1), [samples], recipe).values["input"]
    assert found.low == pytest.approx(0.005, rel=1 / 128)
    assert found.high == pytest.approx(0.995, rel=1 / 128)


def test_percentile_cuts_both_signs_alike() -> None:
    """The quantiles of a range around 0 are numpy's, within the width of a bin."""
    samples = normal(50_000, 1)
    recipe = QuantRecipe(calibration="percentile", percentile=95)
    found = calibrate(doubling(1), [samples], recipe).values["input"]
    low, high = np.quantile(samples, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), rel=0.015)


def test_the_hundredth_percentile_is_minmax() -> None:
    """Keeping everything gives the exact extremes, signed zero included."""
    samples = np.array([[-0.0], [0.0], [-1.7], [3.3]], np.float32)
    recipe = QuantRecipe(calibration="percentile", percentile=100)
    assert calibrate(doubling(1), [samples], recipe) == calibrate(doubling(1), [samples], MINMAX)


@pytest.mark.parametrize("method", ["percentile", "auto"])
def test_memory_does_not_grow_with_the_samples(method: Literal["percentile", "auto"]) -> None:
    """Eight times the samples take no more memory at the peak, whatever a method keeps of them."""
    model = doubling(3, 32, 32)

    def peak(count: int) -> int:
        samples = (normal(1, 3, 32, 32, seed=i) for i in range(count))
        tracemalloc.start()
        calibrate(model, samples, QuantRecipe(calibration=method))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(64)  # what is allocated once
    assert peak(1024) < 1.1 * peak(128)


def endless(first: Array) -> Iterator[Array]:
    """The samples of a caller who would notice if they were read on after the error."""
    yield first
    raise AssertionError("samples were read after the first was found wrong")


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (
            np.zeros((1, 4, 4, 3), np.float32),
            "calibration sample 0: expected float32 (N, 3, 4, 4), found float32 (1, 4, 4, 3)",
        ),
        (
            np.zeros((3, 4, 4), np.float32),
            "calibration sample 0: expected float32 (N, 3, 4, 4), found float32 (3, 4, 4)",
        ),
        (
            np.zeros((1, 3, 4, 4), np.uint8),
            "calibration sample 0: expected float32 (N, 3, 4, 4), found uint8 (1, 3, 4, 4)",
        ),
        ("a path", "calibration sample 0: expected float32 (N, 3, 4, 4), found str"),
        (
            np.array([np.nan, np.inf] + [0] * 46, np.float32).reshape(1, 3, 4, 4),
            "calibration sample 0: 2 of 48 values are not finite",
        ),
    ],
)
def test_a_wrong_sample_is_refused_at_once(sample: Array, message: str) -> None:
    """Shape, type and finiteness are checked before a sample is run."""
    with pytest.raises(CalibrationError) as raised:
        calibrate(doubling(3, 4, 4), endless(sample), MINMAX)
    assert str(raised.value) == message


@pytest.mark.parametrize("samples", [[], [np.zeros((0, 3, 4, 4), np.float32)]])
def test_no_samples_are_refused(samples: list[F32]) -> None:
    """Zero samples, or arrays of zero samples, show nothing."""
    with pytest.raises(CalibrationError) as raised:
        calibrate(doubling(3, 4, 4), samples, MINMAX)
    assert str(raised.value) == "calibration samples: expected at least one, found none"


def test_a_network_that_overflows_is_refused() -> None:
    """Finite samples whose doubling is not finite name the value that overflows."""
    samples = np.full((1, 1), 3e38, np.float32)
    with pytest.raises(CalibrationError) as raised:
        calibrate(doubling(1), [samples], MINMAX)
    assert str(raised.value) == "value 'output': not finite when run on the samples"
