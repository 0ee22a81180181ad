"""`Figure`: what was measured, beside what it should be."""

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the comparison.

    Args:
        name: what it is.
        value: in `unit`.
        unit: "" for a ratio.
        at_least, at_most: the target; neither for what is only told.
        beside: where it comes from, in a few words.
        headline: whether docs/benchmarks.md shows it though it has no target.
    """

    name: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    beside: str = ""
    headline: bool = False

    @property
    def on_page(self) -> bool:
        """Whether docs/benchmarks.md shows it."""
        return self.headline or self.met is not None

    @property
    def amount(self) -> str:
        """The value with its unit, with as many digits as were measured, six at most."""
        unit = self.unit if not self.unit or self.unit.startswith("/") else f" {self.unit}"
        return f"{self.value:,.6g}{unit}"

    @property
    def target(self) -> str:
        """What it should be; "" if it is only told."""
        if self.at_least is None and self.at_most is None:
            return ""
        bound, words = (
            (self.at_least, "at least") if self.at_most is None else (self.at_most, "at most")
        )
        return f"{words} {bound:g}{self.unit and f' {self.unit}'}"

    @property
    def met(self) -> bool | None:
        """Whether it is as it should be; None without a target."""
        if self.at_least is not None:
            return self.value >= self.at_least
        if self.at_most is not None:
            return self.value <= self.at_most
        return None

    def __str__(self) -> str:
        unit = self.unit and f" {self.unit}"
        bound, sign = (self.at_least, ">=") if self.at_most is None else (self.at_most, "<=")
        verdict = {None: "", True: "met", False: "NOT MET"}[self.met]
        target = "" if bound is None else f"{sign} {bound:g}{unit}"
        value = f"{self.value:.3f}" if not self.unit else f"{self.value:.2f}"
        return f"{self.name:48} {value + unit:>12}  {target:10} {verdict:8} {self.beside}".rstrip()


def spread(values: Sequence[float], digits: int = 3) -> str:
    """The least and the largest, for whoever wants to know how noisy it was."""
    return f"({min(values):.{digits}f} to {max(values):.{digits}f})"


def in_turns(bare: Sequence[float], ours: Sequence[float]) -> list[float]:
    """The ratio of each of `ours` to the mean of what was measured right before and after it.

    Args:
        bare: one more than `ours`.
        ours: measured between them.
    """
    pairs = itertools.pairwise(bare)
    means = (statistics.fmean(pair) for pair in pairs)
    return [our / mean for our, mean in zip(ours, means, strict=True)]
