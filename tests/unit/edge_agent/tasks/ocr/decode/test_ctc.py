"""Decoding a line: small cases by hand; brute force is in tests/property."""

from typing import Any

import numpy as np
import pytest

from edge_agent.common.arrays import F32
from edge_agent.tasks.ocr.decode.automaton import of_words
from edge_agent.tasks.ocr.decode.ctc import collapse, read_text, text_probability
from edge_agent.tasks.ocr.decode.pattern import compile_pattern
from edge_agent.tasks.ocr.spec import TextSpec

CHARSET = ("a", "b", "7", "1")


def spec(steps: int, **changes: Any) -> TextSpec:
    return TextSpec(charset=CHARSET, steps=steps, **changes)


def scores(path: str, sure: float = 8.0) -> F32:
    """Scores that lead for one output a step; `_` is the blank."""
    raw = np.zeros((len(path), len(CHARSET) + 1), np.float32)
    for t, character in enumerate(path):
        raw[t, -1 if character == "_" else CHARSET.index(character)] = sure
    return raw


@pytest.mark.parametrize(
    ("path", "text"),
    [("aa_ab", "aab"), ("____", ""), ("_a_b_", "ab"), ("aaaa", "a"), ("a_a_", "aa"), ("7", "7")],
)
def test_runs_are_one_and_blanks_go(path: str, text: str) -> None:
    """The rule of collapse, as the manifest documents it."""
    assert read_text(scores(path), spec(len(path))).text == text


def test_collapsing_is_by_runs_first() -> None:
    """A blank between two of the same keeps both."""
    assert collapse(np.array([1, 1, 4, 1, 0, 0]), 4) == (1, 1, 0)


def test_the_confidence_is_the_sum_over_paths() -> None:
    """Two steps of blank and `a` at one half each: three of four paths write `a`."""
    p = np.array([[0.5, 0.5], [0.5, 0.5]])
    assert text_probability(p, (0,)) == pytest.approx(0.75)
    assert text_probability(p, ()) == pytest.approx(0.25)
    assert text_probability(p, (0, 0)) == 0.0  # needs a blank between: three steps


def test_a_clear_line_is_sure_and_an_unclear_one_is_not() -> None:
    """Must fire on the first and not on the second, at the same threshold."""
    clear = read_text(scores("a_b_"), spec(4, min_confidence=0.9))
    assert clear.sure
    assert clear.confidence > 0.99
    unclear = read_text(scores("a_b_", sure=2.0), spec(4, min_confidence=0.9))
    assert unclear.text == "ab"
    assert not unclear.sure


def test_temperature_makes_it_less_sure_and_changes_no_text() -> None:
    """A temperature above 1 flattens every step."""
    cold, warm = (read_text(scores("a_b_"), spec(4, temperature=t)) for t in (1.0, 3.0))
    assert warm.text == cold.text
    assert warm.confidence < cold.confidence


def test_the_doubtful_character_is_the_one_with_the_low_confidence() -> None:
    """`7` or `1` is hardly decided; what stands before it is."""
    raw = scores("a_7_")
    raw[2, CHARSET.index("1")] = raw[2, CHARSET.index("7")] - 0.5
    text = read_text(raw, spec(4))
    assert [score.character for score in text.characters] == ["a", "7"]
    first, second = (score.confidence for score in text.characters)
    assert first > 0.99
    assert second == pytest.approx(1 / (1 + np.exp(-0.5)), abs=0.01)


def test_a_pattern_chooses_among_what_is_likely() -> None:
    """The letter is likelier, but only a digit is allowed; its probability stays its own."""
    raw = scores("_b_")
    raw[1, CHARSET.index("7")] = 7.5
    free, bound = (
        read_text(raw, spec(3), allowed) for allowed in (None, compile_pattern(r"\d", CHARSET))
    )
    assert (free.text, bound.text) == ("b", "7")
    assert bound.confidence < free.confidence < 0.7
    assert not read_text(raw, spec(3, min_confidence=0.5), compile_pattern(r"\d", CHARSET)).sure


def test_under_a_pattern_many_small_paths_beat_the_best_path() -> None:
    """Twice 0.6 for the blank: the best path writes nothing, with 0.36; `a` has all the rest."""
    raw = np.full((2, 5), -30.0, np.float32)
    raw[:, 0], raw[:, -1] = np.log(0.4), np.log(0.6)
    assert read_text(raw, spec(2)).text == ""
    bound = read_text(raw, spec(2), compile_pattern("a?", CHARSET))
    assert bound.text == "a"
    assert bound.confidence == pytest.approx(0.64)


def test_a_word_list_mends_a_doubtful_character() -> None:
    """`71` is a word and `77` is none."""
    raw = scores("7_7")
    raw[2, CHARSET.index("1")] = 7.9
    assert read_text(raw, spec(3), of_words(["71", "ab"], CHARSET)).text == "71"


def test_nothing_allowed_within_reach_is_no_text() -> None:
    """Must not fire: a pattern is no reason to make up a reading."""
    strict = spec(4, min_confidence=0.5)
    nothing = read_text(scores("____", sure=30.0), strict, compile_pattern(r"\d{3}", CHARSET))
    assert (nothing.text, nothing.confidence, nothing.sure) == ("", 0.0, False)


def test_a_blank_line_under_a_pattern_is_not_sure_of_a_digit() -> None:
    """What little the network sees of a digit stays little."""
    text = read_text(
        scores("____", sure=6.0), spec(4, min_confidence=0.5), compile_pattern(r"\d", CHARSET)
    )
    assert not text.sure
    assert text.confidence < 0.05


def test_a_long_line_does_not_underflow() -> None:
    """2000 steps of some doubt each: the probability is small and not zero or NaN."""
    raw = scores("a_b_" * 500, sure=5.0)
    text = read_text(raw, spec(2000))
    assert len(text.text) == 1000
    assert 0 <= text.confidence < 1e-6
    assert all(0.9 < score.confidence <= 1 for score in text.characters)


def test_scores_of_another_shape_are_refused() -> None:
    """They would be read at wrong steps."""
    with pytest.raises(ValueError, match=r"scores: expected 5 steps of 5, found \(4, 5\)"):
        read_text(scores("a_b_"), spec(5))


def test_scores_that_are_no_numbers_are_refused() -> None:
    """NaN compares as nothing in particular."""
    raw = scores("a_b_")
    raw[1, 1] = np.nan
    with pytest.raises(ValueError, match="scores: expected finite numbers, found NaN or infinity"):
        read_text(raw, spec(4))


def test_equal_scores_go_to_the_first_output() -> None:
    """Int8 scores tie: as `argmax` does, on every machine; and nobody is sure of it."""
    text = read_text(np.zeros((3, 5), np.float32), spec(3, min_confidence=0.5))
    assert text.text == "a"
    assert not text.sure
