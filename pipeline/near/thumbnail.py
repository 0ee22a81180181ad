"""A picture as the search for near copies sees it: small, grey and square."""

from collections.abc import Sequence

import cv2
import numpy as np

from edge_agent.common.arrays import U8

SIDE = 64  # pixels of a thumbnail's side
# A smaller picture (a digit, a CIFAR image) says too little: unrelated ones look like copies.
LEAST_SIDE = 40
NOTHING: U8 = np.zeros((SIDE, SIDE), np.uint8)  # of a picture that is not compared
_EVEN = 4.0  # standard deviation, in levels, below which a thumbnail is noise on one shade


def thumbnail(image: U8) -> U8:
    """`image`, (H, W) or (H, W, 3) uint8, as (64, 64) grey uint8, whatever its proportions.

    All zero when its shorter side is under 40 pixels: such a one is not compared.
    """
    if min(image.shape[:2]) < LEAST_SIDE:
        return NOTHING
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY) if small.ndim == 3 else small
    return np.asarray(grey, np.uint8)


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
