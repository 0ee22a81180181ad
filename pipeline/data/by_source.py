"""Divide labelled images by what they were taken of, so that no source is in two splits.

A source is whatever must not be in two splits: one display, one receipt, one photograph. All
of its pictures go to the same split, and copies of a picture are left out before. What the
labels are does not matter here; `pipeline.data.split` divides by class.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Generic, TypedDict, TypeVar

import numpy as np

from pipeline.common.errors import DataError
from pipeline.data.base import SPLIT_NAMES, Dataset, Labels, Split, SplitName
from pipeline.data.distinct import content, distinct, without
from pipeline.data.pool import Pool, Source

AnyDataset = TypeVar("AnyDataset", bound=Dataset[Any])


@dataclass(frozen=True)
class Shares:
    """How a set without splits of its own is divided.

    Args:
        val, test: share of the images, in [0, 1); ignored where the set brings its own.
        calibration: how many images are set aside for calibration, at the least.
    """

    val: float = 0.1
    test: float = 0.2
    calibration: int = 64


class SplitParts(TypedDict, Generic[Labels]):
    """The fields of a `Dataset` that a division decides; a task adds what its labels mean."""

    name: str
    train: Split[Labels]
    val: Split[Labels]
    calibration: Split[Labels]
    test: Split[Labels]
    sha256: str
    notes: tuple[str, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class Meaning:
    """What the labels of a set are.

    Args:
        identity: what the hash of the data set has to know: the charset, or the unit.
        clash: what a picture with two labels has, for a note: `of another text`.
    """

    identity: object
    clash: str


def divide_by_source(
    source: Source[Labels], meaning: Meaning, shares: Shares, seed: int
) -> SplitParts[Labels]:
    """`source` in four splits; no image and no source is in two of them.

    A split that the set brings is kept; what shares a picture or a source with it is left out
    of those below it (test, then val, then the rest). Whole sources, in an order shuffled by
    `seed`, are dealt to test, val and calibration until each has its share.

    Raises:
        DataError: too few sources.
    """
    notes = list(source.notes)
    pool, held_out = _apart(source, meaning, notes)
    wanted: dict[SplitName, int] = {
        "test": 0 if "test" in held_out else max(1, round(shares.test * len(pool))),
        "val": 0 if "val" in held_out else max(1, round(shares.val * len(pool))),
        "calibration": shares.calibration,
    }
    return _parts(source, meaning, _deal(source.name, pool, wanted, seed) | held_out, notes)


def learn_all(source: Source[Labels], meaning: Meaning) -> SplitParts[Labels]:
    """`source` to learn from, nothing held out but the splits that it brings.

    See `divide_by_source`. What is measured then are other sets: a few displays of one's own
    would make a poor measure, and the one that is held out would be the one to be learnt.
    """
    notes = list(source.notes)
    pool, held_out = _apart(source, meaning, notes)
    nothing = pool.select(np.empty(0, np.int64))
    empty: dict[SplitName, Pool[Labels]] = dict.fromkeys(SPLIT_NAMES, nothing)
    return _parts(source, meaning, empty | {"train": pool} | held_out, notes)


def _apart(
    source: Source[Labels], meaning: Meaning, notes: list[str]
) -> tuple[Pool[Labels], dict[SplitName, Pool[Labels]]]:
    """What is left to be divided, and the splits that the set brings; nothing is in two."""

    def once(pool: Pool[Labels], name: SplitName) -> Pool[Labels]:
        return distinct(pool, notes, meaning.clash, f"{name}: ")

    test = None if source.test is None else once(source.test, "test")
    val = None if source.val is None else once(source.val, "val")
    if val is not None and test is not None:
        val = without(val, test, "val", notes)
    pool = once(source.train, "train")
    for held_out in (test, val):
        pool = pool if held_out is None else without(pool, held_out, "train", notes)
    brought: dict[SplitName, Pool[Labels]] = {}
    brought |= {} if test is None else {"test": test}
    brought |= {} if val is None else {"val": val}
    return pool, brought


def _parts(
    source: Source[Labels],
    meaning: Meaning,
    pools: dict[SplitName, Pool[Labels]],
    notes: list[str],
) -> SplitParts[Labels]:
    return SplitParts(
        name=source.name,
        train=pools["train"].split,
        val=pools["val"].split,
        calibration=pools["calibration"].split,
        test=pools["test"].split,
        sha256=content(meaning.identity, pools),
        notes=tuple(notes),
        skipped=source.skipped,
    )


def _deal(
    name: str, pool: Pool[Labels], wanted: dict[SplitName, int], seed: int
) -> dict[SplitName, Pool[Labels]]:
    """Whole sources to each split until it has as many images as `wanted`; the rest to train."""
    members: dict[str, list[int]] = {}
    for place, source in enumerate(pool.split.sources):
        members.setdefault(source, []).append(place)
    sources = sorted(members)
    order = [sources[i] for i in np.random.default_rng(seed).permutation(len(sources))]
    dealt: dict[SplitName, list[int]] = {}
    for split, images in wanted.items():
        dealt[split] = []
        while len(dealt[split]) < images and order:
            dealt[split] += members[order.pop()]
    dealt["train"] = [place for source in order for place in members[source]]
    for split, places in dealt.items():
        if not places and (split == "train" or wanted[split]):
            raise DataError(
                f"{name}: expected enough sources for each split, found {len(sources)} with "
                f"{len(pool)} different images, and none left for {split}"
            )
    return {
        split: pool.select(np.array(sorted(places), np.int64)) for split, places in dealt.items()
    }


def limited(dataset: AnyDataset, limit: int) -> AnyDataset:
    """At most `limit` pictures to learn from; 0 is all of them."""
    if not limit or limit >= len(dataset.train):
        return dataset
    note = f"train: the first {limit} of {len(dataset.train)} images"
    return replace(
        dataset,
        train=dataset.train.select(range(limit)),
        sha256=hashlib.sha256(f"{dataset.sha256}/{limit}".encode()).hexdigest(),
        notes=(*dataset.notes, note),
    )
