"""An image file, or a folder of them, as a source."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from edge_agent.common.arrays import U8
from edge_agent.common.errors import SourceError
from edge_agent.common.stop import Stop
from edge_agent.sources.base import Frame, Report, SourceCounters, bgr_frame, unreported

log = logging.getLogger(__name__)

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".pgm", ".ppm", ".tif", ".tiff", ".webp"})


class ImageSource:
    """The images at `path`, in the order of their names, each once or in a loop.

    A file that OpenCV cannot read is left out, said once, and counted as corrupt each time; its
    number is left out too, so that a frame's number still tells its file.

    Raises:
        SourceError: on entering, if there is no image; while iterating, if not one of them
            can be read.
    """

    live = False

    def __init__(
        self, path: Path, stop: Stop, *, loop: bool = False, report: Report = unreported
    ) -> None:
        self._path, self._stop, self._loop, self._report = path, stop, loop, report
        self._files: list[Path] = []
        self._unreadable: set[Path] = set()  # those that were complained of
        self._corrupt = 0

    @property
    def counters(self) -> SourceCounters:
        """As `FrameSource.counters`."""
        return SourceCounters(corrupt=self._corrupt)

    def __enter__(self) -> Self:
        self._files = find_images(self._path)
        self._report(True, "")
        return self

    def __exit__(self, *_: object) -> None:
        self._files = []

    def __iter__(self) -> Iterator[Frame]:
        seq = 0
        while not self._stop.is_set():
            readable = False
            for file in self._files:
                if self._stop.is_set():
                    return
                image = self._read(file)
                if image is not None:
                    readable = True
                    yield bgr_frame(image, seq)
                seq += 1
            if not readable:
                raise SourceError(
                    f"{self._path}: expected an image, found none that OpenCV can read"
                )
            if not self._loop:
                return

    def _read(self, file: Path) -> U8 | None:
        # It raises where it says that a picture is larger than OpenCV allows.
        with suppress(cv2.error):
            image = cv2.imread(str(file), cv2.IMREAD_COLOR)
            if image is not None:
                return np.asarray(image, np.uint8)
        self._corrupt += 1
        if file not in self._unreadable:
            self._unreadable.add(file)
            log.warning("%s: expected an image, found a file that OpenCV cannot read", file)
        return None


def find_images(path: Path) -> list[Path]:
    """The image files at `path`, sorted by name; files of other kinds are left out.

    Raises:
        SourceError: `path` is missing or holds no image.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise SourceError(f"{path}: expected an image or a folder of images, found nothing")
    files = sorted(f for f in path.iterdir() if f.suffix.lower() in SUFFIXES and f.is_file())
    if not files:
        kinds = ", ".join(sorted(SUFFIXES))
        raise SourceError(f"{path}: expected images ({kinds}), found none")
    return files
