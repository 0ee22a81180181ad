"""`View`: how a stream sees the frames of its source, before anything is cut out of them.

What a stream looks at, what it keeps and what it shows to whoever asks for a snapshot is the same
picture; every region, and every box in a result, is in that picture's pixels.
"""

from dataclasses import replace
from typing import Literal, TypeAlias

import cv2
import numpy as np

from edge_agent.arrays import U8
from edge_agent.sources.base import Frame

# Degrees clockwise.
Rotation: TypeAlias = Literal[0, 90, 180, 270]
# Horizontal swaps left and right, as a mirror does; vertical swaps top and bottom.
Flip: TypeAlias = Literal["horizontal", "vertical"]

_ROTATIONS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
_AXES: dict[Flip, int] = {"horizontal": 1, "vertical": 0}  # of cv2.flip


def turned(image: U8, rotate: Rotation, flip: Flip | None) -> U8:
    """`image`, (H, W, 3), turned clockwise and then flipped; (W, H, 3) after a quarter turn."""
    if rotate:
        image = np.asarray(cv2.rotate(image, _ROTATIONS[rotate]), np.uint8)
    if flip is not None:
        image = np.asarray(cv2.flip(image, _AXES[flip]), np.uint8)
    return image


class View:
    """Turns frames; called with one, it gives the one to look at.

    Args:
        rotate, flip: as `turned`.
    """

    def __init__(self, rotate: Rotation = 0, flip: Flip | None = None) -> None:
        self._rotate: Rotation = rotate
        self._flip = flip

    def __call__(self, frame: Frame) -> Frame:
        """`frame` as the stream sees it; itself where there is nothing to do."""
        if not self._rotate and self._flip is None:
            return frame
        return replace(frame, image=turned(frame.image, self._rotate, self._flip))


AS_IT_IS = View()
