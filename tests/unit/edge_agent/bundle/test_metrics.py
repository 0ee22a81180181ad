"""Scores that name their metric: what one can say, and which of two is better."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from edge_agent.bundle.metrics import METRICS, MetricName, Metrics, Proportion, Score


def error(value: float, **changes: Any) -> Score:
    fields: dict[str, Any] = {"metric": "mean absolute error", "samples": 10, "unit": "bar"}
    return Score(**{**fields, "value": value, **changes})


def share(value: float, **changes: Any) -> Score:
    return Score(**{"metric": "mAP", "value": value, "samples": 10, **changes})


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_that_a_score_may_name_is_described(name: MetricName) -> None:
    """The names that a file may hold are those whose direction is known."""
    score = Score(metric=name, value=0.5, samples=1)
    assert msgspec.json.decode(msgspec.json.encode(score), type=Score) == score
    assert score.kind is METRICS[name]


def test_an_unknown_metric_is_refused() -> None:
    """Nobody would know whether more of it is better."""
    text = b'{"metric": "charm", "value": 1, "samples": 1}'
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'charm'"):
        msgspec.json.decode(text, type=Score)


def test_less_of_an_error_is_better() -> None:
    """A drop is what was lost of a share, and what an error rose; a gain is negative."""
    assert share(0.75).drop_to(share(0.5)) == 0.25
    assert error(2.0).drop_to(error(2.5)) == 0.5
    assert error(2.5).drop_to(error(2.0)) == -0.5


@pytest.mark.parametrize(
    "other", [Score(metric="mIoU", value=0.5, samples=1), error(0.5), error(0.5, unit="K")]
)
def test_scores_of_different_kinds_are_not_compared(other: Score) -> None:
    """Neither of another metric nor of another unit."""
    mine = share(0.5) if other.metric == "mIoU" else error(0.5, unit="V")
    with pytest.raises(ValueError, match=r"^score: expected .*, found "):
        mine.drop_to(other)
    assert other.drop_to(other) == 0


def test_the_proven_end_is_the_worse_one() -> None:
    """The lower one of a share, the upper one of an error; none without an interval."""
    assert share(0.5, low=0.4, high=0.6).proven == 0.4
    assert error(0.5, low=0.4, high=0.6).proven == 0.6
    assert share(0.5).proven is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: share(1.01), "mAP: expected a share in [0, 1], found 1.01"),
        (lambda: share(-0.01), "mAP: expected a share in [0, 1], found -0.01"),
        (lambda: share(float("nan")), "mAP: expected a share in [0, 1], found nan"),
        (lambda: share(0.5, low=0.4, high=1.5), "mAP: expected a share in [0, 1], found 1.5"),
        (lambda: share(0.5, low=0.4), "mAP: expected both ends of its interval, found one"),
        (lambda: share(0.5, high=0.6), "mAP: expected both ends of its interval, found one"),
        (
            lambda: share(0.5, low=0.6, high=0.4),
            "mAP: expected an interval from low to high, found 0.6 to 0.4",
        ),
        (
            lambda: error(0.5, low=0.6, high=0.4),
            "mean absolute error: expected an interval from low to high, found 0.6 to 0.4",
        ),
        (lambda: share(0.5, unit="bar"), "mAP: expected a share without a unit, found 'bar'"),
        (
            lambda: error(float("inf")),
            "mean absolute error: expected a finite number, found inf",
        ),
    ],
)
def test_a_figure_that_the_metric_cannot_have_is_refused(make: Any, message: str) -> None:
    """The metric is named, with what was expected and found."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        make()
    assert str(caught.value) == message


def test_the_ends_of_what_a_share_may_be_are_allowed() -> None:
    """None and all; must not fire. Nor does an interval of one point."""
    assert share(0.0, low=0.0, high=1.0).value == 0
    assert share(0.5, low=0.5, high=0.5).proven == 0.5
    assert share(1.0, low=0.0, high=1.0).value == 1


def test_a_proportion_is_the_score_of_a_metric_that_is_one() -> None:
    """With its interval and its samples."""
    proportion = Proportion(value=0.5, low=0.25, high=0.75, samples=4)
    assert Score.of("F1", proportion) == Score(
        metric="F1", value=0.5, low=0.25, high=0.75, samples=4
    )


def measured(trained: Score | None, real: Score, int8: Score) -> Metrics:
    return Metrics(
        trained_score=trained,
        float_score=real,
        int8_score=int8,
        agreement=1.0,
        macs=1,
        latency_ms=1.0,
        measured_on="a CPU",
    )


def test_scores_of_one_network_are_of_one_metric() -> None:
    """With or without the trained one, which bundles of before do not have; must not fire."""
    assert measured(None, share(0.9), share(0.8)).before_pruning == share(0.9)
    assert measured(share(1.0), share(0.9), share(0.8)).before_pruning == share(1.0)
    assert measured(error(1.0), error(1.5), error(2.0)).before_pruning == error(1.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: measured(None, error(0.5), share(0.5)),
        lambda: measured(error(0.5), share(0.5), share(0.5)),
        lambda: measured(None, error(0.5), error(0.5, unit="K")),
    ],
)
def test_scores_of_several_metrics_or_units_are_refused(make: Callable[[], Metrics]) -> None:
    """Or a gate would compare bars with shares."""
    with pytest.raises(ValueError, match=r"^scores: expected one metric, found .* and "):
        make()
