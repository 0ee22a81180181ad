"""A camera through OpenCV: V4L2 by number or file, RTSP or MJPEG over HTTP by URL.

Imported by the camera's own process only: a read can hang beyond every timeout.
"""

import sys
import time
from collections.abc import Callable
from typing import Self

import cv2
import numpy as np

from edge_agent.arrays import U8
from edge_agent.errors import SourceError
from edge_agent.sources.config import CameraConfig
from edge_agent.sources.grabber import CorruptFrameError

# Asking every back end in turn would take seconds and print an error for each.
V4L2 = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
# OpenCV's own timeouts come first: opening again is gentler than killing.
OWN_SHARE = 0.8
# As `CAP_PROP_FORMAT`: give the packets as they came, not decoded.
UNDECODED = -1
MJPEG = cv2.VideoWriter.fourcc(*"MJPG")
# The driver dates frames by the monotonic clock; a date further off is by another one.
MAX_AGE_S = 10.0


def silent() -> str:
    """Listens to no complaints."""
    return ""


class OpencvCamera:
    """An open camera.

    JPEGs of a stream are decoded here, not by FFmpeg, which shows a truncated one as a mixture
    of two frames and does not tell; where OpenCV does not hand them over undecoded (Debian's 4.6),
    by FFmpeg after all.

    Args:
        config: which.
        complaints: what the JPEG decoder has said since the last time, if it was of damage.

    Raises:
        SourceError: it is absent, busy, or does not answer within its timeout.
    """

    def __init__(self, config: CameraConfig, complaints: Callable[[], str] = silent) -> None:
        self._config, self._complaints = config, complaints
        self._capture = open_capture(config)
        self.decodes_jpegs = (
            config.url is not None
            and int(self._capture.get(cv2.CAP_PROP_FOURCC)) == MJPEG
            and self._capture.set(cv2.CAP_PROP_FORMAT, UNDECODED)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._capture.release()

    def grab(self) -> float:
        """As `Grabber.grab`."""
        if not self._capture.grab():
            raise SourceError(f"{self._config.place}: no more frames from the camera")
        now = time.monotonic()
        if self._config.url is not None:
            return now
        return driver_time(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, now)

    def retrieve(self, into: U8 | None) -> U8:
        """As `Grabber.retrieve`."""
        self._complaints()  # what was said before is not about this frame
        given, image = self._capture.retrieve(None if self.decodes_jpegs else into)
        if given and self.decodes_jpegs:
            image = cv2.imdecode(image, cv2.IMREAD_COLOR)
        if not given or image is None or image.size == 0:
            raise CorruptFrameError("expected a whole frame, found one that cannot be decoded")
        damage = self._complaints()
        if damage:
            raise CorruptFrameError(f"expected a whole frame, found damage: {damage}")
        return np.asarray(image, np.uint8)


def driver_time(dated_s: float, now: float) -> float:
    """When a frame was taken: as its driver says, if that is by our clock; else now.

    Args:
        dated_s: the driver's date; 0 if it has none.
        now: `time.monotonic()`.
    """
    return dated_s if 0 <= now - dated_s <= MAX_AGE_S else now


def open_capture(config: CameraConfig) -> cv2.VideoCapture:
    """The camera, opened and set as far as it can be.

    Raises:
        SourceError: it is absent, busy, or does not answer within its timeout.
    """
    cv2.setLogLevel(0)  # what goes wrong is in our own errors, once
    capture = cv2.VideoCapture()
    if config.url is None:
        # The V4L2 back end takes no timeouts here: they are in the process's environment.
        place = config.index if config.device is None else str(config.device)
        assert place is not None
        opened = capture.open(place, V4L2)
    else:
        # Without these OpenCV may wait for ever.
        timeouts = [
            *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(config.open_timeout_s * OWN_SHARE * 1000)),
            *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(config.read_timeout_s * OWN_SHARE * 1000)),
        ]
        opened = capture.open(config.url, cv2.CAP_FFMPEG, timeouts)
    if not opened:
        capture.release()
        raise SourceError(f"{config.place}: expected a camera, found none that opens")
    _ask_for(capture, config)
    return capture


def _ask_for(capture: cv2.VideoCapture, config: CameraConfig) -> None:
    # A driver takes what comes nearest; the format first, since it limits the others.
    if config.fourcc is not None:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*config.fourcc))
    if config.width is not None and config.height is not None:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, config.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, config.height)
    if config.fps is not None:
        capture.set(cv2.CAP_PROP_FPS, config.fps)
