"""Which pictures belong together: near copies of one another, and those of one `data.group`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import DisjointSet

from pipeline.common.progress import Progress
from pipeline.data.base import Indices
from pipeline.data.classes import ClassPool, NearPair
from pipeline.data.pool import together
from pipeline.near.copies import Copies, Copy, remembered_copies

_SHOWN = 3  # how many pairs a note names
_KEPT = 12  # how many pairs a report shows
_MOST = 0.5  # a larger share left out means that the splits are not split


@dataclass(frozen=True, eq=False)
class Apart:
    """The images of a data set, with nothing in `train` that belongs to `test` or `val`.

    Args:
        val, train: what is left of them.
        groups: (N,) the group of each image of `train`; images of one group share the number.
        scenes: (N,) likewise, of near copies alone.
        named: the ids of every group with more than one image.
        pairs: near copies worth looking at: of two classes first, then the least alike.
        notes: what a reader should know.
    """

    val: ClassPool | None
    train: ClassPool
    groups: Indices
    scenes: Indices
    named: tuple[tuple[str, ...], ...] = ()
    pairs: tuple[NearPair, ...] = ()
    notes: tuple[str, ...] = ()


def keep_apart(
    test: ClassPool | None,
    val: ClassPool | None,
    train: ClassPool,
    near_copies: bool,
    cache: Path | None,
    progress: Progress,
) -> Apart:
    """What of `val` and `train` may be used beside what is held out above it.

    Args:
        test: the test split that the data set brings, or None.
        val: likewise.
        train: what is to be divided.
        near_copies: whether near copies belong together.
        cache: where the near copies that were found are kept, or None.
        progress: sees a task for each step of the search.
    """
    given = [pool for pool in (test, val, train) if pool is not None]
    everything = together(given)
    copies = _copies(everything, cache, progress) if near_copies else None
    scenes = _grouped(everything, copies, by_key=False)
    groups = scenes if everything.keys is None else _grouped(everything, copies, by_key=True)
    notes = [] if copies is None else _notes(copies, everything)
    ends = np.cumsum([len(pool) for pool in given])[:-1]
    parts = dict(zip(map(id, given), np.split(groups, ends), strict=True))
    held = np.empty(0, np.int64) if test is None else parts[id(test)]
    if val is not None:
        keep = _unrelated(parts[id(val)], held, "val", notes)
        held = np.concatenate([held, parts[id(val)]])
        val = val if keep.all() else val.select(np.flatnonzero(keep))
    keep = _unrelated(parts[id(train)], held, "train", notes)
    own = parts[id(train)][keep], scenes[len(scenes) - len(train) :][keep]
    train = train if keep.all() else train.select(np.flatnonzero(keep))
    kept = {id_ for pool in (test, val, train) if pool is not None for id_ in pool.split.ids}
    return Apart(
        val,
        train,
        *own,
        named=_named(everything, groups, kept),
        pairs=() if copies is None else _pairs(copies, everything),
        notes=tuple(notes),
    )


def _copies(pool: ClassPool, cache: Path | None, progress: Progress) -> Copies | None:
    if pool.thumbs is None:
        return None
    return remembered_copies(pool.thumbs, pool.digests, cache, progress)


def _grouped(pool: ClassPool, copies: Copies | None, *, by_key: bool) -> Indices:
    """The group of each image, (N,), the number of its first one."""
    sets = DisjointSet(range(len(pool)))
    for pair in () if copies is None else copies.pairs:
        sets.merge(pair.first, pair.second)
    if by_key and pool.keys is not None:
        _join_keys(pool.keys, sets)
    groups = np.arange(len(pool), dtype=np.int64)
    for members in sets.subsets():
        groups[list(members)] = min(members)
    return groups


def _unrelated(groups: Indices, held: Indices, name: str, notes: list[str]) -> NDArray[np.bool_]:
    """(N,) which images belong to none of the groups that are held out above them."""
    keep = ~np.isin(groups, held)
    left_out = len(keep) - int(keep.sum())
    if left_out:
        many = ", most of it: the held-out images show what is learnt from"
        notes.append(
            f"{name}: near copies or groups of held-out images, left out: {left_out} of "
            f"{len(keep)}{many if left_out > _MOST * len(keep) else ''}"
        )
    return keep


def _named(pool: ClassPool, groups: Indices, kept: set[str]) -> tuple[tuple[str, ...], ...]:
    members: dict[int, list[str]] = {}
    for id_, group in zip(pool.split.ids, groups.tolist(), strict=True):
        if id_ in kept:
            members.setdefault(group, []).append(id_)
    return tuple(tuple(ids) for ids in members.values() if len(ids) > 1)


def _join_keys(keys: Sequence[str], sets: DisjointSet) -> None:
    first: dict[str, int] = {}
    for place, key in enumerate(keys):
        if key:
            sets.merge(first.setdefault(key, place), place)


def _notes(copies: Copies, pool: ClassPool) -> list[str]:
    notes: list[str] = []
    if copies.means == "none":
        notes.append(
            f"near copies cannot be told: {copies.scene:.0%} of the images look alike, and what "
            "differs in them does too; if some are of one thing or one moment, say so by "
            "data.group, else the test proves less than it seems to"
        )
    if copies.means == "difference":
        notes.append(
            f"{copies.scene:.0%} of the images show one scene: near copies were told by what "
            "differs from the mean image; frames of one recording belong into one data.group"
        )
    if copies.pairs:
        sets = DisjointSet(range(len(pool)))
        for pair in copies.pairs:
            sets.merge(pair.first, pair.second)
        sizes = [len(group) for group in sets.subsets() if len(group) > 1]
        notes.append(
            f"near copies: {sum(sizes)} of {len(pool)} images make only {len(sizes)} groups, each "
            f"kept on one side of the split, such as {_examples(copies.pairs, pool)}"
        )
    labels = pool.split.labels
    crossing = [pair for pair in copies.pairs if labels[pair.first] != labels[pair.second]]
    if crossing:
        notes.append(
            f"near copies in two classes, which may be wrong labels: {len(crossing)}, such as "
            f"{_examples(crossing, pool)}"
        )
    return notes


def _examples(pairs: Sequence[Copy], pool: ClassPool) -> str:
    """A few of `pairs`, none of which share a picture."""
    shown: list[Copy] = []
    seen: set[int] = set()
    for pair in pairs:
        if len(shown) < _SHOWN and not seen & {pair.first, pair.second}:
            shown.append(pair)
            seen |= {pair.first, pair.second}
    ids = pool.split.ids
    return ", ".join(f"{ids[p.first]} and {ids[p.second]}" for p in shown)


def _pairs(copies: Copies, pool: ClassPool) -> tuple[NearPair, ...]:
    labels = pool.split.labels
    ranked = sorted(
        copies.pairs, key=lambda p: (bool(labels[p.first] == labels[p.second]), p.likeness)
    )
    return tuple(
        NearPair(pool.split.select([p.first, p.second]), p.likeness) for p in ranked[:_KEPT]
    )
