"""The charts of a comparison: scores over costs, and the runs' curves over each other."""

from collections.abc import Callable, Sequence
from math import log10

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from pipeline.checkpoints.history import EpochRecord
from pipeline.compare.comparison import Figure, Group
from pipeline.report import words
from pipeline.report.axes import WIDE, PercentTicks, chart_svg, short
from pipeline.report.svg import ACCENT, INK, PAPER, QUIET, SECOND, THIRD, WARM, axes

TALL = 300.0
# Where the costs are further apart than this their axis is logarithmic.
_LOG_FROM = 8.0
# One line for each run: a colour, and from the sixth on another dash.
_COLOURS = (ACCENT, WARM, THIRD, SECOND, QUIET)
_DASHES = ("-", (0, (5, 2)), (0, (1, 2)), (0, (5, 2, 1, 2)))
# Lines of text this far apart do not run into each other, in the SVG's units.
_LINE = 14.0
# Left, bottom, right and top of a name, in the SVG's units.
_Box = tuple[float, float, float, float]
# What a letter takes of it in the mean, bold ones among them.
_LETTER = 7.5


def scores_over(group: Group, cost: Figure, name: str, unit: words.Unit, title: str) -> Markup:
    """Each run's int8 score with its interval over one of its costs.

    Those that none beats at both are joined by a line and in colour.
    """
    ax = axes(WIDE, TALL)
    first = group.scored[0].int8
    assert first is not None, "a run that is scored has a score"
    times = 100 if first.kind.share else 1
    front = group.front(cost)
    said, points, named = [], [], []
    for run in group.scored:
        x, score = cost(run), run.int8
        if x is None or score is None:
            continue
        on_front = run in front
        colour = ACCENT if on_front else QUIET
        if score.low is not None and score.high is not None:
            ends = [score.low * times, score.high * times]
            ax.plot([x, x], ends, color=colour, lw=2.5, alpha=0.35)
        inside = colour if run.state == "proven" else PAPER
        y = score.value * times
        ax.plot([x], [y], "o", ms=8, mec=colour, mew=2, mfc=inside)
        if on_front:
            points.append((x, y))
        said.append(f"{run.name} {words.scored(score)} at {unit(x)}")
        named.append((x, y, run.name, on_front))
    points.sort()
    ax.plot([x for x, _ in points], [y for _, y in points], color=ACCENT, lw=1.2, alpha=0.5)
    _cost_axis(ax, [x for run in group.scored if (x := cost(run)) is not None], unit)
    if first.kind.share:
        ax.yaxis.set_major_formatter(PercentTicks())
    ax.yaxis.set_major_locator(MaxNLocator(6))
    ax.yaxis.grid(True)
    _names(ax, named)
    return chart_svg(ax, f"over-{name}", f"{title}: {'; '.join(said)}")


def _names(ax: Axes, named: list[tuple[float, float, str, bool]]) -> None:
    """The name of each dot beside it: where it would lie on another, above, below or to the left.

    Those on the front come first, and stand where they are looked for.
    """
    taken: list[_Box] = []
    dots = [ax.transData.transform((x, y)) for x, y, _, _ in named]
    for x, y, name, on_front in sorted(named, key=lambda one: (not one[3], one[0])):
        text = short(name)
        wide = _LETTER * len(text)
        at_x, at_y = (float(n) for n in ax.transData.transform((x, y)))
        choices: list[tuple[int, int, int, int, str, _Box]] = []
        for dx, dy, side in (
            (9, 0, "left"),
            (0, 14, "center"),
            (0, -14, "center"),
            (-9, 0, "right"),
        ):
            left = at_x + dx - {"left": 0.0, "center": wide / 2, "right": wide}[side]
            box = (left, at_y + dy - _LINE / 2, left + wide, at_y + dy + _LINE / 2)
            hits = sum(_overlap(box, other) for other in taken)
            hits += sum(_inside(box, float(a), float(b)) for a, b in dots)
            choices.append((hits, len(choices), dx, dy, side, box))
        _, _, dx, dy, side, box = min(choices)
        taken.append(box)
        ax.annotate(
            text, (x, y), (dx, dy), color=INK if on_front else QUIET, ha=side,
            textcoords="offset points", va="center", fontweight="bold" if on_front else "normal",
        )  # fmt: skip


def _overlap(a: _Box, b: _Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _inside(box: _Box, x: float, y: float) -> bool:
    return box[0] < x < box[2] and box[1] < y < box[3]


def _cost_axis(ax: Axes, values: Sequence[float], unit: words.Unit) -> None:
    """Logarithmic where costs differ a lot, with room at the right for the names."""
    low, high = min(values), max(values)
    if low > 0 and high > low * _LOG_FROM:
        ax.set_xscale("log")
        ax.set_xlim(low / 1.3, high * (high / low) ** 0.3)
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.tick_params(which="minor", length=0)
        decades = log10(high / low)
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0) if decades < 2.5 else (1.0,)))
    else:
        room = (high - low) or high or 1.0
        ax.set_xlim(max(0.0, low - 0.15 * room), high + 0.4 * room)
        ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: unit(value)))


def curves(
    group: Group,
    phase: str,
    value: Callable[[EpochRecord], float | None],
    name: str,
    title: str,
    *,
    percent: bool,
) -> Markup | None:
    """One figure of every run by epoch, the best epoch marked; None where no run has it."""
    lines = _lines(group, phase, value)
    if not lines:
        return None
    ax = axes(WIDE, TALL)
    times = 100 if percent else 1
    ends = []
    for style, (label, points) in lines:
        colour = _COLOURS[style % len(_COLOURS)]
        dash = _DASHES[style // len(_COLOURS) % len(_DASHES)]
        xs, ys = [x for x, _ in points], [y * times for _, y in points]
        marker = "o" if len(xs) < 3 else ""
        ax.plot(xs, ys, color=colour, lw=1.8, ls=dash, marker=marker, ms=4)
        ends.append((ys[-1], xs[-1], label, colour))
    ax.set_xlabel("epoch")
    longest = max(x for _, x, _, _ in ends)
    ax.set_xlim(0.5 if longest < 4 else 0, max(longest * 1.45, 2))
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.yaxis.grid(True)
    if percent:
        ax.yaxis.set_major_formatter(PercentTicks())
    else:
        _log_where_wide(ax, [y for _, (_, points) in lines for _, y in points])
    ax.margins(y=0.08)
    _end_labels(ax, ends)
    said = "; ".join(f"{label} {y:.4g} after {x}" for y, x, label, _ in ends)
    return chart_svg(ax, f"curves-{name}", f"{title} by epoch: {said}")


_Line = tuple[int, tuple[str, list[tuple[int, float]]]]


def _lines(group: Group, phase: str, value: Callable[[EpochRecord], float | None]) -> list[_Line]:
    """The points of each run that has any, with the number of its style."""
    found: list[_Line] = []
    for style, run in enumerate(group.runs):
        epochs = next((one.epochs for one in run.phases if one.name == phase), ())
        points = [(record.epoch, y) for record in epochs if (y := value(record)) is not None]
        if points:
            found.append((style, (run.figures.name, points)))
    return found


def _log_where_wide(ax: Axes, values: Sequence[float]) -> None:
    if 0 < min(values) * 12 < max(values):
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.tick_params(which="minor", length=0)


def _end_labels(ax: Axes, ends: list[tuple[float, int, str, str]]) -> None:
    """The name of each line at its end, pushed apart where they would lie over each other."""
    transform = ax.transData
    placed: list[float] = []
    for y, x, label, colour in sorted(ends):
        height = float(transform.transform((x, y))[1])
        wanted = max(height, placed[-1] + _LINE) if placed else height
        placed.append(wanted)
        ax.annotate(
            short(label), (x, y), (6, wanted - height), textcoords="offset points",
            va="center", color=colour,
        )  # fmt: skip
