"""The ways to choose a range from what was seen: their errors, and what each gives up."""

import numpy as np
import pytest
from support.onnx_nets import graph_of, net, node, normal, quanta_apart

from edge_agent.common.arrays import F32
from quantization.convert import convert
from quantization.recipe import QuantRecipe
from quantization.scales.calibrate import calibrate
from quantization.scales.observer import KEPT, Observer
from quantization.scales.ranges import Range, of_least_divergence, of_least_error, squared_error

METHODS = ("minmax", "percentile", "entropy", "mse", "auto")


def found(values: F32, method: str) -> Range:
    observer = Observer(QuantRecipe(calibration=method, percentile=99.9))  # type: ignore[arg-type]
    observer.update("value", values)
    return observer.range()


def outlying(count: int, outlier: float) -> F32:
    """Normally distributed values and one far outside."""
    return np.append(normal(count), np.float32(outlier))


def test_an_error_worked_out_on_paper() -> None:
    """Over [0, 255] a quantum is 1: 0.25 is off by 0.25, 300 by 45, and -1 by 1."""
    values = np.array([0.25, 300, -1], np.float32)
    expected = (0.25**2 + 45**2 + 1) / 3
    assert squared_error(values, Range(0.0, 255.0)) == pytest.approx(expected, rel=1e-4)


def test_the_least_error_gives_up_what_costs_more_than_it_gives() -> None:
    """Of values with long tails, the ends are clipped, and the square error is less for it."""
    values = normal(60_000) ** 3
    extremes = found(values, "minmax")
    chosen = of_least_error(values, extremes)
    assert extremes.low < chosen.low < 0 < chosen.high < extremes.high
    assert squared_error(values, chosen) < 0.95 * squared_error(values, extremes)


def test_the_least_error_keeps_what_is_there() -> None:
    """Evenly spread values have nothing to give up: their range is their extremes."""
    values = np.linspace(-1, 2, 10_000, dtype=np.float32)
    chosen = of_least_error(values, Range(-1.0, 2.0))
    assert (chosen.low, chosen.high) == (-1.0, 2.0)


def test_the_least_divergence_gives_up_a_tail() -> None:
    """The entropy method keeps where most of the values are, and of even ones all."""
    values = normal(60_000) ** 3
    extremes = found(values, "minmax")
    chosen = of_least_divergence(values, extremes)
    assert 5 < chosen.high < extremes.high / 2
    assert np.mean((values > chosen.low) & (values < chosen.high)) > 0.95
    even = np.linspace(-1, 2, 100_000, dtype=np.float32)
    assert of_least_divergence(even, Range(-1.0, 2.0)) == Range(-1.0, 2.0)


def test_zeros_do_not_draw_the_range_in() -> None:
    """After a ReLU half of all values are 0, and exact in any range: the others decide."""
    values = np.maximum(normal(60_000), 0)
    highest = float(values.max())
    assert of_least_divergence(values, Range(0.0, highest)).high > 0.8 * highest


@pytest.mark.parametrize("values", [outlying(20_000, 40), normal(20_000), np.abs(normal(999))])
def test_auto_has_the_least_error_of_all(values: F32) -> None:
    """No method's range measures better than the one that auto takes."""
    chosen = squared_error(values, found(values, "auto"))
    assert chosen == min(squared_error(values, found(values, method)) for method in METHODS)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0.0, 3.0, -2.0])
def test_a_constant_channel_has_a_range(method: str, value: float) -> None:
    """A value that never changes, 0 included, is within a quantum of what it was."""
    model = net([node("Relu", "input", to="a"), node("Sub", "a", "input")], (1, 4))
    samples = np.full((8, 4), value, np.float32)
    recipe = QuantRecipe(calibration=method)  # type: ignore[arg-type]
    assert quanta_apart(convert(model, [samples], recipe), samples[:2]) <= 1


def test_the_sample_is_even_over_all_that_was_seen() -> None:
    """Of a first and a second half the kept values are as many, and never more than fit."""
    observer = Observer(QuantRecipe(calibration="mse"))
    for value in (1.0, 2.0):
        for _ in range(20):
            observer.update("value", np.full(30_000, value, np.float32))
    assert observer._sample is not None
    kept = observer._sample.values
    assert KEPT / 3 < len(kept) <= KEPT
    assert np.mean(kept == 1.0) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("method", ["entropy", "mse", "auto"])
def test_how_samples_are_batched_does_not_matter(method: str) -> None:
    """One array of 200 samples gives what 200 arrays of one give."""
    samples, model = normal(200, 3, 16, 16), graph_of(net([node("Relu", "input")], (1, 3, 16, 16)))
    recipe = QuantRecipe(calibration=method)  # type: ignore[arg-type]
    assert calibrate(model, [samples], recipe) == calibrate(model, list(samples[:, None]), recipe)
