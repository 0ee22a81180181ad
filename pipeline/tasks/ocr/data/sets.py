"""The published sets of texts, each with what keeps its splits apart.

Each is a folder of the data root that holds the files or the archive they come in. None of
them is downloaded: their licences leave that to the user.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.common.errors import DataError
from pipeline.common.progress import SILENT, Progress
from pipeline.data_recipe import TextSet
from pipeline.tasks.ocr.charset import BETWEEN
from pipeline.tasks.ocr.data.dataset import TextSource
from pipeline.tasks.ocr.data.folder import TableRow, make_pool, read_rows
from pipeline.tasks.ocr.data.store import FileStore, FolderStore, open_store

# meter-digits: what its table writes for a wheel that shows the halves of two digits.
_NOT_A_DIGIT = "NaN"
# gaspump-7seg: the display in this picture shows 2.810 (gallons), the table says 28.10.
_CORRECTED = {"28A10": "2.810"}
# meter-digits: a photograph's time, by which its digits are recognised as taken together.
_TIME = re.compile(r"\d{4}-?\d{2}-?\d{2}[-_]\d{2}-?\d{2}-?\d{2}")


@dataclass(frozen=True)
class _Set:
    """Where a set is and how its lines are read.

    Args:
        archive: the file it comes in.
        table: its table of texts.
        source: an image's name to its source.
        text: an image's name and its text in the table to what is to be read.
    """

    archive: str
    table: str
    source: Callable[[str], str]
    text: Callable[[str, str], str] = lambda _name, text: text


def read_set(name: TextSet, root: Path, progress: Progress = SILENT) -> TextSource:
    """The set `name` in the folder `root`/`name`, unpacked or in its archive.

    What must not be in two splits is: of `iiit5k` the photograph a word was cut from, of
    `sroie` the receipt, of `gaspump-7seg` the display (its pictures, cropped and not, by the
    reading they show, since the set does not number its displays), of `meter-digits` the
    photograph where the name has its time, and else the image.

    Raises:
        DataError: the set is not there, or damaged.
    """
    known, place = _SETS[name], root / name
    store: FileStore = FolderStore(place)
    if not store.has(known.table):
        if not store.has(known.archive):
            raise DataError(
                f"{place}: expected the set {name}: {known.table} or {known.archive}, found neither"
            )
        store = open_store(place / known.archive)
    rows = [
        TableRow(row.image, known.text(row.image, row.text), row.source)
        for row in read_rows(store, known.table, known.source)
    ]
    notes: list[str] = []
    pool = make_pool(store, rows, "error", notes, progress)
    corrected = sum(_stem(row.image) in _CORRECTED for row in rows) if name == _GASPUMP else 0
    if corrected:
        notes.append(f"labels corrected, since the display shows otherwise: {corrected}")
    return TextSource(name, pool, notes=tuple(notes))


def _before_underscore(name: str) -> str:
    return PurePosixPath(name).stem.split("_")[0]


def _stem(name: str) -> str:
    """gaspump-7seg: `single_line/46A29Z_jpg.jpg` to `46A29`; a Z marks a second crop."""
    return _before_underscore(name).removesuffix("Z")


def _photograph(name: str) -> str:
    stem = PurePosixPath(name).stem
    time = _TIME.search(stem)
    return re.sub(r"\D", "", time.group()) if time else stem


def _between(_name: str, text: str) -> str:
    return BETWEEN if text == _NOT_A_DIGIT else text


_GASPUMP: TextSet = "gaspump-7seg"
_SETS: dict[TextSet, _Set] = {
    "iiit5k": _Set("iiit5k-train.tar.gz", "train_labels.tsv", _before_underscore),
    "sroie": _Set("sroie-lines-train.tar.gz", "train_labels.tsv", _before_underscore),
    "gaspump-7seg": _Set(
        "gaspump_7seg.tar.gz",
        "strings_labels.tsv",
        _stem,
        lambda name, text: _CORRECTED.get(_stem(name), text),
    ),
    "meter-digits": _Set("meter_digits.tar.gz", "labels.tsv", _photograph, _between),
}
