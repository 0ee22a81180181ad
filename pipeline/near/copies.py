"""`find_copies`: the near copies among a data set's pictures."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
import numpy as np
from scipy.cluster.hierarchy import DisjointSet

from edge_agent.common.arrays import U8
from edge_agent.common.atomic import write_whole
from pipeline.common.progress import SILENT, Progress
from pipeline.near.alignment import SAME, likeness
from pipeline.near.hashes import hash_thumbs
from pipeline.near.search import candidates
from pipeline.near.thumbnail import comparable, differences

# How copies were told: by the whole picture; by what differs from the mean of all, where all
# show one scene; or not at all, where even that is alike.
Means: TypeAlias = Literal["picture", "difference", "none"]

_TOO_MANY = 0.5  # a larger share of all pictures in one group is a scene, not a copy
_FEW = 8  # pictures of which that may happen by chance
_BATCH = 256  # pairs that are aligned before it is asked again which are joined already
_VERSION = 2  # of what is kept; another one is searched anew


class Copy(msgspec.Struct, frozen=True):
    """Two pictures, by their numbers, that show the same; `likeness` is at least 0.94."""

    first: int
    second: int
    likeness: float


class Copies(msgspec.Struct, frozen=True):
    """What was found.

    Args:
        pairs: enough of them to join every group of near copies.
        means: how they were told.
        compared: how many pictures were; the others are too small or too even.
        scene: the share of all pictures that would be one group by the whole picture.
    """

    pairs: tuple[Copy, ...]
    means: Means
    compared: int
    scene: float = 0.0


def find_copies(thumbs: U8, progress: Progress = SILENT) -> Copies:
    """The near copies among thumbnails (N, 64, 64), as `pipeline.near.thumbnail` makes them."""
    places = np.flatnonzero(comparable(thumbs))
    pairs = _pairs(thumbs, places, progress)
    scene = _largest(pairs, places)
    if scene <= _TOO_MANY or len(places) <= _FEW:
        return Copies(pairs, "picture", len(places), scene)
    apart = np.zeros_like(thumbs)
    apart[places] = differences(thumbs[places])
    pairs = _pairs(apart, np.flatnonzero(comparable(apart)), progress)
    if _largest(pairs, places) <= _TOO_MANY:
        return Copies(pairs, "difference", len(places), scene)
    return Copies((), "none", len(places), scene)


def remembered_copies(
    thumbs: U8, digests: Sequence[str], folder: Path | None, progress: Progress = SILENT
) -> Copies:
    """`find_copies`, kept in `folder` by the pictures' digests; None keeps nothing."""
    if folder is None:
        return find_copies(thumbs, progress)
    identity = hashlib.sha256(msgspec.json.encode((_VERSION, digests))).hexdigest()
    path = folder / f"copies-{identity[:16]}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Copies)
    except (OSError, msgspec.DecodeError):
        found = find_copies(thumbs, progress)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, msgspec.json.encode(found))
    return found


def _pairs(thumbs: U8, places: np.ndarray, progress: Progress) -> tuple[Copy, ...]:
    """The pairs among the thumbnails at `places` that join them into groups, nearest first."""
    chosen = thumbs[places]
    waiting = candidates(hash_thumbs(chosen), progress)
    groups = DisjointSet(range(len(chosen)))
    found: list[Copy] = []
    with (
        progress.task("align images", len(waiting)) as task,
        ThreadPoolExecutor() as pool,
    ):
        for start in range(0, len(waiting), _BATCH):
            batch = waiting[start : start + _BATCH]
            asked = [pair for pair in batch if not groups.connected(pair.whole, pair.part)]
            for pair, like in zip(
                asked, pool.map(lambda pair: likeness(chosen, pair), asked), strict=True
            ):
                if like >= SAME and groups.merge(pair.whole, pair.part):
                    first, second = sorted((int(places[pair.whole]), int(places[pair.part])))
                    found.append(Copy(first, second, round(like, 4)))
            task.advance(len(batch))
    return tuple(found)


def _largest(pairs: tuple[Copy, ...], places: np.ndarray) -> float:
    """The share of the pictures at `places` that is in their largest group."""
    groups = DisjointSet(places.tolist())
    for pair in pairs:
        groups.merge(pair.first, pair.second)
    return max((len(group) for group in groups.subsets()), default=0) / max(len(places), 1)
