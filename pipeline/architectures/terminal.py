"""The zoo as a table for a terminal."""

from collections.abc import Callable, Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.architectures.rows import ModelRow
from pipeline.report import words

_ALWAYS, _ROOMY, _WIDE = 0, 100, 130
NOTHING = "-"
SAME = "int8 same"
_Cell = Callable[[ModelRow], str]


def show(rows: Sequence[ModelRow], place: str, console: Console) -> None:
    """Print the table, and what its columns mean."""
    for part in _parts(rows, place, console.width):
        console.print(part)


def _parts(rows: Sequence[ModelRow], place: str, width: int) -> Iterator[RenderableType]:
    yield _table(rows, width)
    shown = [name for name, wanted, _ in _COLUMNS if width >= wanted]
    yield from (Text(line, style="dim") for line in legend(rows, place, shown))


def _table(rows: Sequence[ModelRow], width: int) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=0)
    columns = [(name, cell) for name, wanted, cell in _COLUMNS if width >= wanted]
    for name, _ in columns:
        left = name in ("architecture", "weights", "family")
        table.add_column(
            name, no_wrap=True, justify="left" if left else "right", overflow="ellipsis"
        )
    for row in rows:
        table.add_row(*(Text(cell(row) or NOTHING) for _, cell in columns))
    return table


def legend(rows: Sequence[ModelRow], place: str, columns: Sequence[str]) -> Iterator[str]:
    """What the columns mean, and what can be done about those that are empty."""
    yield (
        "top-1: published accuracy on ImageNet. MACs, parameters, int8 size and latency: at that "
        "side with 1000 classes. * is in --arch all-small."
    )
    dates = sorted({row.measured.date for row in rows if row.measured is not None})
    if dates:
        when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        yield f"latency: int8, measured on {place}, {when}; processor time."
    if any(row.measured is None for row in rows):
        yield "What has no latency was not measured here: edgeward models --measure"
    shown = SAME in columns
    costs = [row.int8_cost for row in rows if row.int8_cost is not None and shown]
    yield from dict.fromkeys(
        f"{SAME}: photographs of {cost.images} ({cost.data}) with the same first answer of "
        "1000 in int8 as in float."
        for cost in costs
    )
    if any(not weights.here for row in rows for weights in row.weights):
        yield "Weights in brackets are known, and not on this machine: edgeward weights"


def _size(row: ModelRow) -> str:
    return "" if row.size_bytes is None else words.size(row.size_bytes)


def _latency(row: ModelRow) -> str:
    return "" if row.measured is None else words.milliseconds(row.measured.latency_ms)


def _same(row: ModelRow) -> str:
    cost = row.int8_cost
    return "" if cost is None else words.percent(cost.same)


def _weights(row: ModelRow) -> str:
    return ", ".join(one.name if one.here else f"({one.name})" for one in row.weights)


_COLUMNS: tuple[tuple[str, int, _Cell], ...] = (
    ("architecture", _ALWAYS, lambda row: f"{row.name}{' *' if row.small else ''}"),
    ("family", _WIDE, lambda row: row.family),
    ("side", _ALWAYS, lambda row: str(row.side)),
    ("top-1", _ALWAYS, lambda row: "" if row.top1 is None else f"{row.top1:.2f}{words.PERCENT}"),
    ("parameters", _ROOMY, lambda row: words.count(row.parameters)),
    ("MACs", _ALWAYS, lambda row: words.count(row.macs)),
    ("size", _ALWAYS, _size),
    ("latency", _ALWAYS, _latency),
    (SAME, _ROOMY, _same),
    ("weights", _ALWAYS, _weights),
)
