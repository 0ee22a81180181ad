"""`edgeward label`, behind its options."""

from pathlib import Path
from typing import TextIO

from rich.console import Console

from edge_agent.tasks.ocr.crops import list_crops
from pipeline.tasks.ocr.label.answers import ask, take
from pipeline.tasks.ocr.label.folder import LabelEntry, LabelFolder
from pipeline.tasks.ocr.label.listing import json_line, show
from pipeline.tasks.ocr.label.sheet import write_sheet
from pipeline.tasks.task import LabelWishes


def label(crops: Path, out: Path | None, wishes: LabelWishes, stream: TextIO) -> None:
    """Show, write a sheet of, or label the crops in a folder.

    Args:
        crops: the folder.
        out: the text folder that labels are in, and go to.
        wishes: what to do.
        stream: what is said goes there.

    Raises:
        CropError: `crops` is missing or damaged.
        DataError: `out`, or the answers, cannot be used.
    """

    def say(line: str) -> None:
        stream.write(f"{line}\n")
        stream.flush()

    folder = LabelFolder(out) if out is not None else None
    entries = _entries(crops, folder, wishes.state)
    if wishes.sheet is not None:
        for path in write_sheet([entry for entry in entries if entry.label is None], wishes.sheet):
            say(f"written {path}")
    elif folder is None or wishes.listing or wishes.json:
        if wishes.json:
            for entry in entries:
                say(json_line(entry))
        else:
            show(entries, folder, Console(file=stream, highlight=False))
    else:
        if wishes.texts is not None:
            done = take(entries, folder, wishes.texts)
        else:
            done = ask(entries, folder, input, say)
        say(f"{done.labelled} labelled, {done.left} left; {len(folder.labels)} in {folder.path}")


def _entries(crops: Path, folder: LabelFolder | None, state: str | None) -> tuple[LabelEntry, ...]:
    found = [crop for crop in list_crops(crops) if state in (None, crop.record.state)]
    return folder.entries(found) if folder is not None else tuple(map(LabelEntry, found))
