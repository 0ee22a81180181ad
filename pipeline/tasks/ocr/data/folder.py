"""`text-folder`: images with a table of what they say.

The table is UTF-8 with one line per image: its path, a tab, its text, and, where the user
knows it, another tab and the image's source (its display, receipt or photograph). Paths are
relative to the table's folder. The table is `labels.tsv` or `train_labels.tsv`; sets with
splits of their own have `val_labels.tsv` and `test_labels.tsv` beside it. A first line that
names no image is a header. A tar archive of such a folder is read as it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

from edge_agent.common.arrays import U8
from pipeline.common.errors import DataError
from pipeline.common.progress import SILENT, Progress
from pipeline.data.pool import digest
from pipeline.data.readers.images import (
    IMAGE_SUFFIXES,
    UnreadableImageError,
    keep_readable,
    look_at_each,
)
from pipeline.data_recipe import OnUnreadable
from pipeline.tasks.ocr.data.dataset import TextPool, TextSource, TextSplit
from pipeline.tasks.ocr.data.store import FileStore, open_store

TRAIN_TABLES = ("labels.tsv", "train_labels.tsv")
VAL_TABLE, TEST_TABLE = "val_labels.tsv", "test_labels.tsv"

# Height over width of a picture whose characters stand below one another.
_TALL, _TALL_FOR_TWO = 1.5, 2.5

Case: TypeAlias = Literal["keep", "upper"]


@dataclass(frozen=True)
class TableRow:
    """One line of a table: an image's name in its store, its text and its source."""

    image: str
    text: str
    source: str


@dataclass(frozen=True)
class StoredImages:
    """Images of a store as a sequence; each one is decoded when it is asked for."""

    store: FileStore
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int, /) -> U8:
        return self.store.image(self.names[index])


def read_text_folder(
    path: Path,
    case: Case = "keep",
    on_unreadable: OnUnreadable = "error",
    progress: Progress = SILENT,
) -> TextSource:
    """The images and texts of the folder or tar archive at `path`.

    Args:
        path: see the module.
        case: `upper` takes every text in capitals, for labels that do not tell cases apart.
        on_unreadable: `skip` leaves images out that cannot be decoded, and says so.
        progress: sees one task for each table, which counts its images.

    Raises:
        DataError: no table, an odd line in it, or an image that is missing or unreadable.
    """
    store = open_store(path)
    table = next((name for name in TRAIN_TABLES if store.has(name)), None)
    if table is None:
        raise DataError(
            f"{path}: expected a table {' or '.join(TRAIN_TABLES)} of lines PATH tab TEXT, "
            "found none"
        )
    notes: list[str] = []
    skipped: list[str] = []
    read = partial(_read, store, case, on_unreadable, notes, skipped, progress)
    return TextSource(
        name=path.resolve().name.split(".")[0],
        train=read(table),
        val=read(VAL_TABLE) if store.has(VAL_TABLE) else None,
        test=read(TEST_TABLE) if store.has(TEST_TABLE) else None,
        notes=tuple(notes),
        skipped=tuple(skipped),
    )


def _read(
    store: FileStore,
    case: Case,
    on_unreadable: OnUnreadable,
    notes: list[str],
    skipped: list[str],
    progress: Progress,
    table: str,
) -> TextPool:
    rows = _without_header(read_rows(store, table, lambda name: name), store, table, notes)
    if case == "upper":
        rows = [TableRow(row.image, row.text.upper(), row.source) for row in rows]
    pool = make_pool(store, rows, on_unreadable, notes, progress)
    kept = set(pool.split.ids)
    skipped += [row.image for row in rows if row.image not in kept]
    return pool


def _without_header(
    rows: list[TableRow], store: FileStore, table: str, notes: list[str]
) -> list[TableRow]:
    """`rows` without a first one that names no image while the second does, such as `file`."""
    if len(rows) < 2 or PurePosixPath(rows[0].image).suffix.lower() in IMAGE_SUFFIXES:
        return rows
    if store.has(rows[0].image) or not store.has(rows[1].image):
        return rows
    notes.append(
        f"{table}: the first line, {rows[0].image!r} and {rows[0].text!r}, names no image and was "
        "taken for a header"
    )
    return rows[1:]


def read_rows(store: FileStore, table: str, source_of: Callable[[str], str]) -> list[TableRow]:
    """The lines of `table`; `source_of` an image's name is its source where none is given.

    Raises:
        DataError: no table, no line in it, an image twice, or a line of other columns.
    """
    place = f"{store.place}: {table}"
    rows: list[TableRow] = []
    seen: set[str] = set()
    # Not splitlines(): it would also end a line at characters that a text may hold.
    for number, line in enumerate(store.text(table).split("\n"), start=1):
        if not line.strip("\r"):
            continue
        columns = line.rstrip("\r").split("\t")
        if len(columns) not in (2, 3) or not columns[0]:
            raise DataError(
                f"{place}: line {number}: expected PATH tab TEXT, or PATH tab TEXT tab SOURCE, "
                f"found {len(columns)} columns"
            )
        name, text = columns[:2]
        if name in seen:
            raise DataError(f"{place}: line {number}: expected each image once, found {name!r}")
        seen.add(name)
        rows.append(TableRow(name, text, columns[2] if len(columns) == 3 else source_of(name)))
    if not rows:
        raise DataError(f"{place}: expected lines of PATH tab TEXT, found none")
    return rows


def make_pool(
    store: FileStore,
    rows: Sequence[TableRow],
    on_unreadable: OnUnreadable,
    notes: list[str],
    progress: Progress,
) -> TextPool:
    """The images of `rows`, every one decoded once to know that it can be.

    Raises:
        DataError: an image cannot be read, or, with `skip`, none can.
    """
    looks = look_at_each(partial(_look, store), [row.image for row in rows], progress)
    kept = keep_readable(rows, looks, on_unreadable, notes)
    tall = [row.image for row, look in kept if _runs_down(look.shape, row.text)]
    if tall:
        notes.append(
            f"images much taller than their texts would make them: {len(tall)}, such as {tall[0]}; "
            "text is read from left to right, so turn them, or leave vertical text out"
        )
    names = tuple(row.image for row, _ in kept)
    split = TextSplit(
        StoredImages(store, names),
        tuple(row.text for row, _ in kept),
        names,
        tuple(row.source for row, _ in kept),
    )
    return TextPool(split, tuple(look.digest for _, look in kept))


@dataclass(frozen=True)
class _Seen:
    """The digest of an image's pixels, and its shape."""

    digest: str
    shape: tuple[int, ...]


def _look(store: FileStore, name: str) -> _Seen | UnreadableImageError:
    """What an image holds, or why it cannot be read."""
    try:
        image = store.image(name)
    except UnreadableImageError as error:
        return error
    return _Seen(digest(image), image.shape)


def _runs_down(shape: tuple[int, ...], text: str) -> bool:
    """Whether `text` must run down a picture of `shape`, or the picture be turned.

    Beside each other, even three of the narrowest characters are wider than two thirds of
    their height.
    """
    characters = len("".join(text.split()))
    tall = shape[0] / shape[1]
    return (characters >= 3 and tall >= _TALL) or (characters == 2 and tall >= _TALL_FOR_TWO)
