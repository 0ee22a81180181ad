"""What is around a display: the frame of its window, and what is printed beside it.

Somebody who draws a region around a display catches some of both. On petrol pumps the window
is wider than its digits, which stand at its right end, and a label stands above or below it.
"""

from dataclasses import dataclass
from random import Random

import cv2
import numpy as np

from edge_agent.common.arrays import F32, U8
from pipeline.tasks.ocr.drawing.place import Placing

_SUBPIXEL = 4  # bits that cv2 gives to the fraction of a coordinate
# In heights of the digits' mask, which has a margin of a twelfth of its own.
_ROOM = (-0.03, 0.5)
_ROOM_LEFT = (-0.03, 2.5)
_RIM = 0.4  # how often a line of another grey goes around the window
_LABEL = (0.25, 0.5)
_CONTRAST = (40.0, 220.0)


@dataclass(frozen=True, eq=False)
class Housing:
    """One display's window and housing, at random.

    Args:
        digits: (rows, columns) of the mask of what it shows.
        label: a word as ink, (H, W) uint8; None where none is printed.
    """

    digits: tuple[int, int]
    label: U8 | None

    def around(self, image: F32, placing: Placing, rng: Random) -> F32:
        """`image`, (H, W) grey, with all outside the window in another grey, and the label."""
        window = self._window(placing, rng)
        inside = np.zeros(image.shape, np.uint8)
        corners = np.rint(window * (1 << _SUBPIXEL)).astype(np.int32)
        cv2.fillPoly(inside, [corners], (255,), cv2.LINE_AA, _SUBPIXEL)
        outside = np.full_like(image, rng.uniform(0, 255))
        if self.label is not None:
            outside = _labelled(outside, self.label, window, rng)
        share = inside * np.float32(1 / 255)
        image = np.asarray(outside + (image - outside) * share, np.float32)
        if rng.random() < _RIM:
            thick, level = rng.randint(1, 2), (rng.uniform(0, 255),)
            cv2.polylines(image, [corners], True, level, thick, cv2.LINE_AA, _SUBPIXEL)
        return image

    def _window(self, placing: Placing, rng: Random) -> F32:
        """The corners of the window in the picture, (4, 2)."""
        rows, columns = self.digits
        top, right, bottom = (rng.uniform(*_ROOM) * rows for _ in range(3))
        left = rng.uniform(*_ROOM_LEFT) * rows
        sides = [(-left, -top), (columns + right, -top)]
        sides += [(columns + right, rows + bottom), (-left, rows + bottom)]
        corners = np.array([sides], np.float64)
        return np.asarray(cv2.perspectiveTransform(corners, placing.matrix)[0], np.float32)


def _labelled(image: F32, label: U8, window: F32, rng: Random) -> F32:
    """`image` with `label` above, below or to the right of the window, cut off at the edges."""
    height = image.shape[0]
    tall = max(4, round(rng.uniform(*_LABEL) * height))
    wide = max(4, round(label.shape[1] * tall / label.shape[0]))
    ink = cv2.resize(label, (wide, tall), interpolation=cv2.INTER_AREA)
    gap = rng.uniform(0.02, 0.15) * height
    left = rng.uniform(0, max(1, image.shape[1] - wide))
    match rng.choice(("above", "above", "below", "below", "right")):
        case "above":
            top = window[:2, 1].min() - gap - tall
        case "below":
            top = window[2:, 1].max() + gap
        case _:
            left = window[1:3, 0].max() + gap
            top = rng.uniform(0, height - tall)
    mask = np.zeros(image.shape, np.uint8)
    move = np.array([[1, 0, left], [0, 1, top]], np.float64)
    cv2.warpAffine(ink, move, (image.shape[1], height), mask, borderMode=cv2.BORDER_TRANSPARENT)
    ground = float(image[0, 0])
    contrast = rng.uniform(*_CONTRAST)
    level = ground - contrast if ground > contrast else ground + contrast
    return np.asarray(image + np.float32(level - ground) * (mask / np.float32(255)), np.float32)
