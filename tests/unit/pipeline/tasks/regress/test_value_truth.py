"""How numbers are marked: the mean error, its interval, agreement and what int8 costs."""

import numpy as np
import pytest

from edge_agent.common.arrays import F32
from edge_agent.tasks.regress.spec import Quantity
from pipeline.tasks.regress.bootstrap import mean_interval
from pipeline.tasks.regress.truth import ValueTruth

PRESSURE = Quantity(name="pressure", unit="bar", low=0, high=10)
WARMTH = Quantity(name="warmth", unit="°C", low=-20, high=80)


def rows(*values: tuple[float, ...]) -> F32:
    return np.array(values, np.float32)


def test_the_mean_error_of_one_quantity_is_in_its_unit() -> None:
    """What is beyond the range is cut first, as on the device."""
    truth = ValueTruth(np.array([[2.0], [10.0]]), (PRESSURE,))
    score = truth.score(rows((0.3,), (1.4,)))
    assert score.value == pytest.approx(0.5)
    assert (score.unit, score.samples) == ("bar", 2)
    assert not score.kind.more


def test_the_mean_error_of_several_is_in_percent_of_their_ranges() -> None:
    """A bar and a degree cannot be added; each quantity's own error is known as well."""
    truth = ValueTruth(np.array([[5.0, 30.0]]), (PRESSURE, WARMTH))
    answers = rows((0.6, 0.53))
    assert truth.score(answers).value == pytest.approx((10 + 3) / 2)
    assert truth.score(answers).unit == "% of range"
    np.testing.assert_allclose(truth.errors_by_quantity(answers), [[1.0, 3.0]])


def test_networks_agree_within_a_hundredth_of_the_range() -> None:
    """In every quantity of an image."""
    truth = ValueTruth(np.zeros((2, 2)), (PRESSURE, WARMTH))
    one = rows((0.5, 0.5), (0.5, 0.5))
    assert truth.agreement(one, rows((0.51, 0.5), (0.5, 0.49))) == 1
    assert truth.agreement(one, rows((0.512, 0.5), (0.5, 0.5))) == 0.5


def test_what_is_expected_is_what_the_error_rises_by() -> None:
    """Never below zero: a network that happens to be better costs nothing."""
    truth = ValueTruth(np.array([[5.0], [5.0]]), (PRESSURE,))
    real, worse = rows((0.5,), (0.52,)), rows((0.53,), (0.51,))
    assert truth.expected_drop(real, worse, 1.0) == pytest.approx(0.1)
    assert truth.expected_drop(worse, real, 1.0) == 0


def test_the_interval_holds_the_mean_and_shrinks_with_more_errors() -> None:
    """The same figures every time; its width is near that of the normal approximation."""
    errors = np.abs(np.random.default_rng(3).normal(0, 1, 400))
    low, high = mean_interval(errors)
    assert low < errors.mean() < high
    assert (low, high) == mean_interval(errors)
    normal = 2 * 1.96 * errors.std() / 20
    assert high - low == pytest.approx(normal, rel=0.1)
    near, far = mean_interval(np.tile(errors, 4))
    assert far - near == pytest.approx((high - low) / 2, rel=0.1)


def test_equal_errors_leave_no_doubt_and_none_no_mean() -> None:
    """Must not fire: resamples of one value are that value."""
    assert mean_interval(np.full(7, 0.25)) == (0.25, 0.25)
    with pytest.raises(ValueError, match="expected at least 1, found 0"):
        mean_interval(np.empty(0))
