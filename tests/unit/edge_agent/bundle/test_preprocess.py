"""Preprocessing: the reference road, and the fast road that must equal it bit for bit."""

from itertools import product
from typing import Any

import cv2
import numpy as np
import pytest

from edge_agent.bundle.affine import Affine
from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import ColourOrder, FastPreprocessor, fit, normalise, preprocess
from edge_agent.common.arrays import U8

RESIZES = ("stretch", "crop", "letterbox")
GREY: dict[str, Any] = {"colour": "gray", "mean": (0.5,), "std": (0.25,)}
RGB: dict[str, Any] = {"colour": "rgb", "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def spec(**changes: Any) -> InputSpec:
    return InputSpec(**{"height": 24, "width": 32, **RGB, **changes})


@pytest.fixture(scope="module")
def photo() -> U8:
    """A picture with smooth and sharp parts, so that every resize has something to average."""
    rng = np.random.default_rng(7)
    noise = rng.integers(0, 256, (48, 64, 3), np.uint8)
    return np.asarray(cv2.resize(noise, (160, 120), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize(
    ("colour", "resize", "interpolation", "order"),
    list(product((GREY, RGB), RESIZES, ("area", "linear"), ("rgb", "bgr"))),
)
def test_the_fast_road_equals_the_reference_bit_for_bit(
    photo: U8, colour: dict[str, Any], resize: str, interpolation: str, order: ColourOrder
) -> None:
    """One table look-up gives what normalise and quantise give, whatever the input."""
    wanted = spec(**colour, resize=resize, interpolation=interpolation, pad=114)
    affine = Affine(0.0186, -14)
    reference = affine.quantize(preprocess(photo, wanted, order))
    fast = FastPreprocessor(wanted, affine)(photo, order)
    assert fast.dtype == np.int8
    assert fast.shape == wanted.shape
    np.testing.assert_array_equal(fast, reference)


def test_a_bgr_image_is_the_same_picture_as_its_rgb_twin(photo: U8) -> None:
    """The channel order is a matter of the source; the network never sees it."""
    swapped = np.ascontiguousarray(photo[:, :, ::-1])
    np.testing.assert_array_equal(fit(swapped, spec(), "bgr"), fit(photo, spec()))


def test_red_stays_in_the_first_channel() -> None:
    """Must fire: a network that expects RGB gets red first from a BGR camera."""
    red_bgr = np.zeros((24, 32, 3), np.uint8)
    red_bgr[:, :, 2] = 255
    assert fit(red_bgr, spec(), "bgr")[0, 0].tolist() == [255, 0, 0]


def test_normalise_is_the_published_formula() -> None:
    """(pixel / 255 - mean) / std, worked out by hand for one pixel of each channel."""
    pixel = np.array([[[255, 0, 51]]], np.uint8)
    values = normalise(pixel, spec(mean=(0.5, 0.25, 0.0), std=(0.5, 0.5, 0.2)))
    np.testing.assert_allclose(values[0, 0], [1.0, -0.5, 1.0], rtol=1e-6)


def test_crop_takes_the_middle_and_keeps_the_aspect() -> None:
    """A wide image loses its sides, which are black here, and nothing is squeezed."""
    wide = np.zeros((24, 96, 3), np.uint8)
    wide[:, 32:64] = 200
    assert (fit(wide, spec(resize="crop")) == 200).all()


@pytest.mark.parametrize(
    ("image", "target", "kept"),
    [
        ((100, 300), (40, 20), (slice(0, 100), slice(125, 175))),  # its sides go
        ((300, 100), (40, 20), (slice(50, 250), slice(0, 100))),  # its top and bottom go
        ((300, 300), (40, 20), (slice(0, 300), slice(75, 225))),
        ((300, 300), (20, 40), (slice(75, 225), slice(0, 300))),
        ((300, 100), (20, 40), (slice(125, 175), slice(0, 100))),
        ((100, 300), (20, 40), (slice(0, 100), slice(50, 250))),
        ((120, 60), (40, 20), (slice(0, 120), slice(0, 60))),  # nothing goes
        ((101, 300), (20, 20), (slice(0, 101), slice(99, 200))),  # 199 to share: 99 on the left
        ((2, 99), (40, 20), (slice(0, 2), slice(49, 50))),  # at least one column
        ((99, 2), (1, 400), (slice(49, 50), slice(0, 2))),  # at least one row
    ],
)
def test_crop_takes_the_largest_part_of_the_networks_aspect(
    image: tuple[int, int], target: tuple[int, int], kept: tuple[slice, slice]
) -> None:
    """Tall and wide pictures to tall and wide networks, the part worked out by hand."""
    picture = np.random.default_rng(3).integers(0, 256, (*image, 3), np.uint8)
    wanted = spec(height=target[0], width=target[1], resize="crop")
    expected = cv2.resize(picture[kept], target[::-1], interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(fit(picture, wanted), expected)


@pytest.mark.parametrize(
    ("image", "target", "inside"),
    [
        ((100, 300), (40, 24), (slice(16, 24), slice(0, 24))),
        ((300, 100), (40, 24), (slice(0, 40), slice(5, 18))),  # 13 1/3 columns of 24
        ((300, 100), (24, 40), (slice(0, 24), slice(16, 24))),
        ((100, 300), (24, 40), (slice(5, 18), slice(0, 40))),
        ((300, 300), (24, 40), (slice(0, 24), slice(8, 32))),
        ((12, 20), (24, 40), (slice(0, 24), slice(0, 40))),  # enlarged, and no bars
        ((1, 300), (40, 24), (slice(19, 20), slice(0, 24))),  # at least one row
        ((300, 1), (24, 40), (slice(0, 24), slice(19, 20))),  # at least one column
    ],
)
def test_letterbox_puts_the_whole_picture_in_the_middle(
    image: tuple[int, int], target: tuple[int, int], inside: tuple[slice, slice]
) -> None:
    """Tall and wide pictures in tall and wide networks, the place worked out by hand."""
    picture = np.random.default_rng(3).integers(0, 100, (*image, 3), np.uint8)
    height, width = (part.stop - part.start for part in inside)
    expected = np.full((*target, 3), 200, np.uint8)
    expected[inside] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    wanted = spec(height=target[0], width=target[1], resize="letterbox", pad=200)
    np.testing.assert_array_equal(fit(picture, wanted), expected)


def test_letterbox_keeps_everything_between_grey_bars() -> None:
    """A wide image keeps its sides, and the bars above and below have the pad level."""
    wide = np.full((24, 96, 3), 200, np.uint8)
    fitted = fit(wide, spec(resize="letterbox", pad=114))
    assert (fitted[:8] == 114).all()
    assert (fitted[8:16] == 200).all()
    assert (fitted[16:] == 114).all()


def test_a_grey_image_serves_a_colour_network_and_the_other_way_round() -> None:
    """Grey becomes three equal channels; equal channels become the same grey."""
    grey = np.arange(24 * 32, dtype=np.uint32).reshape(24, 32).astype(np.uint8)
    coloured = fit(grey, spec())
    assert (coloured == grey[:, :, np.newaxis]).all()
    np.testing.assert_array_equal(fit(coloured, spec(**GREY)), grey[:, :, np.newaxis])


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (np.zeros((0, 5, 3), np.uint8), r"uint8 \(0, 5, 3\)"),
        (np.zeros((5, 5, 4), np.uint8), r"uint8 \(5, 5, 4\)"),
        (np.zeros((5, 5, 3), np.float32), r"float32 \(5, 5, 3\)"),
    ],
)
def test_what_is_no_image_is_refused(image: U8, found: str) -> None:
    """Empty, four-channel and float arrays are named, not guessed at."""
    with pytest.raises(ValueError, match=f"^image: expected a non-empty uint8 array .*{found}$"):
        fit(image, spec())


@pytest.mark.parametrize(("order", "channel"), [("rgb", 0), ("bgr", 2)])
def test_grey_weighs_red_as_red_in_both_orders(order: ColourOrder, channel: int) -> None:
    """OpenCV's grey is 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601): red is 76."""
    red = np.zeros((24, 32, 3), np.uint8)
    red[:, :, channel] = 255
    fitted = fit(red, spec(**GREY), order)
    assert fitted.shape == (24, 32, 1)
    assert set(fitted.ravel().tolist()) == {76}


def test_the_interpolation_is_the_one_asked_for(photo: U8) -> None:
    """`area` and `linear` are different pictures, each OpenCV's own."""
    for name, flag in (("area", cv2.INTER_AREA), ("linear", cv2.INTER_LINEAR)):
        expected = cv2.resize(photo, (32, 24), interpolation=flag)
        np.testing.assert_array_equal(fit(photo, spec(interpolation=name)), expected)
