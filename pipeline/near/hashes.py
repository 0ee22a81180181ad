"""Perceptual hashes of a thumbnail and of what could be left of it by a crop.

The hash is ImageHash's `phash`: the signs of 64 low frequencies (N. Krawetz, "Looks like it",
2011). It outlives another encoding, size or brightness, but no crop of more than a
twentieth. Hence a picture is also hashed as it would look cropped, in `VIEWS`.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image

from edge_agent.common.arrays import F32, U8
from pipeline.near.thumbnail import SIDE

# Left, top, right and bottom as shares of the sides; the first is the whole picture.
Box: TypeAlias = tuple[float, float, float, float]
VIEWS: tuple[Box, ...] = (
    (0.0, 0.0, 1.0, 1.0),
    (0.04, 0.04, 0.96, 0.96),
    (0.08, 0.08, 0.92, 0.92),
    (0.12, 0.12, 0.88, 0.88),
    (0.0, 0.0, 0.85, 0.85),
    (0.15, 0.0, 1.0, 0.85),
    (0.0, 0.15, 0.85, 1.0),
    (0.15, 0.15, 1.0, 1.0),
    (0.1, 0.0, 1.0, 1.0),
    (0.0, 0.1, 1.0, 1.0),
    (0.0, 0.0, 0.9, 1.0),
    (0.0, 0.0, 1.0, 0.9),
    (0.1, 0.0, 0.9, 1.0),
    (0.0, 0.1, 1.0, 0.9),
)
BITS = 64
SIDES = 8  # the symmetries of a square: four quarter turns, each also mirrored


@dataclass(frozen=True, eq=False)
class Hashes:
    """Hashes of N thumbnails; a bit is -1 or 1, so a product of two counts what they share.

    Args:
        views: (N, V, 64) float32, one hash for each of `VIEWS`; the first is of the whole.
        sides: (8, N, 64) float32, of the whole picture turned by quarters and mirrored, see `laid`.
    """

    views: F32
    sides: F32


def hash_thumbs(thumbs: U8) -> Hashes:
    """The hashes of thumbnails (N, 64, 64)."""
    with ThreadPoolExecutor() as pool:
        views = np.array(list(pool.map(_views, thumbs)), np.float32)
        sides = np.array(list(pool.map(_sides, thumbs)), np.float32)
    return Hashes(
        views.reshape(len(thumbs), len(VIEWS), BITS), sides.reshape(-1, SIDES, BITS).swapaxes(0, 1)
    )


def laid(thumb: U8, side: int) -> U8:
    """`thumb` turned by `side` % 4 quarters, mirrored first from 4 on."""
    return np.rot90(thumb[:, ::-1] if side >= 4 else thumb, side % 4)


def _sides(thumb: U8) -> F32:
    return np.stack([_hash(laid(thumb, side)) for side in range(SIDES)])


def _views(thumb: U8) -> F32:
    return np.stack([_hash(_cropped(thumb, box)) for box in VIEWS])


def _cropped(thumb: U8, box: Box) -> U8:
    left, top, right, bottom = (round(SIDE * share) for share in box)
    return thumb[top:bottom, left:right]


def _hash(thumb: U8) -> F32:
    import imagehash  # loads SciPy and PyWavelets, for which not every command should wait

    bits = imagehash.phash(Image.fromarray(np.ascontiguousarray(thumb))).hash.reshape(-1)
    return np.where(bits, np.float32(1), np.float32(-1))
