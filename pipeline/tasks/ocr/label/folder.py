"""`LabelFolder`: crops with their texts, as a text folder that a recipe can train with.

Each labelled crop is a copy of its picture and a line of the table, written before the next one
is asked for. The picture's name has the device, the stream, the region and the time, so that
crops of many devices and of many months lie in one folder; a device whose own numbering began
anew overwrites nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from edge_agent.common.atomic import write_whole
from edge_agent.common.errors import CropError
from edge_agent.tasks.ocr.crops import Crop, CropRecord
from pipeline.common.errors import DataError
from pipeline.data.readers.images import UnreadableImageError, decode_image
from pipeline.tasks.ocr.data.folder import TRAIN_TABLES, read_rows
from pipeline.tasks.ocr.data.store import FolderStore


@dataclass(frozen=True)
class LabelEntry:
    """A crop, and what it says if somebody has looked.

    Args:
        crop: the picture and what the agent made of it.
        label: the text; None as long as nobody has said.
    """

    crop: Crop
    label: str | None = None

    @property
    def name(self) -> str:
        """Its picture's name in a label folder."""
        moment = f"{self.seen:%Y%m%dT%H%M%S}"
        return f"{source_of(self.crop.record)}/{moment}-{self.crop.record.number:010}.png"

    @property
    def seen(self) -> datetime:
        """When it was seen, UTC."""
        return self.crop.record.captured_at.astimezone(UTC)


def source_of(record: CropRecord) -> str:
    """What must not be in two splits: all crops of one region show the same display."""
    return f"{record.device}/{record.stream}/{record.region}"


class LabelFolder:
    """A text folder that is being added to; it need not exist yet.

    Args:
        path: the folder.

    Raises:
        DataError: there is a table in it that is none, or something other than a folder there.
    """

    def __init__(self, path: Path) -> None:
        if path.exists() and not path.is_dir():
            raise DataError(f"{path}: expected a folder for labelled crops, found a file")
        self.path = path
        store = FolderStore(path)
        table = next((name for name in TRAIN_TABLES if store.has(name)), TRAIN_TABLES[0])
        self._table = path / table
        self.labels: dict[str, str] = {}
        if self._table.is_file() and self._table.stat().st_size:
            self.labels = {row.image: row.text for row in read_rows(store, table, str)}

    def entries(self, crops: Iterable[Crop]) -> tuple[LabelEntry, ...]:
        """`crops`, each with its label in this folder."""
        return tuple(LabelEntry(crop, self.labels.get(LabelEntry(crop).name)) for crop in crops)

    def add(self, entry: LabelEntry, text: str) -> None:
        """Label a crop that has no label yet; on disk when this returns.

        Raises:
            CropError: its picture is missing or damaged.
            DataError: `text` cannot be in a table, or the crop has a label already.
        """
        check_label(text, entry.name)
        if entry.name in self.labels:
            raise DataError(
                f"{self._table}: expected no label of {entry.name} yet, "
                f"found {self.labels[entry.name]!r}"
            )
        # The picture first: what the table names is there.
        write_whole(self.path / entry.name, picture_bytes(entry.crop))
        line = f"{entry.name}\t{text}\t{source_of(entry.crop.record)}\n".encode()
        write_whole(self._table, self._lines() + line)
        self.labels[entry.name] = text

    def _lines(self) -> bytes:
        """The table as it is, every line ended."""
        lines = self._table.read_bytes() if self._table.is_file() else b""
        return lines if not lines or lines.endswith(b"\n") else lines + b"\n"


def check_label(text: str, place: str) -> None:
    """Refuse a label that a table cannot hold or nothing could show.

    Raises:
        DataError: it has a tab or another character that cannot be printed.
    """
    strange = next((character for character in text if not character.isprintable()), None)
    if strange is not None:
        raise DataError(
            f"{place}: expected a text of characters that can be printed, found {strange!r} "
            f"in {text!r}"
        )


def picture_bytes(crop: Crop) -> bytes:
    """The PNG file of a crop, known to be whole.

    Raises:
        CropError: it is missing or damaged.
    """
    try:
        data = crop.picture.read_bytes()
        decode_image(np.frombuffer(data, np.uint8))
    except OSError as error:
        raise CropError(
            f"{crop.picture}: expected the picture of a crop, found: {error.strerror}"
        ) from error
    except UnreadableImageError as error:
        raise CropError(f"{crop.picture}: {error}") from error
    return data
