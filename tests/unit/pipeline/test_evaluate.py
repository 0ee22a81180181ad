"""Accuracy with its uncertainty, and the two roads to scores."""

import numpy as np
import pytest

from pipeline.evaluate import accuracy, agreement, to_nchw, wilson


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
    from edge_agent.bundle.manifest import InputSpec
    from edge_agent.bundle.preprocess import preprocess

    spec = InputSpec(height=4, width=6, colour="rgb", mean=(0.1, 0.2, 0.3), std=(1, 2, 3))
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    x = to_nchw(image, spec)
    assert x.shape == (1, 3, 4, 6)
    assert x.flags.c_contiguous
    np.testing.assert_array_equal(x[0, 2], preprocess(image, spec)[0, :, :, 2])
