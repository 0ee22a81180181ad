"""`PictureFolder`: numbered pictures with a record each, on disk, within bounds.

Two files a picture: `0000000042.png` or `.jpg`, and `0000000042.json`. Numbers rise; the folder
is bounded by count and by bytes, and the oldest go first. The record is written last: a picture
without one is what an interrupted write left behind.
"""

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from edge_agent.common.atomic import write_whole
from edge_agent.common.errors import CropError, SourceError
from edge_agent.outbox.reserve import FULL

log = logging.getLogger(__name__)

FILE_NAME = re.compile(r"([0-9]{10})\.(png|jpg|json)")
MB = 1024 * 1024
# A disk that is full may be so for days, and one that is nearly full now and then.
COMPLAINT_S = 600.0

Kind: TypeAlias = Literal["png", "jpg"]


@dataclass(frozen=True)
class KeptPicture:
    """A picture on disk: its number, and the bytes of its file and of both files."""

    number: int
    picture_bytes: int
    bytes: int


class PictureFolder:
    """Writes pictures to a folder, within its bounds; any thread may.

    Args:
        folder: where; made if it is missing.
        kind: of the pictures.
        max_count, max_mb: how many, and how much, at most.
        clock: seconds that never go back.

    Raises:
        CropError: the folder cannot be made or read.
    """

    def __init__(
        self,
        folder: Path,
        kind: Kind,
        max_count: int,
        max_mb: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._kind, self._clock = folder, kind, clock
        self._max_count, self._max_bytes = max_count, max_mb * MB
        self._lock = threading.Lock()
        self._last: dict[Hashable, float] = {}
        self._complained = -float("inf")
        try:
            self._kept = deque(self._found())
        except OSError as error:
            raise CropError(
                f"{folder}: expected a folder for pictures, found: {error.strerror}"
            ) from error
        self._next = self._kept[-1].number + 1 if self._kept else 0
        self._bytes = sum(kept.bytes for kept in self._kept)
        self._evict()

    def keep(
        self,
        key: Hashable,
        interval_s: float,
        picture: Callable[[], bytes],
        record: Callable[[int], bytes],
    ) -> KeptPicture | None:
        """Keep a picture; None if its key had one less than `interval_s` ago, or it cannot be.

        Args:
            key: of what it is a picture.
            interval_s: the least time between two of the same key.
            picture: makes the file's contents, if they are wanted.
            record: makes the record's, of the picture's number.

        A disk that fails, and a picture that cannot be made, are logged now and then and stop
        nothing: pictures are a by-product.
        """
        with self._lock:
            now = self._clock()
            if now - self._last.get(key, -float("inf")) < interval_s:
                return None
            self._last[key] = now
            try:
                kept = self._write(picture(), record(self._next))
            except OSError as error:
                self._complain(str(error.strerror))
                return None
            except SourceError as error:  # a picture that cannot be made small enough
                self._complain(str(error))
                return None
            return kept

    def _found(self) -> list[KeptPicture]:
        """What the folder has; it is made if it is missing, on a full disk later."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno not in FULL:
                raise
            self._complain(str(error.strerror))
            return []
        return _scan(self._folder)

    def _complain(self, why: str) -> None:
        now = self._clock()
        if now - self._complained >= COMPLAINT_S:
            self._complained = now
            log.warning("%s: cannot keep pictures: %s", self._folder, why)

    def _write(self, picture: bytes, record: bytes) -> KeptPicture:
        number = self._next
        write_whole(picture_path(self._folder, number, self._kind), picture)
        write_whole(picture_path(self._folder, number, "json"), record)
        self._next += 1
        kept = KeptPicture(number, len(picture), len(picture) + len(record))
        self._kept.append(kept)
        self._bytes += kept.bytes
        self._evict()
        return kept

    def _evict(self) -> None:
        while self._kept and (len(self._kept) > self._max_count or self._bytes > self._max_bytes):
            oldest = self._kept.popleft()
            # The record first: what is listed has its picture.
            for kind in ("json", self._kind):
                picture_path(self._folder, oldest.number, kind).unlink(missing_ok=True)
            self._bytes -= oldest.bytes


def picture_path(folder: Path, number: int, kind: str) -> Path:
    """Where the picture of that number, or its record, is."""
    return folder / f"{number:010}.{kind}"


def picture_number(path: Path) -> int | None:
    """The number of a file in such a folder; None for a file of another name."""
    found = FILE_NAME.fullmatch(path.name)
    return None if found is None else int(found[1])


def _scan(folder: Path) -> list[KeptPicture]:
    """What an earlier start left, oldest first; half-written ones count too, to be evicted."""
    sizes: dict[int, list[int]] = {}
    for path in folder.iterdir():
        number = picture_number(path)
        if number is not None:
            pair = sizes.setdefault(number, [0, 0])
            pair[path.suffix == ".json"] += path.stat().st_size
    return [KeptPicture(number, sizes[number][0], sum(sizes[number])) for number in sorted(sizes)]
