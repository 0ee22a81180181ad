"""The curve of coverage against error: what is drawn on it, and when."""

import re
from collections.abc import Iterator

import numpy as np
import pytest

from edge_agent.tasks.ocr.spec import Promise
from pipeline.report.svg import chart_style
from pipeline.tasks.ocr.measure.thresholds import Curve, coverage_curve
from pipeline.tasks.ocr.report.charts import coverage_chart

PROMISE = Promise(error=0.01, coverage=0.6, samples=200)
DASHED = "stroke-dasharray: 6"


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with chart_style():
        yield


@pytest.fixture(name="curve")
def _curve() -> Curve:
    """A thousand readings, the less sure the more often wrong."""
    sure = np.linspace(0, 1, 1000)
    return coverage_curve(sure, np.random.default_rng(0).random(1000) < 0.5 + 0.5 * sure)


def marks(svg: str) -> int:
    """How many markers are drawn: uses of a shape."""
    return len(re.findall(r"<use ", svg))


def test_the_threshold_is_a_dot_and_the_promise_a_ring(curve: Curve) -> None:
    """On a dashed line at the promised error; none of both where there is no promise."""
    shipped = curve.at(0.8)
    with_promise, without = (coverage_chart(curve, shipped, p) for p in (PROMISE, None))
    assert marks(with_promise) == marks(without) + 1
    assert DASHED in with_promise
    assert DASHED not in without


def test_a_threshold_that_accepts_nothing_has_no_dot(curve: Curve) -> None:
    """There is no error to draw it at."""
    nothing = coverage_chart(curve, curve.at(2.0), None)
    assert marks(nothing) == marks(coverage_chart(curve, curve.at(0.8), None)) - 1


def test_the_dot_is_where_the_threshold_is(curve: Curve) -> None:
    """Further to the right the more is accepted; said in words for those who cannot see it."""
    places = []
    for threshold in (0.9, 0.5, 0.1):
        svg = coverage_chart(curve, curve.at(threshold), None)
        (place,) = re.findall(r'<use [^>]*x="([\d.]+)"[^>]*stroke: var\(--paper\)', svg)
        places.append(float(place))
    assert places == sorted(places)
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], rel=0.02)
    point = curve.at(0.5)
    said = f"{point.error * 100:.1f}\u202f% at {point.coverage * 100:.1f}\u202f%"
    assert said in coverage_chart(curve, point, None)


def test_the_curve_is_thinned_out(curve: Curve) -> None:
    """A thousand thresholds take no more room than three hundred."""
    few = coverage_curve(np.linspace(0, 1, 300), np.arange(300) % 7 > 0)
    assert len(coverage_chart(curve, curve.at(0.5), None)) < 1.3 * len(
        coverage_chart(few, few.at(0.5), None)
    )


@pytest.mark.parametrize("right", [True, False])
def test_all_right_and_all_wrong_can_be_drawn(right: bool) -> None:
    """An error of nothing, and of everything, of a single reading."""
    curve = coverage_curve(np.array([0.5]), np.array([right]))
    svg = coverage_chart(curve, curve.at(0.0), PROMISE)
    assert f"of all readings {'0.0' if right else '100.0'}\u202f%" in svg
    assert "nan" not in svg
