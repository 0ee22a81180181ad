"""How well a classifier knows each of its classes: recalls, and what they come to together.

An accuracy counts images, so it hides a rare class that is never answered. The mean of the
classes' recalls and the weakest of them do not.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.metrics import Balance, ClassRecall, Proportion
from pipeline.measure.evaluate import wilson


def class_recalls(
    right: NDArray[np.int64], totals: NDArray[np.int64]
) -> tuple[Proportion | None, ...]:
    """Of each class the share of its images answered rightly; None where it has none.

    Args:
        right: (K,) how many images of each class were answered rightly.
        totals: (K,) how many there are.
    """
    return tuple(
        wilson(int(hits), int(total)) if total else None
        for hits, total in zip(right, totals, strict=True)
    )


def balanced_accuracy(recalls: Sequence[Proportion]) -> Proportion:
    """The mean of `recalls`, with its 95 % interval.

    The interval is made of the recalls' own by the method of variance estimates recovery (Zou
    and Donner, 2008, "Construction of confidence limits about effect measures"): a sum of
    independent estimates lies below its value by at most the root of the squares of what they
    do. Like Wilson's it is not empty where all are right.
    """
    count = len(recalls)
    mean = sum(recall.value for recall in recalls) / count
    below = sqrt(sum((recall.value - recall.low) ** 2 for recall in recalls)) / count
    above = sqrt(sum((recall.high - recall.value) ** 2 for recall in recalls)) / count
    return Proportion(
        value=min(1.0, mean),
        low=max(0.0, mean - below),
        high=min(1.0, mean + above),
        samples=sum(recall.samples for recall in recalls),
    )


def balance_of(
    answers: NDArray[np.int64], truth: NDArray[np.int64], labels: Sequence[str]
) -> Balance:
    """How evenly (N,) `answers` know the K classes `labels`; a class without an image is left out.

    Of classes of the same recall the one with the most images is the weakest: there it is the
    best proven.

    Raises:
        ValueError: no image at all.
    """
    totals = np.bincount(truth, minlength=len(labels)).astype(np.int64)
    right = np.bincount(truth[answers == truth], minlength=len(labels)).astype(np.int64)
    known = [
        ClassRecall(label=label, recall=recall)
        for label, recall in zip(labels, class_recalls(right, totals), strict=True)
        if recall is not None
    ]
    if not known:
        raise ValueError("truth: expected at least one image, found none")
    return Balance(
        accuracy=balanced_accuracy([one.recall for one in known]),
        classes=len(labels),
        weakest=min(known, key=lambda one: (one.recall.value, -one.recall.samples)),
        least_proven=min(known, key=lambda one: one.recall.low),
    )
