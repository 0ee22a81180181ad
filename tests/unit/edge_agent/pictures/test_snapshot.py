"""Snapshots: what is seen, in no more bytes than there may be."""

import cv2
import numpy as np
import pytest

from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import U8
from edge_agent.common.errors import SourceError
from edge_agent.pictures.encode import encode_snapshot


def decoded(data: bytes) -> U8:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


def noise(height: int, width: int) -> U8:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def test_a_picture_that_fits_keeps_its_size_and_colours() -> None:
    """Red stays red, whichever order the channels are in."""
    red = np.zeros((48, 64, 3), np.uint8)
    red[:, :, 2] = 250
    ways: tuple[tuple[U8, ColourOrder], ...] = ((red, "bgr"), (red[:, :, ::-1], "rgb"))
    for image, order in ways:
        seen = decoded(encode_snapshot(image, order, 100_000))
        assert seen.shape == (48, 64, 3)
        assert seen[24, 32, 2] > 240
        assert seen[24, 32, 0] < 10


def test_a_grey_picture_is_one_too() -> None:
    """(H, W) is what some sources give."""
    assert decoded(encode_snapshot(noise(48, 64)[:, :, 0], "rgb", 100_000)).shape == (48, 64, 3)


@pytest.mark.parametrize("max_bytes", [400_000, 60_000, 20_000, 5_000])
def test_a_picture_that_does_not_fit_is_made_smaller(max_bytes: int) -> None:
    """Noise is the worst there is; its shape stays."""
    data = encode_snapshot(noise(480, 640), "bgr", max_bytes)
    assert len(data) <= max_bytes
    height, width = decoded(data).shape[:2]
    assert width / height == pytest.approx(640 / 480)


def test_a_wide_picture_is_made_smaller_too() -> None:
    """A strip of a screen, no higher than the smallest side."""
    assert len(encode_snapshot(noise(120, 1920), "bgr", 16_000)) <= 16_000


def test_what_cannot_fit_is_an_error() -> None:
    """Not a picture that is too large, and not an endless search."""
    with pytest.raises(SourceError, match=r"^expected a snapshot of at most 100 bytes, found \d+"):
        encode_snapshot(noise(480, 640), "bgr", 100)
