"""What the readings of the test split say: mixed-up characters, lengths, which to look at."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.metrics import Proportion
from edge_agent.common.arrays import F64
from pipeline.measure.evaluate import wilson
from pipeline.tasks.ocr.report.alignment import Edit

# A character that is there less often has no accuracy worth a row.
FEWEST = 5
# Lengths are told apart one by one up to so many, and then in ranges that begin at these.
_SINGLE = 12
_RANGES = (0, 1, 3, 5, 7, 10, 15, 20, 30, 50)


@dataclass(frozen=True)
class Confusion:
    """How often one character was read as another.

    Args:
        wanted: what is there; empty if nothing is.
        found: what was read; empty if nothing was.
        count: how often.
        share: of all the places where `wanted` is; of all the characters read if it is empty.
    """

    wanted: str
    found: str
    count: int
    share: float


@dataclass(frozen=True)
class LengthRange:
    """Texts of `low` to `high` characters, both included; `high` None has no end."""

    low: int
    high: int | None

    def __str__(self) -> str:
        if self.high is None:
            return f"{self.low} or more"
        return f"{self.low}" if self.low == self.high else f"{self.low} to {self.high}"

    def holds(self, text: str) -> bool:
        """Whether `text` is that long."""
        return self.low <= len(text) and (self.high is None or len(text) <= self.high)


@dataclass(frozen=True)
class ReadingPiles:
    """The places of readings by how far they can be trusted; see `sort_readings`."""

    sure_right: tuple[int, ...]
    sure_wrong: tuple[int, ...]
    unsure: tuple[int, ...]


def confusions(edits: Iterable[Edit], limit: int) -> tuple[Confusion, ...]:
    """The most frequent mix-ups among the `edits` of all readings, most frequent first."""
    pairs = Counter(edits)
    there, read = Counter[str](), Counter[str]()
    for (found, wanted), count in pairs.items():
        there[wanted] += count
        read[found] += count
    of_all = sum(count for found, count in read.items() if found)
    wrong = [pair for pair in pairs if pair[0] != pair[1]]
    # Equally frequent ones in the order of the characters, whatever order they were met in.
    wrong.sort(key=lambda pair: (-pairs[pair], pair[1], pair[0]))
    return tuple(
        Confusion(wanted, found, pairs[found, wanted], pairs[found, wanted] / total)
        for found, wanted in wrong[:limit]
        for total in (there[wanted] if wanted else of_all,)
    )


def character_scores(edits: Iterable[Edit]) -> tuple[tuple[str, Proportion], ...]:
    """Of each character that is there `FEWEST` times, how often it was read; weakest first."""
    right, there = Counter[str](), Counter[str]()
    for found, wanted in edits:
        there[wanted] += 1
        right[wanted] += found == wanted
    scores = [
        (wanted, wilson(right[wanted], count))
        for wanted, count in there.items()
        if wanted and count >= FEWEST
    ]
    return tuple(sorted(scores, key=lambda pair: (pair[1].value, pair[1].low, pair[0])))


def length_ranges(texts: Iterable[str]) -> tuple[LengthRange, ...]:
    """Ranges of length, rising, each with at least one of `texts`."""
    lengths = sorted({len(text) for text in texts})
    if len(lengths) <= _SINGLE:
        return tuple(LengthRange(length, length) for length in lengths)
    ranges = [LengthRange(low, high - 1) for low, high in pairwise(_RANGES)]
    ranges.append(LengthRange(_RANGES[-1], None))
    return tuple(one for one in ranges if any(one.holds("-" * length) for length in lengths))


def grouped_scores(
    names: Sequence[str], right: NDArray[np.bool_]
) -> tuple[tuple[str, Proportion], ...]:
    """The share of `right` readings in each group; (N,) `names` say which group each is in."""
    totals = Counter(names)
    hits = Counter(name for name, good in zip(names, right, strict=True) if good)
    return tuple((name, wilson(hits[name], count)) for name, count in totals.items())


def sort_readings(confidence: F64, right: NDArray[np.bool_], threshold: float) -> ReadingPiles:
    """Which readings are sure and right, sure and wrong, and not sure.

    The sure ones with the highest confidence first: a wrong one there is the worst there is.
    Of the others those first that come closest to being sure.
    """
    order = np.argsort(-confidence, kind="stable")
    sure = confidence >= threshold
    return ReadingPiles(
        *(tuple(int(i) for i in order if kind[i]) for kind in (sure & right, sure & ~right, ~sure))
    )


def spread(places: Sequence[int], limit: int) -> tuple[int, ...]:
    """At most `limit` of `places`, evenly from the first to the last."""
    if len(places) <= limit:
        return tuple(places)
    return tuple(places[int(i)] for i in np.linspace(0, len(places) - 1, limit).round())
