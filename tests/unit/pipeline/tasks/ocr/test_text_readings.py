"""Readings of a split: as the device reads, as sure as the device is."""

import numpy as np
import pytest

from edge_agent.common.arrays import F32
from edge_agent.tasks.ocr.decode.ctc import read_text
from edge_agent.tasks.ocr.spec import TextSpec
from pipeline.tasks.ocr.measure.readings import read_scores, score_readings

SPEC = TextSpec(charset=("a", "b"), steps=3, temperature=0.7)


def paths(*texts: str, sure: float = 4.0) -> F32:
    """Scores that write each of `texts` step by step, `-` for the blank."""
    rows = [[["ab-".index(step) == k for k in range(3)] for step in text] for text in texts]
    return np.asarray(rows, np.float32) * np.float32(sure)


def test_readings_are_the_devices_own() -> None:
    """Text and confidence of noise are what the device's decoder says, before it rounds."""
    scores = np.random.default_rng(0).normal(0, 2, (40, 3, 3)).astype(np.float32)
    found = read_scores(scores, SPEC)
    device = [read_text(row, SPEC) for row in scores]
    assert found.texts == tuple(one.text for one in device)
    assert [round(c, 6) for c in found.confidence] == [one.confidence for one in device]
    assert len(found) == 40
    assert len(set(found.texts)) > 3


def test_confidence_is_not_rounded() -> None:
    """A reading just below certainty stays below it: it is compared with a threshold."""
    found = read_scores(paths("a-b", sure=14.0), SPEC)
    assert round(found.confidence[0], 6) == 1
    assert found.confidence[0] < 1


def test_right_is_without_any_error() -> None:
    """Runs are one, blanks go, an empty text can be right, and a case is an error."""
    found = read_scores(paths("aab", "---", "a-a", "b--"), SPEC)
    assert found.texts == ("ab", "", "aa", "b")
    assert found.right(("ab", "", "a", "B")).tolist() == [True, True, False, False]


def test_scores_of_another_size_are_refused() -> None:
    """A row of four steps is no output of a network with three."""
    message = r"^scores: expected 3 steps of 3, found \(4, 3\)$"
    with pytest.raises(ValueError, match=message):
        read_scores(paths("a-ba"), SPEC)


def test_measures_of_a_split() -> None:
    """Exact and edits, with case and without, of four texts with eight characters."""
    scores = score_readings(["abc", "Abc", "", "x"], ["abc", "abc", "", "ab"])
    assert (scores.exact.value, scores.exact.samples) == (0.5, 4)
    assert scores.exact_ignoring_case.value == 0.75
    assert scores.error_rate == pytest.approx(3 / 8)
    assert scores.error_rate_ignoring_case == pytest.approx(2 / 8)


def test_blank_images_alone_have_no_error_rate() -> None:
    """Without a character there is nothing to count edits by, but right and wrong."""
    scores = score_readings(["", "a"], ["", ""])
    assert scores.exact.value == 0.5
    assert scores.error_rate is scores.error_rate_ignoring_case is None


def test_no_readings_are_refused() -> None:
    """A share of nothing is no share."""
    with pytest.raises(ValueError, match=r"^samples: expected at least 1, found 0$"):
        score_readings([], [])
