"""Charsets: which output is which character, and what fits into how many time steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.common.errors import DataError
from pipeline.tasks.ocr.charset import (
    ALPHANUMERIC,
    METER,
    PRINTED,
    PRINTED_UPPER,
    Charset,
    check_lengths,
    steps_needed,
)


def test_the_named_charsets_have_the_characters_they_say() -> None:
    """95 printable characters of ASCII, 69 without small letters, 62 letters and digits."""
    sizes = [len(Charset(c).characters) for c in (PRINTED, PRINTED_UPPER, ALPHANUMERIC, METER)]
    assert sizes == [95, 69, 62, 13]
    assert set(PRINTED) == {chr(code) for code in range(0x20, 0x7F)}


def test_the_blank_is_the_last_output() -> None:
    """Two characters make three outputs, the third the blank."""
    charset = Charset("ab")
    assert (charset.outputs, charset.blank) == (3, 2)
    assert charset.encode("abba", "x").tolist() == [0, 1, 1, 0]


def test_a_character_outside_is_one_error() -> None:
    """It names the place, the charset and the character."""
    with pytest.raises(DataError) as error:
        Charset("ab").encode("abc", "texts/7.png")
    assert str(error.value) == (
        "texts/7.png: expected a text of the characters 'ab', found 'c' in 'abc'"
    )


@pytest.mark.parametrize(
    ("characters", "found"),
    [
        ("", "charset: expected at least one character, found none"),
        ("aba", "charset: expected distinct printable characters, found 'a' twice"),
        (
            "a\n",
            "charset: expected distinct printable characters, found '\\n' which cannot be printed",
        ),
    ],
)
def test_odd_charsets_are_refused(characters: str, found: str) -> None:
    """None, one twice and a newline are errors of their own."""
    with pytest.raises(DataError) as error:
        Charset(characters)
    assert str(error.value) == found


def test_collapse_merges_runs_and_drops_blanks() -> None:
    """A a - a b - - b reads `aabb`; blanks alone read nothing."""
    charset = Charset("ab")
    assert charset.collapse(np.array([0, 0, 2, 0, 1, 2, 2, 1])) == "aabb"
    assert charset.collapse(np.array([2, 2, 2])) == ""
    assert charset.collapse(np.array([0])) == "a"


def shortest_path(text: str, charset: Charset) -> list[int]:
    """The fewest time steps that say `text`: a blank between two equal characters alone."""
    path: list[int] = []
    for k in charset.encode(text, "").tolist():
        path += [charset.blank, k] if path and path[-1] == k else [k]
    return path


@given(st.text("abc", max_size=12))
def test_the_steps_a_text_needs_are_enough_and_no_fewer_are(text: str) -> None:
    """The shortest path that collapses to a text is as long as `steps_needed` says."""
    charset = Charset("abc")
    path = shortest_path(text, charset)
    assert charset.collapse(np.array(path, np.int64)) == text
    assert steps_needed(text) == len(path)


def test_a_text_too_long_is_one_error() -> None:
    """It names the picture, the text, the steps it needs, and the network's width."""
    check_lengths(["abcd", "abb"], ["1.png", "2.png"], 4, 16)
    with pytest.raises(DataError) as error:
        check_lengths(["abcd", "aabb"], ["1.png", "2.png"], 4, 16)
    assert str(error.value) == (
        "2.png: expected a text that fits the 4 time steps of an input 16 pixels wide, "
        "found one that needs 6: 'aabb'"
    )
