"""A video file as a source: every frame, at the model's pace."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from edge_agent.common.errors import SourceError
from edge_agent.common.stop import Stop
from edge_agent.sources.base import NO_TROUBLE, Frame, Report, bgr_frame, unreported


class VideoSource:
    """The frames of the video at `path`, once or in a loop; none is dropped.

    Raises:
        SourceError: on entering, if it is missing or is not a video; while iterating, if
            not one frame can be decoded, this time.
    """

    live = False
    counters = NO_TROUBLE

    def __init__(
        self, path: Path, stop: Stop, *, loop: bool = False, report: Report = unreported
    ) -> None:
        self._path, self._stop, self._loop, self._report = path, stop, loop, report
        self._capture: cv2.VideoCapture | None = None

    def __enter__(self) -> Self:
        self._capture = self._open()
        self._report(True, "")
        return self

    def __exit__(self, *_: object) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def __iter__(self) -> Iterator[Frame]:
        seq, readable = 0, False
        while self._capture is not None and not self._stop.is_set():
            read, image = self._capture.read()
            if read:
                yield bgr_frame(np.asarray(image, np.uint8), seq)
                seq, readable = seq + 1, True
                continue
            if not readable:
                raise SourceError(f"{self._path}: expected a video, found no frame to decode")
            if not self._loop:
                return
            self._capture.release()
            self._capture, readable = self._open(), False

    def _open(self) -> cv2.VideoCapture:
        if not self._path.is_file():
            raise SourceError(f"{self._path}: expected a video file, found nothing")
        capture = cv2.VideoCapture(str(self._path))
        if not capture.isOpened():
            raise SourceError(
                f"{self._path}: expected a video, found a file that OpenCV cannot open"
            )
        return capture
