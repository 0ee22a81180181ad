"""`Pool` and `Source`: what a reader found, before anything is divided."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, cast

import numpy as np

from edge_agent.common.arrays import U8
from pipeline.data.base import ImageChain, Indices, Labels, Split
from pipeline.near.thumbnail import NOTHING


@dataclass(frozen=True, eq=False)
class Pool(Generic[Labels]):
    """Labelled images before they are divided.

    Args:
        split: the images.
        digests: of each one's pixels.
        thumbs: (N, 64, 64) uint8, see `pipeline.near.thumbnail`; None where near copies are
            not looked for.
        keys: the name of each one's `data.group`, empty for what stands alone; None where
            there are no such groups.
    """

    split: Split[Labels]
    digests: tuple[str, ...]
    thumbs: U8 | None = None
    keys: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.split)

    def select(self, indices: Indices) -> "Pool[Labels]":
        """The images at `indices`, in that order."""
        return Pool(
            self.split.select(indices),
            tuple(self.digests[i] for i in indices),
            None if self.thumbs is None else self.thumbs[indices],
            None if self.keys is None else tuple(self.keys[i] for i in indices),
        )


@dataclass(frozen=True, eq=False)
class Source(Generic[Labels]):
    """What a reader found: `val` and `test` only where the data set brings its own."""

    name: str
    train: Pool[Labels]
    val: Pool[Labels] | None = None
    test: Pool[Labels] | None = None
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def digest(image: U8) -> str:
    """SHA-256 of the shape and the pixels: equal for the same picture only."""
    shape = repr(image.shape).encode()
    return hashlib.sha256(shape + np.ascontiguousarray(image).tobytes()).hexdigest()


def together(pools: Sequence[Pool[Labels]]) -> Pool[Labels]:
    """The images of `pools`, one pool after the other; all of them have keys, or none has."""
    if len(pools) == 1:
        return pools[0]
    splits = [pool.split for pool in pools]
    thumbs = None
    if any(pool.thumbs is not None for pool in pools):
        thumbs = np.concatenate(
            [np.stack([NOTHING] * len(p)) if p.thumbs is None else p.thumbs for p in pools]
        )
    keys = [pool.keys for pool in pools if pool.keys is not None]
    split = Split(
        ImageChain(tuple(split.images for split in splits)),
        joined_labels([split.labels for split in splits]),
        tuple(id_ for split in splits for id_ in split.ids),
    )
    return Pool(
        split,
        tuple(value for pool in pools for value in pool.digests),
        thumbs,
        tuple(key for part in keys for key in part) if keys else None,
    )


def joined_labels(parts: Sequence[Labels]) -> Labels:
    """The labels of `parts`, one after the other."""
    if isinstance(parts[0], np.ndarray):
        return cast("Labels", np.concatenate([np.asarray(part) for part in parts]))
    joined: tuple[Any, ...] = tuple(label for part in parts for label in part)
    return cast("Labels", joined)
