"""`Truth`: the right answers of a split, and how scores are marked against them."""

from collections.abc import Mapping
from typing import Protocol

from edge_agent.bundle.metrics import Balance, Score
from edge_agent.common.arrays import F32


class Truth(Protocol):
    """What is right; every task has its own.

    Scores are float32 with one row per image: (N, K) of classes, (N, T, K) of texts.
    """

    def score(self, scores: F32) -> Score:
        """How good the answers are, by the task's metric."""

    def agreement(self, a: F32, b: F32) -> float:
        """The share of images on which two networks give the same answer."""

    def expected_drop(self, real: F32, other: F32, temperature: float) -> float:
        """By how much `other` is worse than the float network's `real`, in the metric's unit.

        See `pipeline.measure.evaluate.expected_drop`; at least 0.
        """

    def temperature(self, _scores: F32) -> float:
        """What makes the confidence of a network with these scores mean what it says.

        1 where answers have no confidence.
        """
        return 1.0

    def balance(self, _scores: F32) -> Balance | None:
        """How evenly classes are known; None where there are no classes."""
        return None

    def class_counts(self) -> Mapping[str, int] | None:
        """How many images each class has; None where there are no classes."""
        return None
