"""A Matplotlib figure as inline SVG that takes its colours and its font from the page.

Charts are drawn in marker colours that the SVG replaces by CSS variables, so one chart
serves the light and the dark page; text stays text. The same figure gives the same bytes.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# Marker colours, never seen: each stands for the CSS variable of the same name.
INK, MUTED, RULE, PAPER = "#000001", "#000002", "#000003", "#000004"
ACCENT, WARM, QUIET, SECOND, THIRD = "#000005", "#000006", "#000007", "#000008", "#000009"
_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    RULE: "rule",
    PAPER: "paper",
    ACCENT: "accent",
    WARM: "warm",
    QUIET: "quiet",
    SECOND: "second",
    THIRD: "third",
}
_STYLE: dict[Any, Any] = {  # the key type differs between Matplotlib versions
    "svg.fonttype": "none",
    "svg.hashsalt": "edgeward",
    "text.parse_math": False,  # a class may be called "$5"
    "font.size": 12.0,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.color": RULE,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "xtick.major.pad": 6.0,
    "ytick.major.pad": 6.0,
    "lines.solid_capstyle": "round",
}
_POINTS_PER_INCH = 72.0
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


@contextmanager
def chart_style() -> Iterator[None]:
    """The look every chart shares; figures are made and written inside the block."""
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # Matplotlib only measures the text; the reader's browser has the font for it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def figure(width: float, height: float) -> Figure:
    """An empty figure of `width` by `height` SVG units (CSS pixels at full size)."""
    size = (width / _POINTS_PER_INCH, height / _POINTS_PER_INCH)
    made = Figure(figsize=size, dpi=_POINTS_PER_INCH, layout="constrained")
    FigureCanvasSVG(made)
    return made


def axes(width: float, height: float) -> Axes:
    """The only axes of a new figure; see `figure`."""
    return figure(width, height).add_subplot()


def inline_svg(drawn: Figure, name: str, description: str) -> Markup:
    """`drawn` as an <svg> element.

    Args:
        drawn: a figure in the marker colours.
        name: unique in the page; keeps the identifiers of two charts apart.
        description: what the chart says, for those who do not see it.
    """
    buffer = io.StringIO()
    drawn.savefig(buffer, format="svg", metadata=_NO_METADATA)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\n\s*", "\n", re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))
    for marker, variable in _VARIABLES.items():
        text = text.replace(marker, f"var(--{variable})")
    opening = f'<svg class="chart" role="img" aria-label="{escape(description)}" '
    width, height = (inches * _POINTS_PER_INCH for inches in drawn.get_size_inches())
    opening += f'viewBox="0 0 {width:g} {height:g}" style="max-width: {width:g}px">'
    body = text[text.index(">") + 1 :]
    return Markup(opening + _own_identifiers(body, name))


def _own_identifiers(text: str, name: str) -> str:
    """Identifiers nobody refers to are dropped; the others get the chart's name."""
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", text)
    return re.sub(r'(url\(|href=")#', rf"\g<1>#{name}-", text)
