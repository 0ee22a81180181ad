"""What is counted about readings, against counting by hand and by definition."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.measure.evaluate import wilson
from pipeline.tasks.ocr.measure.metrics import edit_distance
from pipeline.tasks.ocr.report.alignment import align
from pipeline.tasks.ocr.report.metrics import (
    FEWEST,
    Confusion,
    character_scores,
    confusions,
    grouped_scores,
    length_ranges,
    sort_readings,
    spread,
)

TEXTS = st.text("ab1 ", max_size=8)


@given(TEXTS, TEXTS)
def test_an_alignment_is_a_shortest_way(found: str, wanted: str) -> None:
    """It has all of both texts in order, and as many edits as their distance."""
    pairs = align(found, wanted)
    assert "".join(a for a, _ in pairs) == found
    assert "".join(b for _, b in pairs) == wanted
    assert sum(a != b for a, b in pairs) == edit_distance(found, wanted)
    assert ("", "") not in pairs


def test_characters_are_taken_for_others_where_that_is_shortest() -> None:
    """A 1 for a 4, a point that is missing, a letter that is made up."""
    assert align("17", "47") == (("1", "4"), ("7", "7"))
    assert align("127", "12.7") == (("1", "1"), ("2", "2"), ("", "."), ("7", "7"))
    assert align("ab", "b") == (("a", ""), ("b", "b"))
    assert align("", "") == ()


def test_mix_ups_are_counted_with_their_share() -> None:
    """Of all the places where the character is; what is made up has a share of what was read."""
    edits = [("1", "4")] * 3 + [("4", "4")] + [("", "."), (".", ".")] + [("x", "")] * 2
    assert confusions(edits, 8) == (
        Confusion("4", "1", 3, 3 / 4),
        Confusion("", "x", 2, 2 / 7),
        Confusion(".", "", 1, 1 / 2),
    )
    assert len(confusions(edits, 1)) == 1
    assert confusions([("a", "a")], 8) == ()


def test_mix_ups_have_one_order() -> None:
    """Equally frequent ones come in the order of the characters, however they were met."""
    edits = [("b", "c"), ("a", "d"), ("a", "c")]
    assert confusions(edits, 8) == confusions(edits[::-1], 8)


def test_the_weakest_character_comes_first() -> None:
    """By its share read right; what is there too seldom, or made up, has no share."""
    edits = [("a", "a")] * FEWEST + [("b", "b")] * 4 + [("o", "b")] * 2
    edits += [("z", "z")] * (FEWEST - 1) + [("q", "")] * 9
    assert character_scores(edits) == (("b", wilson(4, 6)), ("a", wilson(FEWEST, FEWEST)))


@given(st.lists(st.integers(0, 70), min_size=1))
def test_every_length_is_in_one_range(lengths: list[int]) -> None:
    """And no range is without a text."""
    texts = ["-" * length for length in lengths]
    ranges = length_ranges(texts)
    assert all(sum(one.holds(text) for one in ranges) == 1 for text in texts)
    assert all(any(map(one.holds, texts)) for one in ranges)
    assert len({str(one) for one in ranges}) == len(ranges) <= 12


def test_lengths_in_words() -> None:
    """Few lengths stand alone; many are put together, the longest without an end."""
    assert list(map(str, length_ranges(["", "ab", "abcd", "ab"]))) == ["0", "2", "4"]
    many = length_ranges("-" * length for length in range(60))
    assert list(map(str, many))[:3] == ["0", "1 to 2", "3 to 4"]
    assert str(many[-1]) == "50 or more"


def test_groups_are_scored_each_by_itself() -> None:
    """In the order they are met, each with its interval."""
    found = grouped_scores(["b", "a", "b"], np.array([True, False, False]))
    assert found == (("b", wilson(1, 2)), ("a", wilson(0, 1)))


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans())),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_each_reading_is_on_one_pile(readings: list[tuple[float, bool]], threshold: float) -> None:
    """Sure is what reaches the threshold, as on the device; each pile is falling."""
    confidence = np.array([c for c, _ in readings])
    right = np.array([good for _, good in readings], bool)
    piles = sort_readings(confidence, right, threshold)
    places = (*piles.sure_right, *piles.sure_wrong, *piles.unsure)
    assert Counter(places) == Counter(range(len(readings)))
    for pile in (piles.sure_right, piles.sure_wrong, piles.unsure):
        assert (np.diff(confidence[list(pile)]) <= 0).all()
    assert all(right[i] and confidence[i] >= threshold for i in piles.sure_right)
    assert all(not right[i] and confidence[i] >= threshold for i in piles.sure_wrong)
    assert all(confidence[i] < threshold for i in piles.unsure)


@pytest.mark.parametrize(
    ("count", "shown"), [(0, ()), (2, (0, 1)), (4, (0, 1, 2, 3)), (9, (0, 3, 5, 8))]
)
def test_some_of_many_are_spread_evenly(count: int, shown: tuple[int, ...]) -> None:
    """All of few; of many the first, the last and what is between."""
    assert spread(range(count), 4) == shown
