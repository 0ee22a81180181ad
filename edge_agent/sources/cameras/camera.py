"""A camera through OpenCV: V4L2 by number or file, RTSP or MJPEG over HTTP by URL.

Imported by the camera's own process only: a read can hang beyond every timeout.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import cv2

from edge_agent.common.arrays import U8
from edge_agent.common.errors import SourceError
from edge_agent.sources.cameras import v4l2
from edge_agent.sources.cameras.grabber import Grabber
from edge_agent.sources.cameras.picture_group import FORMATS, PictureGroup
from edge_agent.sources.cameras.stream_clock import StreamClock
from edge_agent.sources.config import CameraConfig
from edge_agent.sources.network import device_probe, jpeg
from edge_agent.sources.network.address import with_credentials
from edge_agent.sources.network.camera_login import address_and_login
from edge_agent.sources.network.jpeg import silent
from edge_agent.system.opencv_log import silence_opencv

# Asking every back end in turn would take seconds and print an error for each.
V4L2 = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
# OpenCV's own timeouts come first: opening again is gentler than killing.
OWN_SHARE = 0.8
# As `CAP_PROP_FORMAT`: give the packets as they came, not decoded.
UNDECODED = -1
MJPEG = cv2.VideoWriter.fourcc(*"MJPG")
# The driver dates frames by the monotonic clock; a date further off is by another one.
MAX_AGE_S = 10.0
# Frames that are looked at more often are decoded as they come: most key frames are 1 to 4 s apart.
UNDECODED_FROM_S = 5.0
# How much of its timeout a stream may take to a key frame.
KEY_SHARE = 0.4


class OpencvCamera:
    """An open camera.

    JPEGs of a stream are decoded here, not by FFmpeg, which shows a truncated one as a mixture
    of two frames and does not tell; where OpenCV does not hand them over undecoded (Debian's 4.6),
    by FFmpeg after all. A stream that is looked at seldom is decoded when it is.

    Args:
        config: which.
        complaints: what the JPEG decoder has said since the last time, if it was of damage.

    Raises:
        SourceError: it is absent, busy, or does not answer within its timeout.
    """

    still = False

    def __init__(self, config: CameraConfig, complaints: Callable[[], str] = silent) -> None:
        self._config, self._complaints = config, complaints
        self._decodes_all = config.url is None  # a driver's frames are there already
        self._open()

    def _open(self) -> None:
        self._capture = open_capture(self._config)
        self._clock = StreamClock(self._config.place)
        self._codec = int(self._capture.get(cv2.CAP_PROP_FOURCC))
        self.decodes_jpegs = (
            self._config.url is not None
            and self._codec == MJPEG
            and self._capture.set(cv2.CAP_PROP_FORMAT, UNDECODED)
        )
        self._group: PictureGroup | None = None
        self._new = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._capture.release()

    def pace(self, interval_s: float) -> None:
        """As `Grabber.pace`: whether all is decoded can only be said before the first frame."""
        if self._decodes_all or self.decodes_jpegs:
            return
        seldom = interval_s >= UNDECODED_FROM_S
        if seldom == (self._group is not None):
            return
        if not self._new:
            self._open_again()
        letters = (self._codec & 0xFFFFFFFF).to_bytes(4, "little").lower()
        container = FORMATS.get(letters.decode("latin-1"))
        if not seldom or container is None:
            self._decodes_all = container is None
        elif self._capture.set(cv2.CAP_PROP_FORMAT, UNDECODED):
            self._group = PictureGroup(container, self._extradata())
        else:
            self._decodes_all = True

    def grab(self) -> float:
        """As `Grabber.grab`; a driver dates its frames, and so does a stream."""
        new, self._new = self._new, False
        started = time.monotonic()
        while True:
            if not self._capture.grab():
                if new:
                    raise _absent(self._config)
                raise SourceError(f"{self._config.place}: no more frames from the camera")
            if self._group is None or self._can_show(self._group, started):
                break
        now, stream_s = time.monotonic(), self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if self._config.url is not None:
            return self._clock.date(stream_s, now)
        return driver_time(stream_s, now)

    def retrieve(self, into: U8 | None) -> U8:
        """As `Grabber.retrieve`."""
        if self._group is not None:
            return self._group.newest(into)
        if self.decodes_jpegs:
            given, data = self._capture.retrieve(None)
            return jpeg.decode(data.tobytes() if given else None, self._complaints)
        self._complaints()  # what was said before is not about this frame
        given, image = self._capture.retrieve(into)
        return jpeg.checked(image if given else None, self._complaints)

    def _can_show(self, group: PictureGroup, started: float) -> bool:
        """Take the packet that has come; whether a frame can be had now."""
        given, packet = self._capture.retrieve(None)
        key = bool(self._capture.get(cv2.CAP_PROP_LRF_HAS_KEY_FRAME))
        if given and packet is not None and group.take(packet.tobytes(), key=key):
            if not group.too_large:
                return True
        elif time.monotonic() - started < KEY_SHARE * self._config.read_timeout_s:
            return False
        # Its key frames are too far apart: it is decoded as it comes.
        self._decodes_all = True
        self._open_again()
        return False

    def _extradata(self) -> bytes:
        """What a decoder must know first; many cameras say it beside the stream only."""
        index = int(self._capture.get(cv2.CAP_PROP_CODEC_EXTRADATA_INDEX))
        given, data = self._capture.retrieve(None, index) if index > 0 else (False, None)
        return data.tobytes() if given and data is not None else b""

    def _open_again(self) -> None:
        self._capture.release()
        self._open()


def open_any(config: CameraConfig, complaints: Callable[[], str] = silent) -> Grabber:
    """The camera that `config` names: what gives JPEGs over HTTP is read here, all else by OpenCV.

    Raises:
        SourceError: it does not open; the message names why.
    """
    found = None
    if config.url is not None and config.url.lower().startswith(("http://", "https://")):
        # Megabytes that other cameras do without.
        from edge_agent.sources.cameras.http_camera import open_http

        found = open_http(config, complaints)
    return OpencvCamera(config, complaints) if found is None else found


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
    silence_opencv()
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
        opened = capture.open(_address(config), cv2.CAP_FFMPEG, timeouts)
    if not opened:
        capture.release()
        raise _absent(config)
    _ask_for(capture, config)
    if config.controls is not None:  # which a stream by URL has not
        try:
            v4l2.set_controls(_device(config), config.controls, config.place)
        except SourceError:
            capture.release()
            raise
    return capture


def _device(config: CameraConfig) -> Path:
    return config.device or Path(f"/dev/video{config.index}")


def _address(config: CameraConfig) -> str:
    assert config.url is not None
    if config.credentials_file is None:
        return config.url
    return with_credentials(*address_and_login(config))


def _absent(config: CameraConfig) -> SourceError:
    return SourceError(f"{config.place}: expected a camera, found {_why_not(config)}")


def _why_not(config: CameraConfig) -> str:
    if config.url is None:
        return device_probe.why_not(_device(config))
    from edge_agent.sources.network import stream_probe

    if "://" not in config.url:
        return stream_probe.why_no_file(Path(config.url))
    return stream_probe.why_not(*address_and_login(config), _probe_s(config))


def _probe_s(config: CameraConfig) -> float:
    # After OpenCV has had its share, still before the supervisor loses patience.
    return OWN_SHARE * min(config.open_timeout_s, config.read_timeout_s)


def _ask_for(capture: cv2.VideoCapture, config: CameraConfig) -> None:
    # A driver takes what comes nearest; the format first, since it limits the others.
    if config.fourcc is not None:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*config.fourcc))
    if config.width is not None and config.height is not None:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, config.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, config.height)
    if config.fps is not None:
        capture.set(cv2.CAP_PROP_FPS, config.fps)
