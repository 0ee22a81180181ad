"""`data.group`: the name of the group that each image of a folder is of, as its user knows it."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import Image

from pipeline.common.errors import DataError
from pipeline.data.readers.foreign import open_foreign
from pipeline.data.readers.images import IMAGE_SUFFIXES
from pipeline.data_recipe import GroupRecipe

# EXIF 2.32: where the date of the shot is, and how it is written.
_EXIF_FOLDER, _TAKEN, _DIGITISED, _CHANGED = 0x8769, 0x9003, 0x9004, 0x0132
_DATE = "%Y:%m:%d %H:%M:%S"

_SHOWN = 3


@dataclass(frozen=True)
class Grouping:
    """How the images of a folder are grouped.

    Args:
        recipe: by what.
        csv: where the table is, if it is by one.
    """

    recipe: GroupRecipe
    csv: Path | None = None

    def keys(self, ids: Sequence[str], paths: Sequence[Path]) -> tuple[dict[str, str], str]:
        """The group of each image that has one, by its id; and what a reader should know.

        Args:
            ids: the images' paths below their folder.
            paths: their files.

        Raises:
            DataError: no image has a group, or the table is missing or wrong.
        """
        if self.recipe.pattern is not None:
            found, by = _by_pattern(self.recipe.pattern, ids), "data.group.pattern"
        elif self.csv is not None:
            found, by = _by_table(self.csv, ids), "data.group.csv"
        else:
            found, by = _by_time(self.recipe.exif_s or 0.0, ids, paths), "data.group.exif_s"
        if not found:
            raise DataError(
                f"{by}: expected it to name the group of some image, found none of {len(ids)}, "
                f"such as {', '.join(map(repr, ids[:_SHOWN]))}"
            )
        alone = len(ids) - len(found)
        rest = f"; {alone} images without one stand alone" if alone else ""
        return found, f"{by}: {len(set(found.values()))} groups of {len(found)} images{rest}"


def _by_pattern(pattern: str, ids: Sequence[str]) -> dict[str, str]:
    expression = re.compile(pattern)
    found: dict[str, str] = {}
    for id_ in ids:
        match = expression.search(id_)
        if match is not None:
            name = match.group(1) if expression.groups else match.group()
            if name:
                found[id_] = name
    return found


def _by_table(path: Path, ids: Sequence[str]) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a CSV of file and group, found: {error}") from error
    return read_groups(text, path, ids)


def read_groups(text: str, path: Path, ids: Sequence[str]) -> dict[str, str]:
    """The group of each image that a table names.

    Args:
        text: the table: file and group, parted by commas, semicolons or tabulators. A first line
            whose file has no image's suffix is its header.
        path: where it is, for errors.
        ids: the images' paths below their folder.

    Raises:
        DataError: names the line of what is wrong.
    """
    head = text.lstrip().partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise DataError(f"{path}: expected a CSV of file and group, found: {error}") from error
    known = set(ids)
    if rows and Path(rows[0][1][0].strip()).suffix.lower() not in IMAGE_SUFFIXES:
        rows = rows[1:]
    found: dict[str, str] = {}
    for number, row in rows:
        place = f"{path}: row {number}"
        if len(row) < 2:
            raise DataError(f"{place}: expected the columns file and group, found {row}")
        name, group = _path_of(row[0].strip(), known), row[1].strip()
        if name not in known:
            raise DataError(
                f"{place}: expected an image below the data's folder, such as {ids[0]!r}, "
                f"found {name!r}"
            )
        if group and found.setdefault(name, group) != group:
            raise DataError(
                f"{place}: expected one group of {name!r}, found {found[name]!r} and {group!r}"
            )
    return found


def _path_of(name: str, known: set[str]) -> str:
    """`name` as images are called: below the folder, with slashes."""
    return name if name in known else name.replace("\\", "/").removeprefix("./")


def _by_time(seconds: float, ids: Sequence[str], paths: Sequence[Path]) -> dict[str, str]:
    """Runs of photographs with at most `seconds` between one and the next, named by their start."""
    taken = sorted(
        (moment, id_)
        for id_, path in zip(ids, paths, strict=True)
        if (moment := taken_at(path)) is not None
    )
    found: dict[str, str] = {}
    before: datetime | None = None
    for moment, id_ in taken:
        if before is None or (moment - before).total_seconds() > seconds:
            name = moment.isoformat()
        found[id_], before = name, moment
    return found


def taken_at(path: Path) -> datetime | None:
    """When the photograph at `path` was taken by its EXIF, in the camera's time; else None."""
    try:
        with open_foreign(path) as image:
            exif = image.getexif()
            inner = exif.get_ifd(_EXIF_FOLDER)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    for value in (inner.get(_TAKEN), inner.get(_DIGITISED), exif.get(_CHANGED)):
        try:
            return datetime.strptime(str(value).strip("\0 "), _DATE)
        except ValueError:
            continue
    return None
