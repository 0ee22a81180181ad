"""`PictureGroup`: a video stream's packets since its last key frame, decoded only when asked.

Decoding every frame of a stream that is looked at once a minute is nearly all that it costs.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from edge_agent.common.arrays import U8
from edge_agent.sources.cameras.grabber import CorruptFrameError

OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
# FFmpeg's names for packets that follow each other without a container, by the codec's letters.
FORMATS = {
    **dict.fromkeys(("h264", "avc1", "x264"), "h264"),
    **dict.fromkeys(("hevc", "hev1", "hvc1", "h265"), "hevc"),
    **dict.fromkeys(("fmp4", "mp4v"), "m4v"),
}
# So much of a unit's start tells which it is: its kind, profile, level and first sizes.
COMPARED = 8
START_CODES = (b"\0\0\1", b"\0\0\0\1")
# Some cameras send a key frame a minute; beyond these, decoding all is the better bargain.
MAX_BYTES = 32 * 1024**2
MAX_PACKETS = 1500


class PictureGroup:
    """What must be decoded for the newest frame.

    Args:
        container: one of `FORMATS`.
        extradata: what a decoder must know first, as the stream's description says it; it
            counts if it is as in the stream, where each unit begins with a start code.
    """

    def __init__(self, container: str, extradata: bytes = b"") -> None:
        self._container = container
        self._first = extradata if extradata.startswith(START_CODES) else b""
        self._packets: list[bytes] = []
        self._bytes = 0

    def take(self, packet: bytes, *, key: bool) -> bool:
        """Add the next packet; whether the newest frame can be decoded."""
        if key:
            self._packets, self._bytes = [], 0
        if key or self._packets:
            self._packets.append(self._decodable(packet) if key else packet)
            self._bytes += len(packet)
        return bool(self._packets)

    def _decodable(self, packet: bytes) -> bytes:
        """A key frame with what a decoder must know first, which may be in it already."""
        unit = self._first.lstrip(b"\0")[:COMPARED]
        return packet if unit in packet else self._first + packet

    @property
    def too_large(self) -> bool:
        """Whether key frames are too far apart for this."""
        return self._bytes > MAX_BYTES or len(self._packets) > MAX_PACKETS

    def newest(self, into: U8 | None) -> U8:
        """The newest frame, (H, W, 3) BGR.

        Args:
            into: where to write it if it has the right shape.

        Raises:
            CorruptFrameError: it cannot be decoded.
        """
        with _file(self._packets) as path:
            count = len(self._packets)
            # A packet may hold no frame of its own: then as many as there are.
            for _ in range(2):
                capture = self._open(path)
                try:
                    had = 0
                    while had < count and capture.grab():
                        had += 1
                    if had == count:
                        given, image = capture.retrieve(into)
                        if given and image is not None:
                            return np.asarray(image, np.uint8)
                    count = had
                finally:
                    capture.release()
                if not had:
                    break
        raise CorruptFrameError("expected a whole frame, found one that cannot be decoded")

    def _open(self, path: str) -> cv2.VideoCapture:
        # OpenCV takes this nowhere else.
        before = os.environ.get(OPTIONS)
        os.environ[OPTIONS] = f"input_format;{self._container}"
        try:
            return cv2.VideoCapture(path, cv2.CAP_FFMPEG)
        finally:
            if before is None:
                del os.environ[OPTIONS]
            else:
                os.environ[OPTIONS] = before


@contextmanager
def _file(packets: list[bytes]) -> Iterator[str]:
    """A path under which `packets` can be read; OpenCV reads nothing but files."""
    try:
        number = os.memfd_create("edgeward-packets")
    except (AttributeError, OSError):
        with tempfile.NamedTemporaryFile() as file:
            file.writelines(packets)
            file.flush()
            yield file.name
        return
    try:
        with open(number, "wb", closefd=False) as file:
            file.writelines(packets)
        yield f"/proc/self/fd/{number}"
    finally:
        os.close(number)
