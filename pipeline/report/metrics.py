"""What the scores on the test split say: confusion, calibration, and the worst mistakes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.metrics import Proportion
from edge_agent.common.arrays import F32, F64
from edge_agent.tasks.softmax import softmax
from pipeline.measure.evaluate import wilson
from pipeline.measure.recall import class_recalls

# Guo et al. (2017), "On calibration of modern neural networks", section 5: M = 15.
BINS = 15


@dataclass(frozen=True)
class Bin:
    """The answers whose confidence lies in (low, high].

    Args:
        low, high: the bin's borders.
        confidence: mean confidence of its answers.
        accuracy: share of them that are right, with its interval.
    """

    low: float
    high: float
    confidence: float
    accuracy: Proportion


@dataclass(frozen=True)
class Mistake:
    """One wrong answer: the image's place in the split, and classes by number."""

    index: int
    truth: int
    answer: int
    confidence: float


@dataclass(frozen=True)
class Mixup:
    """How often images of one class, `truth`, were taken for another; classes by number."""

    truth: int
    answer: int
    count: int
    share: float


def confusion(
    truth: NDArray[np.int64], answers: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """(K, K) counts: row = true class, column = answer."""
    flat = np.bincount(truth * classes + answers, minlength=classes * classes)
    return flat.reshape(classes, classes)


def mixups(matrix: NDArray[np.int64], limit: int) -> tuple[Mixup, ...]:
    """The most frequent off-diagonal cells of a confusion matrix, most frequent first."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:limit]
    found = []
    for cell in order:
        row, column = divmod(int(cell), len(matrix))
        count = int(wrong[row, column])
        if count:
            found.append(Mixup(row, column, count, count / int(matrix[row].sum())))
    return tuple(found)


def class_accuracy(matrix: NDArray[np.int64]) -> tuple[Proportion | None, ...]:
    """Per class, the share of its images answered right; None where it has no images."""
    return class_recalls(matrix.diagonal(), matrix.sum(axis=1))


def confidences(scores: F32, temperature: float) -> F32:
    """(N, K) logits to the (N,) probability of each row's answer."""
    return np.asarray(softmax(scores, temperature).max(axis=1), np.float32)


def reliability(scores: F32, truth: NDArray[np.int64], temperature: float) -> tuple[Bin, ...]:
    """The answers to (N, K) `scores` in bins of confidence; see `bins_of`."""
    return bins_of(confidences(scores, temperature), scores.argmax(axis=1) == truth)


def bins_of(sure: F32 | F64, right: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Answers, (N,) how `sure` and (N,) whether `right`, in `BINS` equal bins of confidence.

    Empty bins are left out.
    """
    place = np.clip(np.ceil(sure * BINS).astype(np.int64) - 1, 0, BINS - 1)
    found = []
    for number in range(BINS):
        inside = place == number
        if inside.any():
            score = wilson(int(right[inside].sum()), int(inside.sum()))
            mean = float(sure[inside].mean(dtype=np.float64))
            found.append(Bin(number / BINS, (number + 1) / BINS, mean, score))
    return tuple(found)


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """Expected calibration error in [0, 1].

    Guo et al. (2017), equation 3: the mean over all answers of
    ``|accuracy - confidence|`` of the answer's bin.
    """
    samples = sum(bin_.accuracy.samples for bin_ in bins)
    gaps = (abs(b.accuracy.value - b.confidence) * b.accuracy.samples for b in bins)
    return sum(gaps) / samples


def worst_mistakes(
    scores: F32, truth: NDArray[np.int64], temperature: float, limit: int
) -> tuple[Mistake, ...]:
    """At most `limit` wrong answers, the most confident first."""
    answers = scores.argmax(axis=1)
    sure = confidences(scores, temperature)
    wrong = np.flatnonzero(answers != truth)
    order = wrong[np.argsort(-sure[wrong], kind="stable")][:limit]
    return tuple(Mistake(int(i), int(truth[i]), int(answers[i]), float(sure[i])) for i in order)
