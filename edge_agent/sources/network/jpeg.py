"""JPEGs: where one ends, and whether it is whole."""

import re
from collections.abc import Callable

import cv2
import numpy as np

from edge_agent.common.arrays import U8
from edge_agent.sources.cameras.grabber import CorruptFrameError

START = b"\xff\xd8"
PNG_START = b"\x89PNG\r\n\x1a\n"
GZIP_START = b"\x1f\x8b"
# Whatever is readable to its end, or for so long, is no picture.
TEXT_BYTES = 64
TEXT = frozenset(b"\t\n\r" + bytes(range(0x20, 0x7F)))
# In the coded data 0xff is followed by a filling zero or a restart marker, or it ends there.
MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
END_OF_IMAGE = 0xD9
# A marker without a length (TEM); the start, the end and restarts are dealt with apart.
BARE = frozenset({0x01})


def is_picture(data: bytes | bytearray) -> bool:
    """Whether `data` begins as a JPEG or a PNG, whatever it is said to be."""
    return data.startswith((START, PNG_START))


def no_picture(data: bytes | bytearray, kind: str) -> str:
    """Why what came is no picture, in words; empty if it may be one.

    Args:
        data: all of it.
        kind: its type, as it is said to be.
    """
    if is_picture(data):
        return ""
    if not data:
        return "nothing in the answer"
    if data.startswith(GZIP_START):
        return "what is packed (gzip), which nobody has asked for"
    start = data[:TEXT_BYTES]
    text = kind.startswith("text/") or kind == "application/json"
    if text or data.lstrip().startswith(b"<") or all(byte in TEXT for byte in start):
        return f"a page or data ({kind})"
    return ""


def silent() -> str:
    """Listens to no complaints."""
    return ""


def decode(data: bytes | bytearray | None, complaints: Callable[[], str] = silent) -> U8:
    """The picture in `data`, (H, W, 3) BGR.

    Args:
        data: a JPEG, or another format that OpenCV reads.
        complaints: what the JPEG decoder has said since the last time, if it was of damage.

    Raises:
        CorruptFrameError: it cannot be decoded, or not whole.
    """
    complaints()  # what was said before is not about this frame
    image = None
    if data and data.startswith(START) and not _ends(data):
        # Some versions of OpenCV show it as if it were whole.
        raise CorruptFrameError("expected a whole frame, found a JPEG that ends early")
    if data:
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:  # of a picture that is larger than it allows
            image = None
    return checked(image, complaints)


def _ends(data: bytes | bytearray) -> bool:
    end = length(data)
    return end is not None and data[end - 1] == END_OF_IMAGE


def checked(image: object, complaints: Callable[[], str]) -> U8:
    """`image` as OpenCV gave it, if it gave one and its decoder did not complain.

    Raises:
        CorruptFrameError: as `decode`.
    """
    if not isinstance(image, np.ndarray) or image.size == 0:
        raise CorruptFrameError("expected a whole frame, found one that cannot be decoded")
    damage = complaints()
    if damage:
        raise CorruptFrameError(f"expected a whole frame, found damage: {damage}")
    return np.asarray(image, np.uint8)


def length(data: bytes | bytearray) -> int | None:
    """How many bytes at the start of `data` are one JPEG, by its own markers.

    A thumbnail within it does not end it (ITU T.81, annex B). A second start where none may be
    means that the first one was cut off. None while its end is not there, or if it is none.
    """
    if not data.startswith(START):
        return None
    at = len(START)
    while (found := MARKER.search(data, at)) is not None:
        marker, at = data[found.end() - 1], found.end()
        if marker == END_OF_IMAGE:
            return at
        if marker == START[1]:
            return found.start()
        if marker not in BARE:
            at += int.from_bytes(data[at : at + 2], "big")
    return None
