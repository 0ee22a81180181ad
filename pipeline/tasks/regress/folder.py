"""`value-folder`: images with a table of the numbers that they show.

The table is a CSV in UTF-8 with a header: `file`, one column for each quantity of the recipe by
its name, and, where the user knows it, `source`: what a picture was taken of, or when, for
pictures that must not be on both sides of a split. Paths are relative to the table's folder. The
table is `values.csv` or `train_values.csv`; sets with splits of their own have `val_values.csv`
and `test_values.csv` beside it. Commas, semicolons or tabulators part the columns.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from edge_agent.tasks.regress.spec import Quantity
from pipeline.common.errors import DataError
from pipeline.common.progress import SILENT, Progress
from pipeline.data.pool import digest
from pipeline.data.readers.images import (
    ImageFiles,
    UnreadableImageError,
    keep_readable,
    look_at_each,
    read_image,
)
from pipeline.data_recipe import OnUnreadable
from pipeline.tasks.regress.dataset import ValuePool, ValueSource, ValueSplit

TRAIN_TABLES = ("values.csv", "train_values.csv")
VAL_TABLE, TEST_TABLE = "val_values.csv", "test_values.csv"
FILE, SOURCE = "file", "source"


@dataclass(frozen=True)
class ValueRow:
    """One line of a table: an image's name, what it shows, and its source."""

    image: str
    values: tuple[float, ...]
    source: str


def read_value_folder(
    folder: Path,
    quantities: tuple[Quantity, ...],
    on_unreadable: OnUnreadable = "error",
    progress: Progress = SILENT,
) -> ValueSource:
    """The images of `folder` and their numbers.

    Args:
        folder: see the module.
        quantities: what the table has to have a column for.
        on_unreadable: `skip` leaves images out that cannot be decoded, and says so.
        progress: sees one task for each table, which counts its images.

    Raises:
        DataError: no table, an odd line in it, or an image that is missing or unreadable.
    """
    table = next((name for name in TRAIN_TABLES if (folder / name).is_file()), None)
    if table is None:
        raise DataError(
            f"{folder}: expected a table {' or '.join(TRAIN_TABLES)} with the columns "
            f"{', '.join([FILE, *(each.name for each in quantities)])}, found none"
        )
    notes: list[str] = []
    skipped: list[str] = []

    def read(name: str) -> ValuePool:
        rows = read_table(folder / name, quantities)
        return _pool(folder, rows, on_unreadable, notes, skipped, progress)

    return ValueSource(
        name=folder.resolve().name,
        train=read(table),
        val=read(VAL_TABLE) if (folder / VAL_TABLE).is_file() else None,
        test=read(TEST_TABLE) if (folder / TEST_TABLE).is_file() else None,
        notes=tuple(notes),
        skipped=tuple(skipped),
    )


def read_table(path: Path, quantities: tuple[Quantity, ...]) -> list[ValueRow]:
    """The lines of the table at `path`.

    Raises:
        DataError: names the line of what is wrong: a column that is missing or unknown, an image
            twice, or a value that is no number or outside its quantity's range.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a CSV in UTF-8, found: {error}") from error
    head = text.lstrip().partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        lines = [
            (reader.line_num, [cell.strip() for cell in row])
            for row in reader
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise DataError(f"{path}: expected a CSV, found: {error}") from error
    columns = lines[0][1] if lines else []
    _check_columns(path, columns, quantities)
    rows = list(_rows(path, columns, lines[1:], quantities))
    if not rows:
        raise DataError(f"{path}: expected lines below the header, found none")
    return rows


def _check_columns(path: Path, columns: list[str], quantities: tuple[Quantity, ...]) -> None:
    needed = [FILE, *(each.name for each in quantities)]
    wanted = f"{', '.join(needed)} and perhaps {SOURCE}"
    odd = [name for name in needed if name not in columns]
    odd += [name for name in columns if name not in (*needed, SOURCE)]
    odd += [name for name in dict.fromkeys(columns) if columns.count(name) > 1]
    if odd:
        raise DataError(
            f"{path}: line 1: expected the columns {wanted}, found "
            f"{', '.join(columns) or 'none'}; see {odd[0]!r}"
        )


def _rows(
    path: Path,
    columns: list[str],
    lines: Sequence[tuple[int, list[str]]],
    quantities: tuple[Quantity, ...],
) -> Iterator[ValueRow]:
    seen: set[str] = set()
    for number, cells in lines:
        place = f"{path}: line {number}"
        if len(cells) != len(columns):
            raise DataError(f"{place}: expected {len(columns)} columns, found {len(cells)}")
        row = dict(zip(columns, cells, strict=True))
        name = row[FILE].replace("\\", "/").removeprefix("./")
        if not name or name in seen:
            found = repr(name) if name else "none"
            raise DataError(f"{place}: expected each image once, found {found}")
        seen.add(name)
        values = tuple(_number(row[each.name], each, place) for each in quantities)
        yield ValueRow(name, values, row.get(SOURCE) or name)


def _number(cell: str, quantity: Quantity, place: str) -> float:
    """What `cell` says of `quantity`.

    Raises:
        DataError: no number, or one outside the range.
    """
    expected = f"{place}: {quantity.name}: expected a number from {quantity.low:g} to"
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not quantity.low <= value <= quantity.high:
        comma = ", with a point for its decimals" if "," in cell else ""
        raise DataError(f"{expected} {quantity.high:g}{comma}, found {cell!r}")
    return value


def _pool(
    folder: Path,
    rows: Sequence[ValueRow],
    on_unreadable: OnUnreadable,
    notes: list[str],
    skipped: list[str],
    progress: Progress,
) -> ValuePool:
    """The images of `rows`, every one decoded once to know that it can be.

    Raises:
        DataError: an image cannot be read, or, with `skip`, none can.
    """
    looks = look_at_each(partial(_digest, folder), [row.image for row in rows], progress)
    kept = keep_readable(rows, looks, on_unreadable, notes)
    names = tuple(row.image for row, _ in kept)
    readable = set(names)
    skipped += [row.image for row in rows if row.image not in readable]
    split = ValueSplit(
        ImageFiles(tuple(folder / name for name in names)),
        np.array([row.values for row, _ in kept], np.float64),
        names,
        tuple(row.source for row, _ in kept),
    )
    return ValuePool(split, tuple(look for _, look in kept))


def _digest(folder: Path, name: str) -> str | UnreadableImageError:
    """The digest of an image's pixels, or why it cannot be read."""
    try:
        return digest(read_image(folder / name))
    except UnreadableImageError as error:
        return error
