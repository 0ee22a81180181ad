"""`edgeward label`, behind its options."""

from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console

from edge_agent.tasks.ocr.crops import list_crops
from pipeline.label.answers import ask, take
from pipeline.label.folder import Entry, LabelFolder
from pipeline.label.listing import json_line, show
from pipeline.label.sheet import write_sheet


@dataclass(frozen=True)
class Wishes:
    """What is to be done with the crops.

    Args:
        texts: the file that answers; None asks in the terminal.
        sheet: the folder for a contact sheet; None makes none.
        state: only crops that were `held`, or `rejected`; None takes both.
        listing: only show what there is.
        json: show it as lines of JSON.
    """

    texts: Path | None = None
    sheet: Path | None = None
    state: str | None = None
    listing: bool = False
    json: bool = False


def label(crops: Path, out: Path | None, wishes: Wishes, stream: TextIO) -> None:
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


def _entries(crops: Path, folder: LabelFolder | None, state: str | None) -> tuple[Entry, ...]:
    found = [crop for crop in list_crops(crops) if state in (None, crop.record.state)]
    return folder.entries(found) if folder is not None else tuple(map(Entry, found))
