"""Scores in words: shares in percent, errors in their unit, intervals where they are known."""

import pytest
from support.scores import accuracy_of

from edge_agent.bundle.metrics import Score
from pipeline.measure.wording import difference, figure, shown
from pipeline.report import words

BAR = Score(
    metric="mean absolute error", value=0.4213, low=0.38, high=0.4649, samples=40, unit="bar"
)
COUNT = Score(metric="mean absolute error", value=1234.6, samples=40)
MEAN = Score(metric="mAP", value=0.5567, samples=40)


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (accuracy_of(90, 100), "90.0 % [82.6, 94.5]"),
        (MEAN, "55.7 %"),
        (BAR, "0.421 bar [0.38, 0.465]"),
        (COUNT, "1.23e+03"),
    ],
)
def test_a_score_is_said_with_its_interval_if_it_has_one(score: Score, text: str) -> None:
    """Shares in percent, whatever the metric; else three digits and the unit."""
    assert shown(score) == text


def test_gates_say_a_figure_and_a_difference_in_the_metrics_unit() -> None:
    """Points of a share; the unit of an error, if it has one."""
    assert figure(0.98123, "mIoU") == "98.12 %"
    assert figure(0.42136, "mean absolute error", "bar") == "0.4214 bar"
    assert figure(3, "mean absolute error") == "3"
    assert difference(0.0031, MEAN) == "0.31 points"
    assert difference(0.0313, BAR) == "0.0313 bar"


def test_a_report_says_scores_as_it_says_numbers() -> None:
    """With narrow gaps, and a heading that leaves abbreviations alone."""
    assert words.scored(MEAN) == "55.7\u202f%"
    assert words.scored(BAR) == "0.421\u202fbar"
    assert words.interval(BAR) == "0.380 to 0.465\u202fbar"
    assert words.interval(MEAN) == "unknown"
    assert [words.metric(s) for s in (MEAN, BAR, accuracy_of(1, 2))] == [
        "mAP", "Mean absolute error", "Accuracy",
    ]  # fmt: skip
