"""JPEGs: where one ends, and whether it is whole."""

import cv2
import numpy as np
import pytest
from support.mjpeg import red_jpeg

from edge_agent.sources.cameras.grabber import CorruptFrameError
from edge_agent.sources.network.jpeg import decode, length

JPEG = red_jpeg((640, 480))


def with_thumbnail(jpeg: bytes, thumbnail: bytes) -> bytes:
    """`jpeg` with another one in an application's segment, as cameras store it."""
    body = b"Exif\0\0" + thumbnail
    return jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:]


@pytest.mark.parametrize("after", [b"", b"\r\n--frame\r\n", JPEG, b"\xff\xff"])
def test_a_jpeg_tells_where_it_ends(after: bytes) -> None:
    """Also a progressive one, one with a smaller one in it, and one with filling bytes."""
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    progressive = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    filled = JPEG[:-2] + b"\xff\xff\xff\xd9"
    for jpeg in (JPEG, progressive, with_thumbnail(JPEG, red_jpeg()), filled):
        assert length(jpeg + after) == len(jpeg)


def test_what_has_no_end_has_no_length() -> None:
    """Nor what is none; one that is followed by another ends where that begins."""
    assert [length(JPEG[:count]) for count in (0, 1, 2, 3, 500, len(JPEG) - 1)] == [None] * 6
    assert length(b"\x89PNG") is None
    assert length(JPEG[:2000] + JPEG) == 2000


@pytest.mark.parametrize("data", [JPEG[:2000], JPEG[:2000] + JPEG[:9], JPEG[:-2]])
def test_a_jpeg_without_its_end_is_corrupt(data: bytes) -> None:
    """Some versions of OpenCV decode it without a word."""
    with pytest.raises(CorruptFrameError, match="expected a whole frame, found a JPEG that ends"):
        decode(data)


def test_what_is_whole_is_decoded() -> None:
    """Must not fire, with whatever follows, and in other formats; nothing is no picture."""
    png = cv2.imencode(".png", np.zeros((4, 6, 3), np.uint8))[1].tobytes()
    assert decode(JPEG + b"\r\n").shape == (480, 640, 3)
    assert decode(png).shape == (4, 6, 3)
    for nothing in (None, b"", b"hello"):
        with pytest.raises(CorruptFrameError, match="found one that cannot be decoded"):
            decode(nothing)
