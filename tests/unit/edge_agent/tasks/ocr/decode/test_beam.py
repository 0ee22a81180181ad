"""The beam search at its bounds: what is followed, what is tried, and what is not."""

import numpy as np
import pytest

from edge_agent.common.arrays import F64
from edge_agent.tasks.ocr.decode.automaton import of_words
from edge_agent.tasks.ocr.decode.beam import beam_search

CHARSET = tuple("abc")


def steps(*rows: list[float]) -> F64:
    """(T, 4) probabilities of a, b, c and the blank."""
    return np.array(rows)


SURE_A, EVEN = [0.7, 0.1, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25]


def test_the_texts_come_best_first() -> None:
    """By the sum over all their paths, not by the best path."""
    two_ways = steps([0.4, 0.0, 0.0, 0.6], [0.4, 0.0, 0.0, 0.6])
    assert beam_search(two_ways) == [(0,), ()]


def test_the_same_character_again_needs_a_blank_between() -> None:
    """Two steps of `a` are one; three with a blank are two."""
    assert beam_search(steps([1, 0, 0, 0], [1, 0, 0, 0])) == [(0,)]
    assert beam_search(steps([1, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0])) == [(0, 0)]


def test_what_is_exactly_as_probable_as_the_cutoff_is_tried() -> None:
    """What is less probable is not."""
    line = steps([0.125, 0.0625, 0.0, 0.8125])
    assert beam_search(line, cutoff=0.125) == [(), (0,)]
    assert beam_search(line, cutoff=0.0625) == [(), (0,), (1,)]


def test_only_the_most_probable_outputs_are_tried() -> None:
    """So many at a step, of the same probability those that come first."""
    assert beam_search(steps([0.125, 0.25, 0.125, 0.5]), tried=1) == [(), (1,)]
    assert beam_search(steps([0.125, 0.25, 0.125, 0.5]), tried=2) == [(), (1,), (0,)]


@pytest.mark.parametrize("width", [1, 2, 3])
def test_only_so_many_beginnings_are_followed(width: int) -> None:
    """The best ones at each step."""
    found = beam_search(steps([0.5, 0.2, 0.1, 0.2], [0.0, 0.0, 0.0, 1.0]), width=width)
    assert len(found) == width
    assert found[0] == (0,)


def test_only_allowed_texts_are_found_however_probable_others_are() -> None:
    """Beginnings of an allowed one are none; without one within reach there is no text."""
    allowed = of_words(["bc"], CHARSET)
    line = steps(SURE_A, [0.4, 0.2, 0.3, 0.1])
    assert beam_search(line)[0] == (0,)
    assert beam_search(line, allowed) == [(1, 2)]
    assert beam_search(line[:1], allowed) == []


def test_characters_of_no_allowed_text_take_no_place_among_the_tried() -> None:
    """`a` leads everywhere and is in no word: with one place, `b` has it."""
    allowed = of_words(["b"], CHARSET)
    assert beam_search(steps(SURE_A, SURE_A), allowed, tried=1) == [(1,)]


def test_what_cannot_be_is_not_among_the_texts() -> None:
    """A text of probability 0 is none, though the search has written it down."""
    assert beam_search(steps([0.0, 0.0, 0.0, 1.0]), cutoff=0.0) == [()]
