"""How readings are marked: whole texts, the chance of what was lost, and who agrees."""

import numpy as np
import pytest

from edge_agent.common.arrays import F32
from pipeline.tasks.ocr.charset import Charset
from pipeline.tasks.ocr.data.fitted import pad
from pipeline.tasks.ocr.measure.truth import TextTruth, readings

CHARSET = Charset("ab")
SURE, UNSURE = 20.0, 0.2


def scores(*texts: str, lead: float = SURE) -> F32:
    """(N, 4, 3): each text a character a step, then blanks, every step ahead by `lead`."""
    steps = np.zeros((len(texts), 4, 3), np.float32)
    numbers = {"a": 0, "b": 1, " ": 2}
    for row, text in zip(steps, texts, strict=True):
        for step, character in zip(row, text.ljust(4), strict=True):
            step[numbers[character]] = lead
    return steps


def truth(*texts: str) -> TextTruth:
    """A split with these texts."""
    return TextTruth(CHARSET, texts, pad(texts, CHARSET, 4, texts))


def test_a_reading_with_one_error_is_wrong() -> None:
    """Two of four texts are read without any error."""
    found = truth("ab", "ba", "a", "").score(scores("ab", "bb", "a", "b"))
    assert (found.value, found.samples) == (0.5, 4)


def test_readings_are_those_of_the_best_outputs() -> None:
    """Runs are one and blanks go."""
    assert readings(scores("aa b", "", "baba"), CHARSET) == ["ab", "", "baba"]


def test_networks_agree_where_they_read_the_same() -> None:
    """Whether right or wrong."""
    split = truth("a", "b", "a")
    assert split.agreement(scores("a", "a", "b"), scores("a", "b", "b")) == pytest.approx(2 / 3)


def test_a_changed_reading_costs_what_it_was_sure_of() -> None:
    """Of two readings the one that was sure costs all of itself, the unsure one little."""
    split = truth("ab", "ab")
    same = split.expected_drop(scores("ab", "ab"), scores("ab", "ab"), 1.0)
    surely = split.expected_drop(scores("ab", "ab"), scores("ab", "aa"), 1.0)
    hardly = split.expected_drop(
        scores("ab", "ab", lead=UNSURE), scores("ab", "aa", lead=UNSURE), 1.0
    )
    assert same == 0
    assert surely == pytest.approx(0.5, abs=1e-3)
    assert 0 <= hardly < 0.05


def test_a_temperature_takes_its_confidence_away() -> None:
    """At a high temperature nothing was sure, so nothing much is lost."""
    split, change = truth("ab"), (scores("ab"), scores("aa"))
    assert split.expected_drop(*change, 100.0) < 0.1 < split.expected_drop(*change, 1.0)
