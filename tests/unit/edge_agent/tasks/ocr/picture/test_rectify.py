"""Regions as upright pictures, and the way back to the frame."""

import cv2
import numpy as np
import pytest
from support.stripes import stripes

from edge_agent.common.arrays import U8
from edge_agent.common.errors import ConfigError
from edge_agent.tasks.ocr.picture.rectify import rectify
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.places import Corners, Region


def seen_from_the_side(picture: U8, corners: Corners) -> U8:
    """A grey 320x240 frame with `picture` in `corners`."""
    height, width = picture.shape[:2]
    upright = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(upright - 0.5, np.array(corners, np.float32) - 0.5)
    frame = np.full((240, 320), 128, np.uint8)
    return np.asarray(
        cv2.warpPerspective(
            picture, matrix, (320, 240), frame, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT
        )
    )


def test_a_rectangle_is_a_view() -> None:
    """Nothing is copied, and its box is itself."""
    frame = np.zeros((20, 30, 3), np.uint8)
    region = TextRegion(name="a", rect=Region(x=10, y=5, w=20, h=15))
    upright = rectify(frame, region, "here")
    assert upright.image.base is frame
    assert upright.image.shape == (15, 20, 3)
    assert upright.outline() == ((10, 5), (30, 5), (30, 20), (10, 20))


def test_a_quadrilateral_is_straightened() -> None:
    """What was drawn in perspective comes back as it was, within blur."""
    picture = stripes("0123.", scale=3)  # 48 x 192
    corners = ((40.0, 60.0), (230.0, 40.0), (240.0, 110.0), (50.0, 100.0))
    region = TextRegion(name="a", corners=corners)
    upright = rectify(seen_from_the_side(picture, corners), region, "here")
    assert upright.image.shape[:2] == (71, 191)
    back = cv2.resize(upright.image, (192, 48), interpolation=cv2.INTER_AREA)
    inner = (slice(4, -4), slice(4, -4))
    off = np.abs(back[inner].astype(int) - picture[inner].astype(int))
    assert np.median(off) <= 2
    assert off.mean() < 12
    assert upright.outline() == corners


def test_upright_corners_give_the_very_pixels() -> None:
    """No half pixel is lost on the way: corners of a rectangle are that rectangle."""
    frame = np.random.default_rng(0).integers(0, 256, (60, 120, 3), np.uint8)
    rect = Region(x=10, y=5, w=40, h=20)
    by_corners = rectify(frame, TextRegion(name="a", corners=rect.corners()), "here")
    upright = rectify(frame, TextRegion(name="a", rect=rect), "here").image
    assert (by_corners.image == upright).all()
    a, b, c, d = rect.corners()
    on_its_side = rectify(frame, TextRegion(name="a", corners=(b, c, d, a)), "here")
    assert (on_its_side.image == np.rot90(upright)).all()


def test_a_box_in_the_picture_is_found_in_the_frame() -> None:
    """The middle of the straightened picture is between the corners."""
    corners = ((0.0, 0.0), (100.0, 0.0), (100.0, 50.0), (0.0, 50.0))
    upright = rectify(np.zeros((60, 120), np.uint8), TextRegion(name="a", corners=corners), "p")
    assert upright.box(10, 20, 30, 40) == ((10, 20), (30, 20), (30, 40), (10, 40))


@pytest.mark.parametrize(
    ("region", "corner"),
    [
        (TextRegion(name="a", rect=Region(x=11, y=0, w=20, h=10)), "31, 0"),
        (TextRegion(name="a", corners=((-1, 0), (20, 0), (20, 9), (0, 9))), "-1, 0"),
        (TextRegion(name="a", corners=((0, 0), (20, 0), (20, 20.5), (0, 20))), "20, 20.5"),
    ],
)
def test_a_region_outside_the_frame_is_refused(region: TextRegion, corner: str) -> None:
    """Cutting it down, or making up what is beyond, would show the model something else."""
    with pytest.raises(ConfigError) as caught:
        rectify(np.zeros((20, 30, 3), np.uint8), region, "stream 's', region 'a'")
    assert str(caught.value) == (
        "stream 's', region 'a': expected a region inside the 30x20 frame, "
        f"found a corner at {corner}"
    )
