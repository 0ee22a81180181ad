"""`View`: how a stream sees the frames of its source, before anything is cut out of them.

What a stream looks at, what it keeps and what it shows to whoever asks for a snapshot is the same
picture; every region, and every box in a result, is in that picture's pixels.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import cv2
import numpy as np

from edge_agent.common.arrays import U8
from edge_agent.sources.base import Frame
from edge_agent.stream.align import Align, Aligner
from edge_agent.tasks.places import Corners

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
    """Turns frames, and moves them to where a reference has everything; called with one.

    What cannot be aligned is given as it is, with the reason as its doubt.

    Args:
        rotate: as of `turned`.
        flip: as of `turned`.
        align: to what; not at all if None.
        inside: what has to be in the frame itself once that is moved: places as four corners.

    Raises:
        ConfigError: there is no reference to align to.
    """

    def __init__(
        self,
        rotate: Rotation = 0,
        flip: Flip | None = None,
        align: Align | None = None,
        inside: Sequence[Corners] = (),
    ) -> None:
        self._rotate: Rotation = rotate
        self._flip = flip
        self._aligner = None if align is None else Aligner(align)
        self._inside = inside

    def __call__(self, frame: Frame) -> Frame:
        """`frame` as the stream sees it; itself where there is nothing to do."""
        if self._rotate or self._flip is not None:
            frame = replace(frame, image=turned(frame.image, self._rotate, self._flip))
        if self._aligner is None or frame.doubt:
            return frame
        shift = self._aligner(frame.image, frame.order)
        if shift.problem:
            return replace(frame, doubt=f"not aligned: {shift.problem}")
        # By whole pixels: half of one is no harm to what is read, and softening it is.
        right, down = round(shift.x), round(shift.y)
        height, width = frame.image.shape[:2]
        for corners in self._inside if right or down else ():
            if not all(0 <= x + right <= width and 0 <= y + down <= height for x, y in corners):
                return replace(
                    frame,
                    doubt=f"not aligned: a shift of {right}, {down} pixels takes a region out of "
                    "the frame",
                )
        return replace(frame, image=moved_back(frame.image, right, down))


def moved_back(image: U8, right: int, down: int) -> U8:
    """`image` without a shift by whole pixels; what was beyond its edge repeats the edge."""
    if not right and not down:
        return image
    height, width = image.shape[:2]
    columns = np.clip(np.arange(width) + right, 0, width - 1)
    rows = np.clip(np.arange(height) + down, 0, height - 1)
    return np.ascontiguousarray(image[rows][:, columns])


AS_IT_IS = View()
