"""Class scores to a `Classification`."""

import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import F32
from edge_agent.tasks.classify.answer import Classification, LabelScore
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.softmax import softmax

TOP = 5


def classify(scores: F32, spec: ClassifySpec) -> Classification:
    """The answer for one image.

    Args:
        scores: (1, K) or (K,) float32 class scores (logits), K = len(spec.labels).
        spec: labels, temperature and the least confidence that counts as sure.

    Raises:
        ValueError: if `scores` has another number of classes, or is not finite.
    """
    flat = scores.reshape(-1)
    if flat.size != len(spec.labels):
        raise ValueError(f"scores: expected {len(spec.labels)} classes, found {flat.size}")
    if not np.isfinite(flat).all():
        raise ValueError("scores: expected finite numbers, found NaN or infinity")
    probabilities = softmax(flat, spec.temperature)
    order = _best(flat)
    best = int(order[0])
    confidence = float(probabilities[best])
    return Classification(
        label=spec.labels[best],
        index=best,
        confidence=confidence,
        sure=confidence >= spec.min_confidence,
        top=tuple(LabelScore(spec.labels[i], float(probabilities[i])) for i in order),
    )


def _best(flat: F32) -> NDArray[np.intp]:
    """The places of the `TOP` highest scores, highest first; of equal ones the lower first."""
    candidates = np.arange(flat.size)
    if flat.size > TOP:
        # To sort a thousand scores for the sake of five takes three times as long.
        least = np.partition(flat, -TOP)[-TOP]
        candidates = np.flatnonzero(flat >= least)
    # A stable sort on the negated scores: equal int8 scores go to the lower index, as argmax does.
    return candidates[np.argsort(-flat[candidates], kind="stable")[:TOP]]
