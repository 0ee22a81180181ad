"""A comparison for a terminal: a table for each group of runs, and what it says."""

from collections.abc import Callable, Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from edge_agent.bundle.metrics import Score
from edge_agent.common.errors import printable
from pipeline.compare import wording
from pipeline.compare.comparison import Comparison, Difference, Group
from pipeline.compare.figures import RunFigures
from pipeline.measure.wording import shown
from pipeline.report import words

# From so many cells on there is room for a column; a terminal of 80 has the first ones.
_ALWAYS, _ROOMY, _WIDE = 0, 105, 140
# As many keys that differ are listed; the page has them all.
_KEYS = 12

_Cell = Callable[[RunFigures], str]
_COLUMNS: tuple[tuple[str, int, _Cell], ...] = (
    ("network", _ROOMY, wording.network),
    ("trained", _ROOMY, lambda run: _score(run.trained)),
    ("pruned", _ROOMY, lambda run: _score(run.pruned)),
    ("int8 [95 %]", _ALWAYS, lambda run: "" if run.int8 is None else shown(run.int8)),
    ("MACs", _ALWAYS, lambda run: "" if run.macs is None else words.count(run.macs)),
    ("parameters", _WIDE, lambda run: _count(run.parameters)),
    ("size", _ALWAYS, lambda run: "" if run.size_bytes is None else words.size(run.size_bytes)),
    ("latency", _ALWAYS, lambda run: _milliseconds(run.latency_ms)),
    ("build", _ALWAYS, lambda run: words.seconds(run.seconds) if run.seconds else ""),
    ("best epoch", _WIDE, wording.best_epoch),
    ("gates", _ROOMY, lambda run: f"{run.held}/{len(run.gates)}" if run.gates else ""),
)
_STYLES = {"proven": "", "refused": "yellow", "unfinished": "dim"}


def show(comparison: Comparison, console: Console) -> None:
    """Print everything."""
    for part in _parts(comparison, console.width):
        console.print(part)


def _parts(comparison: Comparison, width: int) -> Iterator[RenderableType]:
    word = wording.apart(comparison)
    if word is not None:
        yield Text(word, style="yellow")
    for group in comparison.groups:
        yield Text()
        yield Text(printable(wording.tested(group)), style="bold")
        yield _table(group, width)
        for line in _places(group):
            yield Text(printable(line), style="dim")
        for line in wording.verdict(group):
            yield Text(printable(line.replace(words.GAP, " ")))
        for run in group.figures:
            if run.state != "proven" or run.outdated:
                yield Text(printable(f"{run.name}: {wording.status(run)}"), style="yellow")
        if len(group.runs) > 1:
            yield from _differences(group)


def _table(group: Group, width: int) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("run", overflow="fold")
    columns = [
        (name, cell)
        for name, wanted, cell in _COLUMNS
        if width >= wanted and any(cell(run) for run in group.figures)
    ]
    for name, _ in columns:
        table.add_column(name, no_wrap=True, justify="left" if name == "network" else "right")
    for run in group.figures:
        cells = [Text(cell(run) or "-") for _, cell in columns]
        style = "bold" if run is group.best else _STYLES[run.state]
        table.add_row(Text(printable(run.name)), *cells, style=style)
    return table


def _places(group: Group) -> Iterator[str]:
    places = dict.fromkeys(run.measured_on for run in group.scored if run.measured_on)
    for place in places:
        yield f"latency: median of one inference, {place}"


def _differences(group: Group) -> Iterator[Text]:
    """The keys that differ, a line each: first what makes most difference to a reader."""
    found = group.differences
    names = [run.name for run in group.figures]
    if not found:
        yield Text("The recipes are the same.", style="dim")
        return
    yield Text("The recipes differ in:", style="dim")
    for difference in found[:_KEYS]:
        yield Text(printable(f"  {_said(difference, names)}"), style="dim")
    if len(found) > _KEYS:
        yield Text(f"  and {len(found) - _KEYS} more keys", style="dim")


def _said(difference: Difference, names: list[str]) -> str:
    """`model.arch: resnet8 (a, b), vgg_tiny (c)`: each value once, with the runs that have it."""
    by_value: dict[str, list[str]] = {}
    for name, value in zip(names, difference.values, strict=True):
        by_value.setdefault(value, []).append(name)
    parts = (
        value if runs == [value] else f"{value} ({', '.join(runs)})"
        for value, runs in by_value.items()
    )
    return f"{difference.key}: {', '.join(parts)}"


def _score(score: Score | None) -> str:
    return "" if score is None else words.scored(score)


def _count(number: int | None) -> str:
    return "" if number is None else words.count(number)


def _milliseconds(number: float | None) -> str:
    return "" if number is None else words.milliseconds(number)
