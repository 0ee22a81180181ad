"""Pictures of readings that were held or rejected, kept on disk to be labelled.

A folder with two files a crop: `0000000042.png`, the straightened region, and
`0000000042.json`, its `CropRecord`. Numbers rise; the folder is bounded by count and by
bytes, and the oldest go first. The record is written last: a picture without one is what an
interrupted write left behind.
"""

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import msgspec
import numpy as np

from edge_agent.arrays import U8
from edge_agent.atomic import write_whole
from edge_agent.bundle.manifest import Name
from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.config import CropsConfig
from edge_agent.errors import CropError
from edge_agent.messages import BundleRef, Moment
from edge_agent.results import Box, CharacterScore, Confidence, ReadingState

log = logging.getLogger(__name__)

FILE_NAME = re.compile(r"([0-9]{10})\.(png|json)")
MB = 1024 * 1024


class CropRecord(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="edgeward.crop/1"
):
    """What is known of a crop.

    Args:
        number: its place in the folder; its files are named by it.
        device, stream, region: where it was seen.
        captured_at: when, UTC.
        state, why: held or rejected, and the reason.
        text, confidence, characters: what was read.
        box: where it is in the frame.
        bundle: what read it.
    """

    number: Annotated[int, msgspec.Meta(ge=0)]
    # Names, so that whoever labels crops may make paths of them.
    device: Name
    stream: Name
    region: Name
    captured_at: Moment
    state: ReadingState
    why: str
    text: str
    confidence: Confidence
    characters: tuple[CharacterScore, ...]
    box: Box
    bundle: BundleRef


@dataclass(frozen=True)
class Crop:
    """A crop on disk: its picture's path and its record."""

    picture: Path
    record: CropRecord


@dataclass(frozen=True)
class _Kept:
    number: int
    bytes: int


class CropStore:
    """Writes crops to a folder, within its bounds; any thread may.

    Args:
        config: where, and how much.
        clock: seconds that never go back.

    Raises:
        CropError: the folder cannot be made or read.
    """

    def __init__(self, config: CropsConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self._config, self._clock = config, clock
        self._lock = threading.Lock()
        self._last: dict[tuple[str, str], float] = {}  # by stream and region
        self._failing = False
        try:
            config.folder.mkdir(parents=True, exist_ok=True)
            self._kept = deque(_scan(config.folder))
        except OSError as error:
            raise CropError(
                f"{config.folder}: expected a folder for crops, found: {error.strerror}"
            ) from error
        self._next = self._kept[-1].number + 1 if self._kept else 0
        self._bytes = sum(kept.bytes for kept in self._kept)
        self._evict()

    def keep(self, image: U8, order: ColourOrder, record: CropRecord) -> bool:
        """Keep a crop, unless its region had one a moment ago; whether it was kept.

        Args:
            image: (H, W, 3) in `order`, or (H, W).
            order: of its channels.
            record: what is known of it; the number is given here.

        A disk that fails is logged once and stops no reading: crops are a by-product.
        """
        with self._lock:
            key, now = (record.stream, record.region), self._clock()
            if now - self._last.get(key, -float("inf")) < self._config.interval_s:
                return False
            self._last[key] = now
            try:
                self._write(image, order, record)
            except OSError as error:
                if not self._failing:
                    log.warning("%s: cannot keep crops: %s", self._config.folder, error.strerror)
                self._failing = True
                return False
            self._failing = False
            return True

    def _write(self, image: U8, order: ColourOrder, record: CropRecord) -> None:
        picture, number = _png(image, order), self._next
        text = msgspec.json.encode(msgspec.structs.replace(record, number=number))
        write_whole(_path(self._config.folder, number, "png"), picture)
        write_whole(_path(self._config.folder, number, "json"), text + b"\n")
        self._next += 1
        self._kept.append(_Kept(number, len(picture) + len(text) + 1))
        self._bytes += self._kept[-1].bytes
        self._evict()

    def _evict(self) -> None:
        most = self._config.max_mb * MB
        while self._kept and (len(self._kept) > self._config.max_count or self._bytes > most):
            oldest = self._kept.popleft()
            # The record first: what is listed has its picture.
            for kind in ("json", "png"):
                _path(self._config.folder, oldest.number, kind).unlink(missing_ok=True)
            self._bytes -= oldest.bytes


def list_crops(folder: Path) -> tuple[Crop, ...]:
    """The crops in `folder`, oldest first; what has no record yet is passed over.

    Raises:
        CropError: there is no such folder, or a record in it is not one.
    """
    try:
        records = sorted(p for p in folder.iterdir() if _number(p) is not None)
        return tuple(_crop(path) for path in records if path.suffix == ".json")
    except FileNotFoundError as error:
        # Also a crop that was evicted between listing and reading.
        raise CropError(f"{error.filename}: expected crops, found nothing") from error
    except OSError as error:
        raise CropError(f"{error.filename}: cannot be read: {error.strerror}") from error


def _crop(path: Path) -> Crop:
    try:
        record = msgspec.json.decode(path.read_bytes(), type=CropRecord)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CropError(f"{path}: {error}") from error
    return Crop(path.with_suffix(".png"), record)


def _scan(folder: Path) -> list[_Kept]:
    """What an earlier start left, oldest first; half-written crops count too, to be evicted."""
    sizes: dict[int, int] = {}
    for path in folder.iterdir():
        number = _number(path)
        if number is not None:
            sizes[number] = sizes.get(number, 0) + path.stat().st_size
    return [_Kept(number, sizes[number]) for number in sorted(sizes)]


def _number(path: Path) -> int | None:
    found = FILE_NAME.fullmatch(path.name)
    return None if found is None else int(found[1])


def _path(folder: Path, number: int, kind: str) -> Path:
    return folder / f"{number:010}.{kind}"


def _png(image: U8, order: ColourOrder) -> bytes:
    if image.ndim == 3 and order == "rgb":
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)
    _, data = cv2.imencode(".png", image)
    return data.tobytes()
