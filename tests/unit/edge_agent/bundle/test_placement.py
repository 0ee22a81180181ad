"""Where the pixels of a frame lie in the input: by numbers worked out by hand, and by pictures."""

from typing import Literal, TypeAlias

import numpy as np
import pytest

from edge_agent.bundle.affine import Affine
from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.placement import Placement, Window
from edge_agent.bundle.preprocess import FastPreprocessor

Resize: TypeAlias = Literal["stretch", "crop", "letterbox"]


def spec(resize: Resize, height: int, width: int) -> InputSpec:
    return InputSpec(
        height=height, width=width, colour="gray", resize=resize, mean=(0.0,), std=(1.0,)
    )


@pytest.mark.parametrize(
    ("resize", "frame", "size", "seen", "placed"),
    [
        ("stretch", (120, 200), (60, 40), Window(0, 0, 200, 120), Window(0, 0, 40, 60)),
        # A wide frame loses its sides, a high one its top and bottom.
        ("crop", (100, 300), (20, 40), Window(50, 0, 200, 100), Window(0, 0, 40, 20)),
        ("crop", (300, 100), (20, 40), Window(0, 125, 100, 50), Window(0, 0, 40, 20)),
        # Of a frame that is far too narrow or too flat one pixel is left, in its middle.
        ("crop", (9, 1), (1, 4), Window(0, 4, 1, 1), Window(0, 0, 4, 1)),
        ("crop", (1, 9), (4, 1), Window(4, 0, 1, 1), Window(0, 0, 1, 4)),
        ("letterbox", (100, 1), (4, 5), Window(0, 0, 1, 100), Window(2, 0, 1, 4)),
        ("letterbox", (1, 100), (5, 4), Window(0, 0, 100, 1), Window(0, 2, 4, 1)),
        # A wide frame gets bars above and below, a high one at its sides.
        ("letterbox", (100, 300), (40, 60), Window(0, 0, 300, 100), Window(0, 10, 60, 20)),
        ("letterbox", (300, 100), (60, 40), Window(0, 0, 100, 300), Window(10, 0, 20, 60)),
    ],
)
def test_what_is_seen_and_where_it_lies(
    resize: Resize, frame: tuple[int, int], size: tuple[int, int], seen: Window, placed: Window
) -> None:
    """Of frames and inputs that are wide and high, each by itself."""
    found = Placement.of(spec(resize, *size), *frame)
    assert (found.frame, found.input) == (frame, size)
    assert (found.seen, found.placed) == (seen, placed)


def test_a_point_of_the_frame_is_where_it_should_be() -> None:
    """Letterbox of 300 x 100 into 60 x 40: a fifth of the size, ten pixels down."""
    placement = Placement.of(spec("letterbox", 40, 60), 100, 300)
    points = np.array([[0.0, 0.0], [300.0, 100.0], [150.0, 20.0]])
    np.testing.assert_array_equal(placement.to_input(points), [[0, 10], [60, 30], [30, 14]])
    np.testing.assert_array_equal(placement.to_frame(placement.to_input(points)), points)


def test_a_box_is_its_two_corners() -> None:
    """Crop of 100 x 300 to 40 x 20: seen from 125 down, two fifths of the size."""
    placement = Placement.of(spec("crop", 20, 40), 300, 100)
    boxes = np.array([[25.0, 125.0, 75.0, 150.0]])
    np.testing.assert_array_equal(placement.to_input(boxes), [[10, 0, 30, 10]])
    np.testing.assert_array_equal(placement.to_frame(np.array([10.0, 0, 30, 10])), boxes[0])


def test_a_box_in_the_bars_is_moved_to_the_frames_edge() -> None:
    """The bars show nothing of the frame; must not fire inside."""
    placement = Placement.of(spec("letterbox", 40, 60), 100, 300)
    box = placement.to_frame(np.array([6.0, 0.0, 30.0, 40.0]))
    np.testing.assert_array_equal(box, [30, -50, 150, 150])
    np.testing.assert_array_equal(placement.visible(box), [30, 0, 150, 100])
    inside = np.array([[30.0, 20.0], [31.0, 99.0]])
    np.testing.assert_array_equal(placement.visible(inside), inside)


def test_a_region_begins_where_it_begins() -> None:
    """A region of 200 x 120 at (30, 10) of a larger frame: the same input, places of the frame."""
    region = Placement.of(spec("stretch", 60, 40), 120, 200)
    whole = region.within(480, 640, 30, 10)
    assert whole.frame == (480, 640)
    points = np.array([[20.0, 30.0]])
    np.testing.assert_array_equal(
        whole.to_frame(points), region.to_frame(points) + np.array([30, 10])
    )
    np.testing.assert_array_equal(whole.to_input(whole.to_frame(points)), points)


@pytest.mark.parametrize(("left", "top"), [(-1, 0), (0, -1), (441, 0), (0, 361)])
def test_a_region_beyond_its_frame_is_refused(left: int, top: int) -> None:
    """By one pixel at each side; must not fire at the edge."""
    region = Placement.of(spec("stretch", 60, 40), 120, 200)
    region.within(480, 640, 440, 360)
    with pytest.raises(ValueError, match=r"^region: expected 200x120 pixels at \(.* of 640x480$"):
        region.within(480, 640, left, top)


def test_a_mask_of_the_input_is_laid_over_the_frame() -> None:
    """Each pixel twice as large, and nothing where a crop cut off."""
    placement = Placement.of(spec("crop", 2, 2), 4, 6)
    mask = np.array([[1, 2], [3, 4]], np.uint8)
    expected = np.array(
        [[0, 1, 1, 2, 2, 0], [0, 1, 1, 2, 2, 0], [0, 3, 3, 4, 4, 0], [0, 3, 3, 4, 4, 0]], np.uint8
    )
    np.testing.assert_array_equal(placement.mask_to_frame(mask), expected)
    np.testing.assert_array_equal(placement.mask_to_input(expected), mask)


def test_a_mask_of_another_size_is_refused() -> None:
    """Rows and columns in the wrong order would be laid over the frame askew."""
    placement = Placement.of(spec("letterbox", 2, 3), 4, 6)
    with pytest.raises(ValueError, match=r"^mask: expected the shape \(2, 3\), found \(3, 2\)$"):
        placement.mask_to_frame(np.zeros((3, 2), bool))
    with pytest.raises(ValueError, match=r"^mask: expected the shape \(4, 6\), found \(6, 4\)$"):
        placement.mask_to_input(np.zeros((6, 4), bool))


@pytest.mark.parametrize("resize", ["stretch", "crop", "letterbox"])
@pytest.mark.parametrize("frame", [(90, 160), (160, 90)])
def test_it_says_where_preprocessing_puts_a_bright_square(
    resize: Resize, frame: tuple[int, int]
) -> None:
    """The picture itself is the judge: the square lies within a pixel of where it is said to."""
    road = FastPreprocessor(spec(resize, 36, 48), Affine(1 / 255, -128))
    image = np.zeros(frame, np.uint8)
    top, left = frame[0] // 2 - 10, frame[1] // 2 - 20
    image[top : top + 30, left : left + 25] = 255
    x = road(image)[0, :, :, 0] > 0
    rows, columns = np.flatnonzero(x.any(axis=1)), np.flatnonzero(x.any(axis=0))
    found = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    box = np.array([left, top, left + 25, top + 30], np.float64)
    assert np.abs(road.placement(*frame).to_input(box) - found).max() <= 0.51
