"""A region of a frame as an upright picture, and the way back."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import F64, U8
from edge_agent.tasks.ocr.answer import Box
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.places import Corners, check_inside

# How many regions' matrices are kept from frame to frame.
MOST_REGIONS = 256


@dataclass(frozen=True, eq=False)
class Upright:
    """An upright picture out of a frame.

    Args:
        image: (H, W, 3) or (H, W) uint8; a view into the frame where that is upright already.
        to_frame: (3, 3), from the picture's pixels to the frame's, both with the origin at
            the outer corner of the top left pixel.
    """

    image: U8
    to_frame: F64

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Where a rectangle of the picture is in the frame, to a tenth of a pixel."""
        corners = np.array([[[left, top], [right, top], [right, bottom], [left, bottom]]])
        a, b, c, d = cv2.perspectiveTransform(corners.astype(np.float64), self.to_frame)[0]
        return (_rounded(a), _rounded(b), _rounded(c), _rounded(d))

    def outline(self) -> Box:
        """Where the whole picture is in the frame."""
        height, width = self.image.shape[:2]
        return self.box(0, 0, width, height)


def rectify(image: U8, region: TextRegion, place: str) -> Upright:
    """The part of `image` in `region`, straightened to the length of its longer sides.

    Raises:
        ConfigError: the region is not inside the image.
    """
    height, width = image.shape[:2]
    check_inside(region.outline(), width, height, place)
    rect = region.rect
    if rect is not None:
        part = image[rect.y : rect.y + rect.h, rect.x : rect.x + rect.w]
        return Upright(part, moved(rect.x, rect.y))
    size = region.size()
    to_frame = _straightening(region.outline(), *size)
    return Upright(warped(image, to_frame, *size), to_frame)


def moved(x: float, y: float) -> F64:
    """The matrix of a shift."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


TO_CENTRE, FROM_CENTRE = moved(-0.5, -0.5), moved(0.5, 0.5)


def warped(image: U8, to_image: F64, width: int, height: int) -> U8:
    """What `to_image` points at, as a picture of that size; beyond the edge it repeats the edge."""
    # OpenCV's origin is the centre of the first pixel; ours is its outer corner.
    by_centres = TO_CENTRE @ to_image @ FROM_CENTRE
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpPerspective(
            image, by_centres, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )


def from_frame(region: TextRegion) -> F64:
    """(3, 3), from the frame's pixels to those of the straightened region."""
    if region.rect is not None:
        return moved(-region.rect.x, -region.rect.y)
    return np.asarray(np.linalg.inv(_straightening(region.outline(), *region.size())), np.float64)


@lru_cache(MOST_REGIONS)
def _straightening(corners: Corners, width: int, height: int) -> F64:
    upright = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = np.asarray(cv2.getPerspectiveTransform(upright, np.array(corners, np.float32)), float)
    matrix.flags.writeable = False  # the next frame's as well
    return matrix


def _rounded(point: NDArray[np.float64]) -> tuple[float, float]:
    return round(float(point[0]), 1), round(float(point[1]), 1)
