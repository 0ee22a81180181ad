"""`Readings`: what a split's scores say to the device's own decoder, and how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.metrics import Proportion
from edge_agent.common.arrays import F32, F64
from edge_agent.tasks.ocr.decode.ctc import best_path, probabilities, text_probability
from edge_agent.tasks.ocr.spec import TextSpec
from pipeline.tasks.ocr.measure.metrics import character_error_rate, exact_match


@dataclass(frozen=True, eq=False)
class Readings:
    """One reading per image, in the order of the split.

    Args:
        texts: what each image says; empty where nothing was read.
        confidence: (N,) float64, the probability of each text in [0, 1]. It is not rounded:
            this is the number that the device compares with its `min_confidence`.
    """

    texts: tuple[str, ...]
    confidence: F64

    def __len__(self) -> int:
        return len(self.texts)

    def right(self, truth: Sequence[str]) -> NDArray[np.bool_]:
        """(N,): which readings have no error at all."""
        return np.array([a == b for a, b in zip(self.texts, truth, strict=True)], bool)


@dataclass(frozen=True)
class ReadingScores:
    """How well a split is read.

    Args:
        exact: the share of texts read without any error.
        exact_ignoring_case: the same where capital and small letters are one.
        error_rate: edits per character of the truth, in [0, inf); None if it has no character.
        error_rate_ignoring_case: the same where capital and small letters are one.
    """

    exact: Proportion
    exact_ignoring_case: Proportion
    error_rate: float | None
    error_rate_ignoring_case: float | None


def read_scores(scores: F32, spec: TextSpec) -> Readings:
    """What the device reads in each row of (N, T, K) scores, without a pattern.

    Raises:
        ValueError: a row has not T * K scores, or they are not finite.
    """
    texts, confidence = [], np.zeros(len(scores))
    for number, row in enumerate(scores):
        p = probabilities(row, spec)
        symbols = best_path(p)
        texts.append("".join(spec.charset[k] for k in symbols))
        confidence[number] = text_probability(p, symbols)
    return Readings(tuple(texts), confidence)


def score_readings(found: Sequence[str], truth: Sequence[str]) -> ReadingScores:
    """How well `truth` was read as `found`.

    Raises:
        ValueError: not as many found as there are truths, or none.
    """
    characters = any(truth)
    return ReadingScores(
        exact=exact_match(found, truth),
        exact_ignoring_case=exact_match(found, truth, ignore_case=True),
        error_rate=character_error_rate(found, truth) if characters else None,
        error_rate_ignoring_case=(
            character_error_rate(found, truth, ignore_case=True) if characters else None
        ),
    )
