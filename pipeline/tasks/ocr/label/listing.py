"""What crops there are: a table for a terminal, lines of JSON for a script."""

from collections.abc import Sequence

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_agent.common.errors import printable
from edge_agent.tasks.ocr.answer import ReadingState
from pipeline.tasks.ocr.label.folder import LabelEntry, LabelFolder, source_of

STATES: tuple[ReadingState, ...] = ("held", "rejected")
# Wide enough for a line a crop, where nobody's terminal says how wide it is.
WIDTH = 160


def show(entries: Sequence[LabelEntry], folder: LabelFolder | None, console: Console) -> None:
    """Print a row for each crop, and how many there are of what.

    Args:
        entries: the crops.
        folder: where their labels are; None where nobody asked.
        console: where to.
    """
    if not console.is_terminal:
        console.width = max(console.width, WIDTH)
    if entries:
        console.print(_table(entries, labels=folder is not None))
    console.print(Text(printable(summary(entries, folder))))


def _table(entries: Sequence[LabelEntry], *, labels: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("seen (UTC)", "region", "state", "read"):
        table.add_column(title, no_wrap=True)
    table.add_column("sure", justify="right", no_wrap=True)
    if labels:
        table.add_column("label", no_wrap=True)
    table.add_column("why")
    table.add_column("picture", overflow="fold")
    for entry in entries:
        record = entry.crop.record
        cells = [
            f"{entry.seen:%Y-%m-%d %H:%M:%S}",
            source_of(record),
            record.state,
            record.text,
            f"{100 * record.confidence:.1f} %" if record.text else "",
            *([_label(entry.label)] if labels else []),
            record.why,
            entry.crop.picture.name,
        ]
        # Not markup: a text may hold brackets.
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _label(label: str | None) -> str:
    if label is None:
        return ""
    return label or "(nothing to read)"


def summary(entries: Sequence[LabelEntry], folder: LabelFolder | None) -> str:
    """`12 crops of 2 regions: 9 held, 3 rejected; 4 labelled in texts`."""
    regions = {source_of(entry.crop.record) for entry in entries}
    counts = [
        f"{sum(entry.crop.record.state == state for entry in entries)} {state}" for state in STATES
    ]
    said = f"{_counted(len(entries), 'crop')} of {_counted(len(regions), 'region')}"
    said += f": {', '.join(counts)}" if entries else ""
    if folder is None:
        return said
    labelled = sum(entry.label is not None for entry in entries)
    return f"{said}; {labelled} labelled in {folder.path}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def json_line(entry: LabelEntry) -> str:
    """A crop as one line of JSON: its record, with its picture's path, its name and its label."""
    fields = {
        **msgspec.to_builtins(entry.crop.record),
        "picture": str(entry.crop.picture),
        "name": entry.name,
        "label": entry.label,
    }
    return msgspec.json.encode(fields).decode()
