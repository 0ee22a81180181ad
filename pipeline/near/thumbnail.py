"""A picture as the search for near copies sees it: small, grey and square."""

from collections.abc import Sequence

import cv2
import numpy as np

from edge_agent.common.arrays import U8

SIDE = 64  # pixels of a thumbnail's side
# A smaller picture (a digit, a CIFAR image) says too little: unrelated ones look like copies.
LEAST_SIDE = 40
NOTHING: U8 = np.zeros((SIDE, SIDE), np.uint8)  # of a picture that is not compared
_BLACK, _WHITE = 16, 239  # levels: up to, and from; JPEG makes a bar a little uneven
_WIDEST = 0.5  # of a side: so much of a square a letterbox of 2:1 fills with bars
_EVEN = 4.0  # standard deviation, in levels, below which a thumbnail is noise on one shade


def thumbnail(image: U8) -> U8:
    """`image`, (H, W) or (H, W, 3) uint8, as (64, 64) grey uint8, whatever its proportions.

    All zero when its shorter side is under 40 pixels: such a one is not compared.
    """
    if min(image.shape[:2]) < LEAST_SIDE:
        return NOTHING
    small = cv2.resize(_unframed(image), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY) if small.ndim == 3 else small
    return np.asarray(grey, np.uint8)


def _unframed(image: U8) -> U8:
    """`image` without bars of black or white at its sides, as letterboxes and programs add them."""
    levels = image if image.ndim == 2 else image.min(axis=2)
    highest = image if image.ndim == 2 else image.max(axis=2)
    top, bottom = _bars(levels.min(axis=1), highest.max(axis=1))
    left, right = _bars(levels.min(axis=0), highest.max(axis=0))
    return image[top : len(image) - bottom, left : image.shape[1] - right]


def _bars(lowest: U8, highest: U8) -> tuple[int, int]:
    """How many lines at the start and at the end are black, or white, all along.

    None where more than `_WIDEST` of the side would go: that is a thing before an even ground.
    """
    length = len(lowest)
    ends = []
    for low, high in ((lowest, highest), (lowest[::-1], highest[::-1])):
        even = (high <= _BLACK) | (low >= _WHITE)
        ends.append(length if even.all() else int(even.argmin()))
    return (0, 0) if sum(ends) > _WIDEST * length else (ends[0], ends[1])


def stacked(thumbs: Sequence[U8 | None]) -> U8 | None:
    """The thumbnails of N pictures as (N, 64, 64); None if not one can be compared."""
    filled = [NOTHING if thumb is None else thumb for thumb in thumbs]
    return np.stack(filled) if any(thumb is not NOTHING for thumb in filled) else None


def comparable(thumbs: U8) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(N,) which of the thumbnails (N, 64, 64) show enough to be compared."""
    return np.array([thumb.std() >= _EVEN for thumb in thumbs], bool)


def differences(thumbs: U8) -> U8:
    """What each of the thumbnails (N, 64, 64) has that their mean has not.

    For pictures of one scene, which all look alike: grey where a picture is as the others.
    """
    mean = np.zeros((SIDE, SIDE), np.float64)
    for thumb in thumbs:
        mean += thumb
    mean /= max(len(thumbs), 1)
    apart = np.empty_like(thumbs)
    for place, thumb in enumerate(thumbs):
        apart[place] = np.clip(np.rint(128 + (thumb - mean)), 0, 255).astype(np.uint8)
    return apart
