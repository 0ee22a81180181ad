"""The charts of a report about texts."""

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import FuncFormatter

from edge_agent.tasks.ocr.spec import Promise
from pipeline.measure.evaluate import wilson
from pipeline.report import words
from pipeline.report.axes import WIDE, PercentTicks, chart_svg
from pipeline.report.svg import ACCENT, PAPER, QUIET, WARM, axes
from pipeline.tasks.ocr.measure.thresholds import Curve, Point

# Errors below are drawn to scale, those above by their logarithm: the ones that matter are small.
_LINEAR = 0.1
# More points than this are not seen, and make the file large.
_POINTS = 300


def coverage_chart(curve: Curve, shipped: Point, promise: Promise | None) -> Markup:
    """Errors among accepted readings against how many are accepted, in percent.

    Each threshold is a point of the curve, within its 95 % interval; that of the bundle,
    `shipped`, is a dot, and what it promises a ring on a dashed line.
    """
    ax = axes(WIDE, 330)
    chosen = np.unique(np.linspace(0, len(curve.coverage) - 1, _POINTS).round().astype(int))
    coverage, error = curve.coverage[chosen] * 100, curve.error[chosen] * 100
    bounds = [wilson(int(curve.wrong[i]), int(curve.accepted[i])) for i in chosen]
    low, high = ([100 * getattr(bound, side) for bound in bounds] for side in ("low", "high"))
    ax.fill_between(coverage, low, high, color=ACCENT, alpha=0.13, lw=0)
    ax.plot(coverage, error, color=ACCENT, lw=2.0)
    if promise is not None:
        ax.axhline(promise.error * 100, color=WARM, lw=1.5, ls=(0, (4, 4)))
        at = promise.coverage * 100
        ax.plot([at], [promise.error * 100], "o", mfc=PAPER, mec=QUIET, ms=9, mew=2)
    if shipped.accepted:
        at, wrong = shipped.coverage * 100, shipped.error * 100
        ax.plot([at], [wrong], "o", color=ACCENT, ms=9, mec=PAPER, mew=1.5)
    ax.set_yscale("symlog", linthresh=_LINEAR, linscale=0.4)
    top = max(float(error.max()), 100 * (promise.error if promise else 0), 1.0)
    ax.set(xlim=(-2, 102), ylim=(-0.02, min(100.0, top * 3)))
    ax.set(xlabel="coverage: readings accepted", ylabel="wrong among them")
    ax.set_yticks([tick for tick in (0, 0.1, 1, 10, 100) if tick <= ax.get_ylim()[1]])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}{words.PERCENT}"))
    ax.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    ax.tick_params(which="minor", length=0)
    ax.xaxis.set_major_formatter(PercentTicks())
    ax.grid(True)
    every = words.percent(float(curve.error[-1]))
    said = (
        f"at the threshold of the bundle {words.percent(shipped.error)} at "
        f"{words.percent(shipped.coverage)}, of all readings {every}"
    )
    return chart_svg(ax, "coverage", f"Wrong readings against coverage: {said}")
