"""A contact sheet: the pictures on one page that any browser opens, with a field for each text.

The page needs no server and fetches nothing. What was typed is saved from it as a file for
`edgeward label --texts`; `texts.tsv` beside it is the same to be filled in by hand.
"""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from edge_agent.common.atomic import write_whole
from pipeline.report.templates import asset, page_template
from pipeline.tasks.ocr.label.answers import HEADER
from pipeline.tasks.ocr.label.folder import LabelEntry, picture_bytes

PACKAGE = "pipeline.tasks.ocr.label"

PAGE_FILE, TEXTS_FILE = "contact.html", "texts.tsv"


@dataclass(frozen=True)
class _Card:
    """A crop with its picture as a `data:` address."""

    entry: LabelEntry
    picture: str


def write_sheet(entries: Sequence[LabelEntry], folder: Path) -> tuple[Path, Path]:
    """Write the page and the table of `entries` to `folder`; their paths.

    Raises:
        CropError: a crop's picture is missing or damaged; nothing is written.
    """
    page = render(entries).encode()
    paths = folder / PAGE_FILE, folder / TEXTS_FILE
    for path, data in zip(paths, (page, texts_table(entries).encode()), strict=True):
        write_whole(path, data)
    return paths


def texts_table(entries: Sequence[LabelEntry]) -> str:
    """The table to be filled in: no text yet, and beside it what was read and why not accepted."""
    rows = [(*HEADER, "READ", "WHY")]
    for entry in entries:
        record = entry.crop.record
        rows.append((entry.name, "", _cell(record.text), _cell(record.why)))
    return "".join("\t".join(row) + "\n" for row in rows)


def _cell(text: str) -> str:
    """`text` without what would end a column or a line."""
    return " ".join(text.split())


def render(entries: Sequence[LabelEntry]) -> str:
    """The page; the same crops give the same page."""
    script = asset(PACKAGE, "sheet.js")
    return page_template(PACKAGE, "sheet.html.j2").render(
        cards=[_Card(entry, _address(entry)) for entry in entries],
        style=Markup(asset(PACKAGE, "sheet.css")),
        script=Markup(script),
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        texts_file=TEXTS_FILE,
    )


def _address(entry: LabelEntry) -> str:
    return f"data:image/png;base64,{b64encode(picture_bytes(entry.crop)).decode('ascii')}"
