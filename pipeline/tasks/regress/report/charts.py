"""The charts of a report about numbers."""

import numpy as np
from markupsafe import Markup

from edge_agent.common.arrays import F64
from edge_agent.tasks.regress.spec import Quantity
from pipeline.report.axes import WIDE, chart_svg
from pipeline.report.svg import ACCENT, QUIET, WARM, axes
from pipeline.tasks.regress.dataset import Values

# More points than this are not seen, and make the file large.
POINTS = 600
# Into so many parts a range is cut to see where on it errors are large.
PARTS = 10


def read_chart(truth: Values, answers: Values, quantity: Quantity, name: str) -> Markup:
    """What was answered over what is there, a point an image, (N,) each in the unit."""
    ax = axes(WIDE, WIDE)
    shown = np.unique(np.linspace(0, len(truth) - 1, POINTS).round().astype(int))
    ends = [quantity.low, quantity.high]
    ax.plot(ends, ends, color=QUIET, lw=1.2, ls=(0, (4, 4)))
    ax.plot(truth[shown], answers[shown], "o", color=ACCENT, ms=4, alpha=0.45, mec="none")
    unit = f", {quantity.unit}" if quantity.unit else ""
    ax.set(xlabel=f"there{unit}", ylabel=f"answered{unit}", aspect="equal")
    ax.grid(True)
    worst = float(np.abs(truth - answers).max())
    said = f"{quantity.name}: answers over what is there, at most {worst:.3g} apart"
    return chart_svg(ax, f"read-{name}", said)


def error_chart(truth: Values, errors: F64, quantity: Quantity, name: str) -> Markup:
    """The mean absolute error over the range, in ten parts; (N,) each in the unit."""
    ax = axes(WIDE, 260)
    place = np.clip((truth - quantity.low) / quantity.span * PARTS, 0, PARTS - 1).astype(int)
    parts = [part for part in range(PARTS) if (place == part).any()]
    middles = [quantity.low + (part + 0.5) * quantity.span / PARTS for part in parts]
    means = [float(errors[place == part].mean()) for part in parts]
    ax.bar(middles, means, width=0.8 * quantity.span / PARTS, color=ACCENT)
    ax.axhline(float(errors.mean()), color=WARM, lw=1.5, ls=(0, (4, 4)))
    unit = f", {quantity.unit}" if quantity.unit else ""
    ax.set(xlabel=f"there{unit}", ylabel=f"mean error{unit}")
    ax.yaxis.grid(True)
    said = f"{quantity.name}: mean error over the range, from {min(means):.3g} to {max(means):.3g}"
    return chart_svg(ax, f"errors-{name}", said)
