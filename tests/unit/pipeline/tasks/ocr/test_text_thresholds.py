"""Thresholds for a stated share of errors: against every threshold there is, one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.common.errors import GateError
from pipeline.measure.evaluate import wilson
from pipeline.tasks.ocr.measure.thresholds import Curve, Point, coverage_curve, operating_point

# Few different confidences, so that there are ties.
READINGS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99]), st.booleans()), min_size=1
)


def curve_of(readings: list[tuple[float, bool]]) -> Curve:
    """The curve of pairs of confidence and whether it is right."""
    confidence, right = zip(*readings, strict=True)
    return coverage_curve(np.array(confidence), np.array(right, bool))


def by_definition(readings: list[tuple[float, bool]], threshold: float) -> tuple[int, int]:
    """How many reach the threshold, and how many of those are wrong."""
    accepted = [right for confidence, right in readings if confidence >= threshold]
    return len(accepted), accepted.count(False)


@given(READINGS, st.floats(0, 1))
def test_the_curve_counts_what_reaches_a_threshold(
    readings: list[tuple[float, bool]], other: float
) -> None:
    """At each of its thresholds, and at any other, as counting one by one."""
    curve = curve_of(readings)
    assert set(curve.thresholds) == {confidence for confidence, _ in readings}
    assert (np.diff(curve.thresholds) < 0).all()
    assert curve.samples == len(readings)
    assert curve.coverage[-1] == 1
    for place, threshold in enumerate(curve.thresholds):
        accepted, wrong = by_definition(readings, threshold)
        assert (curve.accepted[place], curve.wrong[place]) == (accepted, wrong)
        assert curve.error[place] == wrong / accepted
    found = curve.at(other)
    assert (found.accepted, found.wrong) == by_definition(readings, other)
    assert (found.threshold, found.samples) == (other, len(readings))


@given(READINGS, st.sampled_from([0.0, 0.01, 0.2, 1 / 3, 0.5, 1.0]))
def test_the_point_is_the_largest_coverage_that_holds(
    readings: list[tuple[float, bool]], error: float
) -> None:
    """It holds the error, every lower threshold that differs breaks it, and ties stay together."""
    point = operating_point(curve_of(readings), error)
    accepted, wrong = by_definition(readings, point.threshold)
    assert (point.accepted, point.wrong) == (accepted, wrong)
    assert point.error <= error
    assert 0 <= point.coverage <= 1
    for threshold in {confidence for confidence, _ in readings if confidence < point.threshold}:
        accepted, wrong = by_definition(readings, threshold)
        assert wrong / accepted > error


@given(READINGS)
def test_more_error_never_covers_less(readings: list[tuple[float, bool]]) -> None:
    """Who allows more gets at least as many readings."""
    curve = curve_of(readings)
    covered = [operating_point(curve, error).coverage for error in (0.0, 0.001, 0.1, 0.5, 1.0)]
    assert covered == sorted(covered)


def test_a_wrong_reading_can_be_outweighed_by_those_behind_it() -> None:
    """One wrong at the top and nine right below it are 10 %, at the lowest of them."""
    readings = [(0.99, False), *((i / 100, True) for i in range(82, 91)), (0.1, False)]
    point = operating_point(curve_of(readings), 0.1)
    assert point == Point(threshold=0.82, accepted=10, wrong=1, samples=11)
    assert operating_point(curve_of(readings), 0.05).coverage == 0


def test_just_as_many_errors_as_allowed_are_allowed() -> None:
    """29 of 100 are 29 %, whatever 0.29 * 100 is to a computer."""
    readings = [(0.5, i >= 29) for i in range(100)]
    assert operating_point(curve_of(readings), 0.29).coverage == 1


def test_where_none_holds_nothing_is_accepted() -> None:
    """The threshold is the next number above the highest confidence."""
    point = operating_point(curve_of([(0.9, False), (0.5, True)]), 0.01)
    assert point == Point(float(np.nextafter(0.9, 1)), 0, 0, 2)
    assert (point.coverage, point.error, point.bound) == (0, 0, None)


def test_a_wrong_reading_that_is_certain_leaves_no_threshold() -> None:
    """Nothing is above a confidence of 1: that is said, and where to look."""
    with pytest.raises(GateError) as caught:
        operating_point(curve_of([(1.0, False), (1.0, True), (0.5, True)]), 0.01)
    assert str(caught.value) == (
        "output.max_error: expected at most 1 % of readings to be wrong from some confidence "
        "on, found 1 wrong of 2 at the confidence 1; look for wrong labels among the "
        "validation images"
    )


def test_all_right_and_all_wrong() -> None:
    """All right covers everything at the lowest confidence seen; all wrong nothing."""
    assert operating_point(curve_of([(0.2, True), (0.7, True)]), 0.0) == Point(0.2, 2, 0, 2)
    assert operating_point(curve_of([(0.2, False), (0.7, False)]), 0.0).coverage == 0


def test_few_samples_promise_little() -> None:
    """No error among 300 is an error below 1.3 %, as the module says."""
    bound = operating_point(curve_of([(0.5, True)] * 300), 0.001).bound
    assert bound == wilson(0, 300)
    assert bound is not None
    assert bound.high == pytest.approx(0.0126, abs=1e-4)


@pytest.mark.parametrize(("confidences", "readings"), [(0, 0), (2, 1)])
def test_a_curve_of_nothing_is_refused(confidences: int, readings: int) -> None:
    """No readings, or not as many of one as of the other."""
    message = f"and at least 1, found {confidences} and {readings}$"
    with pytest.raises(ValueError, match=message):
        coverage_curve(np.zeros(confidences), np.zeros(readings, bool))
