"""Measures of reading: edits against their definition, rates over whole sets."""

from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.tasks.ocr.measure.metrics import character_error_rate, edit_distance, exact_match


@lru_cache(None)
def by_definition(a: str, b: str) -> int:
    """The distance as Levenshtein defines it, by recursion."""
    if not a or not b:
        return len(a) + len(b)
    return min(
        by_definition(a[1:], b) + 1,
        by_definition(a, b[1:]) + 1,
        by_definition(a[1:], b[1:]) + (a[0] != b[0]),
    )


@given(st.text("ab1", max_size=7), st.text("ab1", max_size=7))
def test_edit_distance_is_levenshteins(a: str, b: str) -> None:
    """Short texts have the distance of the definition, either way around."""
    assert edit_distance(a, b) == edit_distance(b, a) == by_definition(a, b)


def test_known_distances() -> None:
    """The textbook's kitten, and a reading that lost its point."""
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("12.34", "1234") == 1
    assert edit_distance("", "abc") == 3


def test_the_error_rate_is_over_all_characters() -> None:
    """One wrong character of ten, in two texts of unlike lengths; more read than there is."""
    assert character_error_rate(["abcdefgh", "x"], ["abcdefgh", "ab"]) == pytest.approx(0.2)
    assert character_error_rate(["aaaa"], ["a"]) == 3.0
    assert character_error_rate(["noise", "a"], ["", "a"]) == 5.0


def test_case_can_be_ignored() -> None:
    """Capitals count as other characters unless they are to be ignored."""
    found, wanted = ["Total", "CASH"], ["TOTAL", "CASH"]
    assert character_error_rate(found, wanted) == pytest.approx(4 / 9)
    assert character_error_rate(found, wanted, ignore_case=True) == 0
    assert exact_match(found, wanted).value == 0.5
    assert exact_match(found, wanted, ignore_case=True).value == 1.0


def test_exact_match_comes_with_its_interval() -> None:
    """Three of four read, with the Wilson interval of so few."""
    score = exact_match(["a", "b", "c", "x"], ["a", "b", "c", "d"])
    assert (score.value, score.samples) == (0.75, 4)
    assert score.low == pytest.approx(0.3006, abs=1e-4)


def test_what_cannot_be_measured_is_refused() -> None:
    """Fewer readings than texts, and texts without a single character."""
    with pytest.raises(ValueError, match=r"^texts: expected 2 readings, found 1$"):
        exact_match(["a"], ["a", "b"])
    message = r"^texts: expected at least one character to be read, found none$"
    with pytest.raises(ValueError, match=message):
        character_error_rate([""], [""])
