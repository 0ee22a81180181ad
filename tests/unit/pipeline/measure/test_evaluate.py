"""Accuracy with its uncertainty, and the two roads to scores."""

from pathlib import Path

import numpy as np
import pytest
import torch

from edge_agent.bundle.archive import Bundle
from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.ports import Ports
from edge_agent.bundle.preprocess import ColourOrder, preprocess
from edge_agent.common.arrays import I8, U8
from edge_agent.inference.network import Network
from pipeline.common.progress import Silent
from pipeline.measure.evaluate import (
    accuracy,
    agreement,
    device_scores,
    expected_drop,
    float_scores,
    onnx_session,
    to_nchw,
    wilson,
)
from pipeline.run.run import Run
from pipeline.run.stages.quantize import FLOAT_FILE, final_checkpoint


@pytest.mark.parametrize(
    ("correct", "samples", "low", "high"),
    [
        # Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I,
        # method 3 (Wilson score without continuity correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(
    correct: int, samples: int, low: float, high: float
) -> None:
    """Four proportions with the limits published for them."""
    score = wilson(correct, samples)
    assert score.value == correct / samples
    assert score.low == pytest.approx(low, abs=5e-5)
    assert score.high == pytest.approx(high, abs=5e-5)


def test_a_changed_answer_costs_what_the_float_network_thinks_of_it() -> None:
    """The chance of its own answer over that of the other, at the temperature; else nothing."""
    real = np.log(np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.4, 0.3, 0.3]], np.float32))
    other = np.array([[0, 1, 0], [0, 1, 0], [0, 0, 1]], np.float32)  # the first and last change
    assert expected_drop(real, real, 1.0) == expected_drop(real, 7 * real, 1.0) == 0
    assert expected_drop(real, other, 1.0) == pytest.approx((0.3 + 0 + 0.1) / 3)
    cold = np.square([0.6, 0.3, 0.1]), np.square([0.4, 0.3, 0.3])
    wanted = (0.36 - 0.09) / cold[0].sum() + (0.16 - 0.09) / cold[1].sum()
    assert expected_drop(real, other, 0.5) == pytest.approx(wanted / 3, rel=1e-5)


def test_the_expected_drop_is_steadier_than_the_one_counted() -> None:
    """Of a network that means its chances, noise costs what is expected, split after split."""
    draws = np.random.default_rng(0)
    counted, expected = [], []
    for _ in range(200):
        real = draws.normal(0, 1.5, (500, 10)).astype(np.float32)
        chances = np.exp(real) / np.exp(real).sum(axis=1, keepdims=True)
        labels = (draws.random((500, 1)) < chances.cumsum(axis=1)).argmax(axis=1)
        other = real + draws.normal(0, 0.15, real.shape).astype(np.float32)
        counted.append(accuracy(real, labels).value - accuracy(other, labels).value)
        expected.append(expected_drop(real, other, 1.0))
    assert np.mean(expected) == pytest.approx(np.mean(counted), abs=1.5e-3)
    assert np.std(expected) < np.std(counted) / 5


@pytest.mark.parametrize("samples", [1, 10, 28, 401])
def test_wilson_reaches_the_ends_exactly(samples: int) -> None:
    """None or all of any number: 0 and 1 themselves, not next to them."""
    assert wilson(0, samples).low == 0
    assert wilson(samples, samples).high == 1


def test_wilson_of_nothing_is_an_error() -> None:
    """No samples have no proportion."""
    with pytest.raises(ValueError, match=r"^samples: expected at least 1, found 0$"):
        wilson(0, 0)


def test_accuracy_and_agreement_count_rows() -> None:
    """Two of three right; the two networks agree on one."""
    a = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    b = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    assert accuracy(a, np.array([0, 1, 1])).value == pytest.approx(2 / 3)
    assert agreement(a, b) == pytest.approx(1 / 3)


def test_the_hosts_layout_holds_the_devices_values() -> None:
    """Channels first, contiguous, with the very numbers of the device's preprocessing."""
    spec = InputSpec(height=4, width=6, colour="rgb", mean=(0.1, 0.2, 0.3), std=(1, 2, 3))
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    x = to_nchw(image, spec)
    assert x.shape == (1, 3, 4, 6)
    assert x.flags.c_contiguous
    np.testing.assert_array_equal(x[0, 2], preprocess(image, spec)[0, :, :, 2])


class Counted:
    """A task that counts how far it came."""

    def __init__(self) -> None:
        self.steps = 0

    def advance(self, steps: int = 1) -> None:
        self.steps += steps


def test_the_float_network_is_scored_image_by_image(built: Path) -> None:
    """Each row is the network's answer for that image, and each image moves the bar."""
    run = Run(built, (built / "recipe.toml").read_bytes(), built / "tiny.toml", None, Silent())
    split, spec = run.dataset.test.select(range(5)), run.recipe.input
    model = (built / "quantize" / FLOAT_FILE).read_bytes()
    task = Counted()
    scores = float_scores(model, split.images, spec, task)
    network = final_checkpoint(run).module
    with torch.no_grad():
        for number, row in enumerate(scores):
            expected = network(torch.from_numpy(to_nchw(split.images[number], spec)))[0]
            np.testing.assert_allclose(row, expected.numpy(), atol=1e-4)
    assert scores.dtype == np.float32
    assert (scores.shape, task.steps) == ((5, 10), 5)


def test_the_device_is_scored_image_by_image_in_rgb(bright_bundle: Bundle) -> None:
    """Data sets are RGB: a frame taken for BGR would swap red and blue unseen."""
    seen: list[str] = []

    class Seen(Network):
        def prepare(self, image: U8, order: ColourOrder = "rgb") -> I8:
            seen.append(order)
            return super().prepare(image, order)

    ports = Ports.of(bright_bundle.manifest)
    images = [np.full((8, 8, 3), level, np.uint8) for level in (0, 255)]
    task = Counted()
    with Seen(bright_bundle.model, ports, 1, "bright") as network:
        scores = device_scores(network, images, task)
    assert scores.argmax(axis=1).tolist() == [0, 1]
    assert np.abs(scores).max() < 2  # real units, not quanta
    assert (seen, task.steps) == (["rgb", "rgb"], 2)


def test_the_float_network_runs_on_one_thread(built: Path) -> None:
    """As the device does in `verify`: the report sets their latencies side by side."""
    session = onnx_session((built / "quantize" / FLOAT_FILE).read_bytes())
    assert session.get_session_options().intra_op_num_threads == 1
    assert session.get_providers() == ["CPUExecutionProvider"]
