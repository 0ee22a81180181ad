"""Where a text lies in its picture: margins, tilt, slant and perspective, in one warp."""

from dataclasses import dataclass
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import U8

# A picture is at most this many times wider than high: what is longer is drawn narrower.
LONGEST = 26


@dataclass(frozen=True)
class LineBox:
    """How much room a text has; each pair is the least and the most.

    Args:
        above, beside: room above and below, and to each side, as shares of the picture's
            height; below 0 the text is cut off.
        stretch: the text's width by its font's own.
    """

    above: tuple[float, float]
    beside: tuple[float, float]
    stretch: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Placing:
    """A warp from a mask to the picture.

    Args:
        matrix: (3, 3), from pixels of the mask to those of the picture.
        size: the picture's (width, height).
    """

    matrix: NDArray[np.float64]
    size: tuple[int, int]

    def warp(self, mask: U8, down: float = 0.0) -> U8:
        """`mask` in the picture, (height, width), moved `down` by so many pixels."""
        matrix = self.matrix
        if down:
            matrix = np.array([[1, 0, 0], [0, 1, down], [0, 0, 1]]) @ matrix
        return np.asarray(cv2.warpPerspective(mask, matrix, self.size), np.uint8)


def place(
    shape: tuple[int, int], height: int, layout: LineBox, strength: float, rng: Random
) -> Placing:
    """A placing at random of a mask of `shape` in a picture `height` pixels high.

    Args:
        shape: (rows, columns) of the mask.
        height: of the picture; its width follows from the text's.
        layout: the room around the text, and how narrow it is.
        strength: how far from straight it may be, in [0, 1].
        rng: decides.
    """
    rows, columns = shape
    top, bottom = (rng.uniform(*layout.above) * height for _ in range(2))
    left, right = (rng.uniform(*layout.beside) * height for _ in range(2))
    inner = height - top - bottom
    longest = LONGEST * height - left - right
    width = min(inner * columns / rows * rng.uniform(*layout.stretch), longest)
    corners = _corners(left, top, width, inner)
    _tilt(corners, strength, rng)
    source = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float32)
    matrix = np.asarray(cv2.getPerspectiveTransform(source, corners.astype(np.float32)), np.float64)
    return Placing(matrix, (max(4, round(left + width + right)), height))


def _corners(left: float, top: float, width: float, height: float) -> NDArray[np.float64]:
    right, bottom = left + width, top + height
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _tilt(corners: NDArray[np.float64], strength: float, rng: Random) -> None:
    """Turn, slant and bend the quadrilateral `corners` in place, half the time."""
    if rng.random() > strength:
        return
    width, height = corners[1, 0] - corners[0, 0], corners[3, 1] - corners[0, 1]
    # A tilt moves the ends by at most a sixth of the height: long lines are nearly level.
    rise = rng.uniform(-1, 1) * strength * min(height / 6, 0.1 * width)
    corners[:2, 0] += rng.uniform(-0.25, 0.25) * strength * height
    corners[[1, 2], 1] += rise
    corners[[0, 3], 1] -= rise
    reach = 0.07 * strength * height
    corners += np.array([rng.uniform(-reach, reach) for _ in range(8)]).reshape(4, 2)
