"""What several charts share: rows with names, ticks in percent, names that fit."""

from collections.abc import Sequence
from math import ceil, log10

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import Formatter, MaxNLocator

from edge_agent.bundle.metrics import Proportion
from pipeline.report import words
from pipeline.report.data import SplitCounts
from pipeline.report.svg import ACCENT, INK, PAPER, QUIET, SECOND, THIRD, axes, inline_svg

WIDE, ROW = 460.0, 24.0
# More rows than this are not read.
ROW_LIMIT = 20
STEPS = [1, 2, 5, 10]
_NAME_LENGTH = 18


class PercentTicks(Formatter):
    """Percents with as many decimals as the distance between two ticks needs."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """One number alone, as short as it can be."""
        return f"{x:g}{words.PERCENT}"

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """All ticks of an axis."""
        step = abs(values[1] - values[0]) if len(values) > 1 else 1.0
        decimals = max(0, ceil(-log10(step) - 1e-9))
        return [f"{value:.{decimals}f}{words.PERCENT}" for value in values]


def named_rows(names: Sequence[str], width: float, height: float) -> Axes:
    """Axes with one named row per item, the first on top (once y is inverted)."""
    ax = axes(width, height)
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", labelcolor=INK)
    return ax


def accuracy_rows(rows: Sequence[tuple[str, Proportion]], name: str, title: str) -> Markup:
    """A proportion with its interval for each named row, the first on top."""
    ax = named_rows([short(label) for label, _ in rows], WIDE, 46 + ROW * len(rows))
    for row, (_, score) in enumerate(rows):
        ax.plot([score.low * 100, score.high * 100], [row, row], color=ACCENT, lw=3, alpha=0.35)
        ax.plot([score.value * 100], [row], "o", color=ACCENT, ms=8, mec=PAPER, mew=1.5)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.margins(x=0.04)
    ax.xaxis.grid(True)
    ax.xaxis.set_major_formatter(PercentTicks())
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
    said = ", ".join(f"{label} {words.percent(score.value)}" for label, score in rows)
    return chart_svg(ax, name, f"{title}: {said}")


def stacked_rows(
    splits: Sequence[SplitCounts], labels: Sequence[str], name: str, title: str
) -> Markup:
    """Images of each kind, one bar of a part per split; the `ROW_LIMIT` smallest kinds at most."""
    totals = np.sum([split.counts for split in splits], axis=0)
    shown = np.sort(np.argsort(totals, kind="stable")[:ROW_LIMIT])
    ax = named_rows([short(labels[k]) for k in shown], WIDE, 46 + ROW * len(shown))
    left = np.zeros(len(shown))
    for split, colour in zip(splits, (ACCENT, SECOND, THIRD, QUIET), strict=False):
        counts = np.asarray(split.counts)[shown]
        ax.barh(range(len(shown)), counts, left=left, color=colour, height=0.62)
        left += counts
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.xaxis.grid(True)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=STEPS, integer=True))
    return chart_svg(ax, name, f"{title}, from {totals.min()} to {totals.max()}, by split")


def short(name: str) -> str:
    """`name`, cut where it would squeeze the chart."""
    return name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - 1] + "…"


def chart_svg(ax: Axes, name: str, description: str) -> Markup:
    """The figure of its only axes as an <svg> element; see `inline_svg`."""
    return inline_svg(ax.figure, name, description)  # type: ignore[arg-type]
