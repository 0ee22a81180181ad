"""A camera as a live source: by number, or by URL (RTSP, MJPEG over HTTP)."""

import logging
import os
import sys
import threading
from collections.abc import Iterator
from typing import Self

import cv2
import numpy as np

from edge_agent.backoff import Backoff
from edge_agent.config import CameraConfig
from edge_agent.errors import SourceError
from edge_agent.sources.base import Frame, Report, bgr_frame, unreported
from edge_agent.sources.latest import LatestFrame
from edge_agent.stop import Stop

log = logging.getLogger(__name__)

# A read that OpenCV's own timeout does not end is reported this much later.
GRACE_S = 1.0
# By then it has been told to end for a while; what hangs is left behind.
CLOSE_TIMEOUT_S = 0.2
# Asking every back end in turn would take seconds and print an error for each.
V4L2 = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY


class CameraSource:
    """The freshest frame of a camera that may come and go.

    A thread of its own captures, and opens the camera again, for ever, when it is lost.
    OpenCV can hang in a read beyond its timeouts: the thread is then left behind, and
    neither iteration nor closing waits for it.
    """

    live = True

    def __init__(self, config: CameraConfig, stop: Stop, *, report: Report = unreported) -> None:
        self._config, self._report = config, report
        self._stop = stop
        self._ended = Stop()  # by `stop`, or by leaving
        self._slot = LatestFrame()
        self._backoff = Backoff()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)

    @property
    def dropped(self) -> int:
        """Frames that a fresher one replaced before they were taken."""
        return self._slot.dropped

    def __enter__(self) -> Self:
        self._stop.on_set(self._end)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._thread.join(CLOSE_TIMEOUT_S)

    def __iter__(self) -> Iterator[Frame]:
        silence_s = self._config.open_timeout_s + self._config.read_timeout_s + GRACE_S
        while not self._ended.is_set():
            frame = self._slot.take(silence_s)
            if frame is not None:
                yield frame
            elif not self._ended.is_set():
                self._report(False, f"{place(self._config)}: no frame for {silence_s:g} s")
        if self._error is not None:
            raise self._error

    def _end(self) -> None:
        self._ended.set()
        self._slot.close()

    def _run(self) -> None:
        try:
            self._capture_for_ever()
        except BaseException as error:
            # Not a lost camera but a broken program: whoever iterates shall know.
            self._error = error
            self._end()

    def _capture_for_ever(self) -> None:
        seq = 0
        while not self._ended.is_set():
            try:
                for frame in self._capture(seq):
                    seq = frame.seq + 1
                    self._slot.put(frame)
            except SourceError as error:
                delay = self._backoff.next()
                log.warning("%s; trying again in %.1f s", error, delay)
                self._report(False, str(error))
                self._ended.wait(delay)

    def _capture(self, seq: int) -> Iterator[Frame]:
        capture = open_capture(self._config)
        try:
            first = True
            while not self._ended.is_set():
                read, image = capture.read()
                if not read:
                    raise SourceError(f"{place(self._config)}: no more frames from the camera")
                if first:
                    self._backoff.reset()
                    self._report(True, "")
                    first = False
                yield bgr_frame(np.asarray(image, np.uint8), seq)
                seq += 1
        finally:
            capture.release()


def place(config: CameraConfig) -> str:
    """How messages name the camera; the password in a URL does not show."""
    if config.url is None:
        return f"camera {config.index}"
    scheme, separator, rest = config.url.rpartition("://")
    return f"camera {scheme}{separator}{rest.rpartition('@')[2]}"


def open_capture(config: CameraConfig) -> cv2.VideoCapture:
    """The camera, opened.

    Raises:
        SourceError: it is absent, busy, or does not answer within its timeout.
    """
    _silence_opencv()
    capture = cv2.VideoCapture()
    if config.url is None:
        assert config.index is not None
        # The V4L2 back end takes no timeouts: its own is ten seconds.
        opened = capture.open(config.index, V4L2)
    else:
        # Without these OpenCV may wait for ever.
        timeouts = [
            *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(config.open_timeout_s * 1000)),
            *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(config.read_timeout_s * 1000)),
        ]
        opened = capture.open(config.url, cv2.CAP_FFMPEG, timeouts)
    if not opened:
        capture.release()
        raise SourceError(f"{place(config)}: expected a camera, found none that opens")
    return capture


def _silence_opencv() -> None:
    # What goes wrong is in our own errors, once; a lost camera would fill the log.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
    cv2.setLogLevel(0)
