"""From which confidence on a reading may be trusted, for a stated share of errors.

A reading is *accepted* if its confidence reaches the threshold. The **coverage** is the share
of all readings that are accepted, the **error** the share of wrong ones among the accepted
(selective classification: El-Yaniv and Wiener 2010, "On the foundations of noise-free
selective classification", call them coverage and risk).

What few samples can promise is little: that none of 300 accepted readings was wrong speaks for
an error below 1.3 %, not for none, and no threshold chosen on them can promise 0.1 %.
`Point.bound` says how far a measured error can be from the true one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.metrics import Proportion
from edge_agent.common.arrays import F64
from pipeline.common.errors import GateError
from pipeline.measure.evaluate import wilson


@dataclass(frozen=True)
class Point:
    """What one threshold gives on a split.

    Args:
        threshold: readings of at least this confidence are accepted.
        accepted: how many are.
        wrong: how many of those are wrong.
        samples: how many readings there are.
    """

    threshold: float
    accepted: int
    wrong: int
    samples: int

    @property
    def coverage(self) -> float:
        """The share of readings that are accepted."""
        return self.accepted / self.samples

    @property
    def error(self) -> float:
        """The share of wrong ones among the accepted; 0 if none is accepted."""
        return self.wrong / self.accepted if self.accepted else 0.0

    @property
    def bound(self) -> Proportion | None:
        """`error` with its 95 % Wilson interval; None if nothing is accepted.

        For a threshold that was chosen on the same readings the interval is too hopeful: of
        many thresholds the choice took one that came out well.
        """
        return wilson(self.wrong, self.accepted) if self.accepted else None


@dataclass(frozen=True, eq=False)
class Curve:
    """Coverage and error at every threshold that makes a difference, the highest first.

    Args:
        thresholds: (M,) every confidence that a reading has, once, falling.
        accepted: (M,) how many readings reach each.
        wrong: (M,) how many of those are wrong.
    """

    thresholds: F64
    accepted: NDArray[np.int64]
    wrong: NDArray[np.int64]

    @property
    def samples(self) -> int:
        """How many readings there are: all of them reach the lowest threshold."""
        return int(self.accepted[-1])

    @property
    def coverage(self) -> F64:
        """(M,): the share of readings that are accepted, rising to 1."""
        return np.asarray(self.accepted / self.samples, np.float64)

    @property
    def error(self) -> F64:
        """(M,): the share of wrong ones among the accepted. It may rise and fall."""
        return np.asarray(self.wrong / self.accepted, np.float64)

    def at(self, threshold: float) -> Point:
        """What any threshold gives on these readings."""
        reached = int((self.thresholds >= threshold).sum())
        if not reached:
            return Point(threshold, 0, 0, self.samples)
        accepted, wrong = int(self.accepted[reached - 1]), int(self.wrong[reached - 1])
        return Point(threshold, accepted, wrong, self.samples)


def coverage_curve(confidence: F64, right: NDArray[np.bool_]) -> Curve:
    """The curve of readings with an (N,) `confidence`, (N,) of them `right`.

    Readings of the same confidence are accepted together or not at all.

    Raises:
        ValueError: there are no readings, or not as many of one as of the other.
    """
    if len(confidence) != len(right) or not len(right):
        raise ValueError(
            "curve: expected as many confidences as readings, and at least 1, "
            f"found {len(confidence)} and {len(right)}"
        )
    rising, first, counts = np.unique(-confidence, return_inverse=True, return_counts=True)
    wrong = np.bincount(first, weights=~right, minlength=len(rising)).astype(np.int64)
    return Curve(-rising, np.cumsum(counts), np.cumsum(wrong))


def largest_coverage(curve: Curve, error: float) -> Point | None:
    """The lowest threshold whose accepted readings have at most that `error`, if there is one.

    Higher thresholds need not hold it: as the threshold falls the error rises with a wrong
    reading and falls with the right ones behind it, and of all the places where it is low
    enough the last is the most useful one. It is the confidence of a reading that was seen,
    never lower: what is below was not measured.
    """
    enough = np.flatnonzero(curve.error <= error)
    return curve.at(float(curve.thresholds[enough[-1]])) if len(enough) else None


def operating_point(curve: Curve, error: float) -> Point:
    """The threshold for a device: `largest_coverage`, or one that accepts nothing.

    Where no threshold holds the `error` the coverage is 0, and the threshold the next number
    above the highest confidence.

    Raises:
        GateError: no threshold holds it, and none above the highest confidence is left, for
            it is 1.
    """
    point = largest_coverage(curve, error)
    if point is not None:
        return point
    highest = float(curve.thresholds[0])
    if highest >= 1:
        raise GateError(
            f"output.max_error: expected at most {100 * error:g} % of readings to be wrong from "
            f"some confidence on, found {curve.wrong[0]} wrong of {curve.accepted[0]} at the "
            "confidence 1; look for wrong labels among the validation images"
        )
    return curve.at(float(np.nextafter(highest, 2.0)))
