"""Shares, sizes and differences in the report's words."""

from collections.abc import Callable

import pytest

from edge_agent.bundle.metrics import Proportion, Score
from pipeline.report import words

GAP = "\u202f"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.98615, "98.6"), (1.0, "100.0"), (0.9996, "99.96"), (0.999999, "99.99"), (0.0, "0.0")],
)
def test_percent_is_never_rounded_up_to_all(share: float, text: str) -> None:
    """Only 1.0 itself is 100 %: a report must not hide its last mistake."""
    assert words.percent(share) == f"{text}{GAP}%"


def test_interval_names_both_ends() -> None:
    """The unit is said once."""
    score = Proportion(value=0.986, low=0.9681, high=0.994, samples=360)
    assert words.interval(score) == f"96.8 to 99.4{GAP}%"


@pytest.mark.parametrize(
    ("difference", "text"),
    [(-0.0028, "\u22120.3"), (0.0021, "+0.2"), (-0.0001, "0.0"), (0.0001, "0.0"), (-0.0, "0.0")],
)
def test_points_have_a_sign_unless_they_round_to_zero(difference: float, text: str) -> None:
    """A loss has a true minus sign; nothing is ever `-0.0`."""
    assert words.points(difference) == f"{text}{GAP}points"


@pytest.mark.parametrize(
    ("difference", "text"),
    [(0.0012, "0.12"), (-0.0005, "\u22120.05"), (-0.00001, "0.00"), (0.4358, "43.58")],
)
def test_what_is_lost_is_in_points_with_two_decimals(difference: float, text: str) -> None:
    """A gain is negative, by a true minus sign; the unit stands elsewhere."""
    assert words.lost(difference) == text


def test_what_an_error_rises_by_is_in_its_unit() -> None:
    """Must fire: no points, and none of a percent's factor of a hundred."""
    before, after = (
        Score(metric="mean absolute error", value=value, samples=9, unit="bar")
        for value in (0.05, 0.0626)
    )
    assert words.change(before, after) == f"+0.013{GAP}bar"
    assert words.change(after, before) == f"\u22120.013{GAP}bar"
    assert words.change(after, after) == f"0.000{GAP}bar"
    assert words.lost(0.0126, after) == "0.013"
    assert words.lost(-1.5, after) == "\u22121.50"
    assert (words.loss(after), words.loss_unit(after)) == ("rise", "bar")


def test_what_a_share_loses_is_in_points() -> None:
    """Must not fire: the words of a drop are those of before."""
    before, after = (Score(metric="accuracy", value=value, samples=9) for value in (0.9, 0.8))
    assert words.change(before, after) == f"\u221210.0{GAP}points"
    assert words.lost(0.1, after) == "10.00"
    assert (words.loss(after), words.loss_unit(after)) == ("drop", "points")


@pytest.mark.parametrize(
    ("write", "number", "text"),
    [
        (words.count, 12_543_210, f"12.5{GAP}M"),
        (words.count, 3_200_000_000, f"3.20{GAP}G"),
        (words.count, 78_666, f"78.7{GAP}k"),
        (words.count, 999, "999"),
        (words.size, 96_312, f"96.3{GAP}kB"),
        (words.size, 3_500_000, f"3.50{GAP}MB"),
        (words.size, 512, f"512{GAP}B"),
        (words.milliseconds, 0.4183, f"0.418{GAP}ms"),
        (words.milliseconds, 123.4, f"123{GAP}ms"),
        (words.times, 2.04, "2.0\u00d7"),
        (words.seconds, 12.34, f"12.3{GAP}s"),
        (words.seconds, 125.4, f"2{GAP}min 5{GAP}s"),
        (words.seconds, 7260, f"2{GAP}h 1{GAP}min"),
    ],
)
def test_numbers_have_three_digits_and_a_unit(
    write: Callable[[float], str], number: float, text: str
) -> None:
    """Every kind of number is written as a person would."""
    assert write(number) == text
