"""The charts of a report about classes."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.collections import PatchCollection
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from edge_agent.bundle.metrics import Proportion
from pipeline.report import words
from pipeline.report.axes import ROW_LIMIT, WIDE, accuracy_rows, chart_svg, short, stacked_rows
from pipeline.report.data import SplitCounts
from pipeline.report.svg import ACCENT, INK, PAPER, WARM, axes

# More classes than this cannot be told apart in one picture.
MATRIX_LIMIT = 40
_WRITTEN_CELLS = 14


def confusion_map(matrix: NDArray[np.int64], labels: Sequence[str]) -> Markup:
    """Rows are the truth, columns the answers; a full cell is all images of its class.

    Of more than `MATRIX_LIMIT` classes, those that are most often mixed up are drawn.
    """
    totals = np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    wrong = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    shown = np.sort(np.argsort(-wrong, kind="stable")[:MATRIX_LIMIT])
    count = len(shown)
    ax = axes(WIDE, WIDE)
    shares = (matrix / totals)[np.ix_(shown, shown)]
    counts = matrix[np.ix_(shown, shown)]
    for right, colour in ((True, ACCENT), (False, WARM)):
        cells = [(r, c) for r, c in np.argwhere(counts > 0) if (r == c) == right]
        if not cells:
            continue  # Matplotlib takes no empty list of alphas
        # The square root lifts a handful of mistakes above the paper.
        alphas = [0.12 + 0.88 * float(shares[r, c]) ** 0.5 for r, c in cells]
        squares = [Rectangle((c - 0.47, r - 0.47), 0.94, 0.94) for r, c in cells]
        ax.add_collection(PatchCollection(squares, facecolor=colour, alpha=alphas, lw=0))
    if count <= _WRITTEN_CELLS:
        for r, c in np.argwhere(counts > 0):
            colour = PAPER if shares[r, c] > 0.35 else INK
            ax.text(c, r, str(counts[r, c]), ha="center", va="center", color=colour, fontsize=11)
    names = [short(labels[k]) for k in shown]
    size = 12.0 if count <= 20 else 7.5
    upright = max(len(n) for n in names) * size * 0.6 > WIDE * 0.75 / count
    ax.set_xticks(range(count), names, rotation=90 if upright else 0, fontsize=size)
    ax.set_yticks(range(count), names, fontsize=size)
    ax.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5), aspect="equal")
    ax.set(xlabel="answer", ylabel="truth")
    ax.spines["bottom"].set_visible(False)
    right_share = matrix.trace() / max(int(matrix.sum()), 1)
    return chart_svg(
        ax, "confusion",
        f"Confusion matrix of {len(labels)} classes; {words.percent(right_share)} of the images "
        "are on the diagonal. The most frequent mix-ups are listed beside it",
    )  # fmt: skip


def class_accuracy_chart(scores: Sequence[Proportion | None], labels: Sequence[str]) -> Markup:
    """Accuracy per class with its interval, the weakest first; `ROW_LIMIT` at most."""
    known = [(labels[k], score) for k, score in enumerate(scores) if score is not None]
    known.sort(key=lambda pair: pair[1].value)
    title = "Accuracy per class, the weakest first"
    return accuracy_rows(known[:ROW_LIMIT], "per-class", title)


def class_counts(splits: Sequence[SplitCounts], labels: Sequence[str]) -> Markup:
    """Images per class, one bar of four parts; the `ROW_LIMIT` smallest classes at most."""
    return stacked_rows(splits, labels, "class-counts", "Images per class")
