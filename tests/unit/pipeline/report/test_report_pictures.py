"""Pictures and heat maps as the page embeds them."""

import base64

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_sample_image
from support.learned_digits import Problem

from edge_agent.common.arrays import U8
from pipeline.report.pictures import LONGEST, InlinePicture, map_strip, overlay, picture


@pytest.fixture(scope="module")
def flower() -> U8:
    """scikit-learn's photograph of a flower, (427, 640, 3) RGB."""
    return np.asarray(load_sample_image("flower.jpg"), np.uint8)


def _decoded(shown: InlinePicture) -> U8:
    data = base64.b64decode(shown.uri.split(",", 1)[1])
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)


def test_a_small_image_is_kept_to_the_pixel(problem: Problem) -> None:
    """Eight by eight pixels travel losslessly, at their own size, and stay sharp."""
    image = problem.dataset.test.images[0]
    shown = picture(image)
    assert (shown.width, shown.height, shown.crisp) == (8, 8, True)
    np.testing.assert_array_equal(_decoded(shown), image)
    assert picture(image[:, :, np.newaxis]) == shown


def test_a_photograph_is_shrunk_and_keeps_its_colours(flower: U8) -> None:
    """The longest side is cut, the shape and the RGB order stay."""
    shown = picture(flower)
    assert (shown.width, shown.height, shown.crisp) == (LONGEST, round(LONGEST * 427 / 640), False)
    assert shown.uri.startswith("data:image/jpeg;base64,")
    bgr = _decoded(shown)
    expected = cv2.resize(flower, (shown.width, shown.height), interpolation=cv2.INTER_AREA)
    assert np.abs(bgr[:, :, ::-1].astype(int) - expected).mean() < 6
    assert np.abs(bgr.astype(int) - expected).mean() > 20
    assert len(shown.uri) < 12_000


def test_the_overlay_is_bright_where_the_heat_is(flower: U8) -> None:
    """The hot left half is lighter and redder than the cold right half of a grey image."""
    cam = np.zeros((4, 6), np.float32)
    cam[:, :3] = 1
    heat = _decoded(overlay(np.full_like(flower, 90), cam)).astype(int)
    hot, cold = heat[:, :48], heat[:, -48:]
    assert hot.mean() > cold.mean() + 60
    assert np.ptp(cold.mean(axis=(0, 1))) < 12  # still grey
    assert overlay(flower, cam).width == LONGEST


def test_the_strip_shows_the_liveliest_channels_first() -> None:
    """Channels are ordered by their spread; a flat one comes last and is one colour."""
    ramp = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
    strip = _decoded(map_strip(np.stack([np.full((4, 4), 7, np.float32), ramp, 3 * ramp.T])))
    first, second, third = (strip[:, left : left + 4, :3] for left in (0, 5, 10))
    np.testing.assert_array_equal(first, second.transpose(1, 0, 2))
    assert (first[0, 0] != first[3, 3]).any()
    assert (third == third[0, 0]).all()
    assert (strip[:, 4, 3] == 0).all()  # the gap lets the page through
    assert (strip[:, 15:, 3] == 0).all()  # as do the places of missing channels


def test_a_large_map_is_shrunk() -> None:
    """Maps of a high resolution do not swell the file."""
    shown = map_strip(np.random.default_rng(0).random((12, 112, 112)).astype(np.float32))
    assert shown.height == 48
