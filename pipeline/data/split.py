"""Divide labelled images into disjoint train, validation, calibration and test splits.

Copies of a picture are left out before anything is drawn, so that no test image is ever
trained on under another name; near copies, and what the recipe groups, go to one split.
Within each class the draw is a shuffle by the recipe's seed.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.common.errors import DataError
from pipeline.common.progress import SILENT, Progress
from pipeline.data.base import Indices, SplitName
from pipeline.data.classes import ClassDataset, ClassPool, ClassSource
from pipeline.data.deal import Deck, SplitWish, check_calibrated, check_dealt, check_groups
from pipeline.data.distinct import content, distinct, without, write_record
from pipeline.data.kinship import Apart, keep_apart
from pipeline.recipe import DataRecipe

_NONE: Indices = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class PreparedClasses:
    """Images of which none is there twice, before they are drawn into splits.

    Args:
        source: what they come from; its `val` without what `test` shows.
        apart: what is to be divided, and what belongs together in it.
        notes: what was left out so far.
    """

    source: ClassSource
    apart: Apart
    notes: tuple[str, ...]


def divide(
    source: ClassSource,
    recipe: DataRecipe,
    seed: int,
    *,
    cache: Path | None = None,
    progress: Progress = SILENT,
) -> ClassDataset:
    """`source` as a data set of four disjoint splits; no group of images is in two of them.

    A split that the source brings is kept; copies of its images, and all that belongs
    together with them, are left out of the splits below it (test, then val, then the rest).
    `notes` says what was left out.

    Args:
        source: the images.
        recipe: how they are divided, and whether near copies stay together.
        seed: of the draw.
        cache: a folder in which the near copies that were found are kept, or None.
        progress: sees the search for near copies.

    Raises:
        DataError: a class has too few different images or groups of them, or what is left
            after val and test is too small for the calibration images the recipe asks for.
    """
    return draw(prepare(source, recipe, cache=cache, progress=progress), recipe, seed)


def prepare(
    source: ClassSource,
    recipe: DataRecipe,
    *,
    cache: Path | None = None,
    progress: Progress = SILENT,
) -> PreparedClasses:
    """Find what is there twice in `source`, and what belongs together; see `divide`.

    Raises:
        DataError: a class has no picture that another class has not.
    """
    notes = list(source.notes)
    val, pool = source.val, source.train
    if val is not None and source.test is not None:
        val = without(val, source.test, "val", notes)
    for held_out in (source.test, val):
        pool = pool if held_out is None else without(pool, held_out, "train", notes)
    whole, pool = pool, distinct(pool, notes, "in another class")
    _check_own_pictures(source, whole, pool)
    apart = keep_apart(source.test, val, pool, recipe.near_copies == "group", cache, progress)
    return PreparedClasses(replace(source, val=apart.val), apart, (*notes, *apart.notes))


def _check_own_pictures(source: ClassSource, whole: ClassPool, left: ClassPool) -> None:
    """Raise where no picture of a class is left once copies of other classes' are taken away."""
    kept = {
        digest: int(label) for digest, label in zip(left.digests, left.split.labels, strict=True)
    }
    lost = set(whole.split.labels.tolist()) - set(kept.values())
    if not lost:
        return
    number = min(lost)
    mine = (whole.split.labels == number).nonzero()[0]
    others = sorted({source.labels[kept[whole.digests[place]]] for place in mine})
    raise DataError(
        f"{source.name}: class {source.labels[number]!r}: expected pictures of its own, found that "
        f"each of the {len(mine)} is also one of {', '.join(map(repr, others))}"
    )


def draw(prepared: PreparedClasses, recipe: DataRecipe, seed: int) -> ClassDataset:
    """The splits of what is prepared; see `divide`.

    Raises:
        DataError: see `divide`.
    """
    source, apart = prepared.source, prepared.apart
    drawn = _draw(source, apart, recipe, seed)
    notes = [*prepared.notes]
    drawn["test"] = _independent(drawn["test"], apart, seed, notes)
    pools = {name: apart.train.select(np.sort(places)) for name, places in drawn.items()}
    pools |= {} if source.val is None else {"val": source.val}
    pools |= {} if source.test is None else {"test": source.test}
    used = {id_ for pool in pools.values() for id_ in pool.split.ids}
    groups = tuple(tuple(id_ for id_ in group if id_ in used) for group in apart.named)
    _note_groups(pools["test"], groups, notes)
    return ClassDataset(
        name=source.name,
        labels=source.labels,
        train=pools["train"].split,
        val=pools["val"].split,
        calibration=pools["calibration"].split,
        test=pools["test"].split,
        sha256=content(source.labels, pools),
        notes=tuple(notes),
        skipped=source.skipped,
        groups=tuple(group for group in groups if len(group) > 1),
        pairs=apart.pairs,
    )


def _independent(tests: Indices, apart: Apart, seed: int, notes: list[str]) -> Indices:
    """One of each group of near copies at the places `tests`, drawn by `seed`.

    The others say nothing new, but would count as evidence: the accuracy's interval supposes
    that every picture was an own chance to be wrong.
    """
    order = np.random.default_rng(seed).permutation(tests)
    _, firsts = np.unique(apart.scenes[order], return_index=True)
    if len(firsts) < len(tests):
        notes.append(
            f"test: of near copies one is measured: {len(firsts)} of {len(tests)} images; its "
            "interval is that of independent pictures"
        )
    return np.sort(order[firsts])


def _note_groups(test: ClassPool, groups: tuple[tuple[str, ...], ...], notes: list[str]) -> None:
    """What groups that are left in the test split mean for its accuracy."""
    ids = set(test.split.ids)
    sizes = [len(group) for group in groups if len(group) > 1 and group[0] in ids]
    if sizes:
        notes.append(
            f"test: {len(test)} images in {len(test) - sum(sizes) + len(sizes)} groups; an "
            "interval over images is too narrow where a group is answered alike"
        )


def calibration_limit(left: Indices) -> int:
    """How many calibration images can be set aside of `left` images per class.

    `left` is what val and test leave. Half of it, so that training keeps the larger part,
    and at least one image of every class.
    """
    return int((left - 1).sum() // 2)


def record(dataset: ClassDataset, path: Path) -> None:
    """Write which image is in which split to `path` as JSON, the same bytes every time."""
    more: dict[str, object] = {"skipped": dataset.skipped}
    more |= {"groups": dataset.groups} if dataset.groups else {}
    write_record(dataset, path, {"labels": dataset.labels}, more)


def _draw(
    source: ClassSource, apart: Apart, recipe: DataRecipe, seed: int
) -> dict[SplitName, Indices]:
    """Places in the images to be divided of each split; empty where the source brings its own."""
    pool = apart.train
    val = recipe.val if source.val is None else 0.0
    test = recipe.test if source.test is None else 0.0
    counts = _counts(pool.split.labels, source)
    _check_room(source, counts, recipe, val, test)
    val_counts, test_counts = _held_out(counts, val, test)
    if len(np.unique(apart.groups)) < len(pool):
        return _draw_groups(source, apart, recipe, (val_counts, test_counts), seed)
    order: Indices = np.random.default_rng(seed).permutation(len(pool))
    tests, order = _take(order, pool, test_counts)
    vals, order = _take(order, pool, val_counts)
    left = _counts(pool.split.labels[order], source)
    calibrations, trains = _take(order, pool, _apportion(recipe.calibration, left - 1))
    if recipe.train_limit:
        trains, _ = _take(trains, pool, _limited(source, pool, trains, recipe.train_limit))
    return {"train": trains, "val": vals, "calibration": calibrations, "test": tests}


def _draw_groups(
    source: ClassSource,
    apart: Apart,
    recipe: DataRecipe,
    held_out: tuple[Indices, Indices],
    seed: int,
) -> dict[SplitName, Indices]:
    """As `_draw`, group by group; `held_out` is how many of each class val and test want."""
    labels = apart.train.split.labels
    deck = Deck(labels, apart.groups, seed)
    val_counts, test_counts = held_out
    splits = int(val_counts.any()) + int(test_counts.any())
    check_groups(source.name, source.labels, deck, 1 + splits)
    tests = deck.deal(SplitWish(test_counts, after=splits)) if test_counts.any() else _NONE
    vals = deck.deal(SplitWish(val_counts, after=1)) if val_counts.any() else _NONE
    left = deck.left(len(source.labels))
    wanted = _apportion(min(recipe.calibration, calibration_limit(left)), left - 1)
    calibrations = deck.deal(SplitWish(wanted, after=1, needs_all=False))
    trains = deck.places
    drawn: dict[SplitName, Indices] = {
        "train": trains,
        "val": vals,
        "calibration": calibrations,
        "test": tests,
    }
    check_calibrated(source.name, calibrations)
    check_dealt(source.name, source.labels, labels, trains)
    if recipe.train_limit:
        limits = _limited(source, apart.train, trains, recipe.train_limit)
        drawn["train"], _ = _take(trains, apart.train, limits)
    return drawn


def _check_room(
    source: ClassSource, counts: Indices, recipe: DataRecipe, val: float, test: float
) -> None:
    if source.test is None and test == 0:
        raise DataError(
            f"{source.name}: expected data.test above 0, since these images come "
            "without a test split of their own, found 0"
        )
    needed = 1 + (val > 0) + (test > 0)
    for label, count in zip(source.labels, counts, strict=True):
        if count < needed:
            raise DataError(
                f"{source.name}: class {label!r}: expected at least {needed} different "
                f"images to split, found {count}"
            )
    limit = calibration_limit(counts - sum(_held_out(counts, val, test)))
    if limit == 0:
        raise DataError(
            f"{source.name}: too few images: val and test leave none to calibrate with, "
            f"found {counts.sum()} different images"
        )
    if recipe.calibration > limit:
        raise DataError(
            f"{source.name}: too few images: expected data.calibration at most {limit} "
            f"(half of what val and test leave of {counts.sum()} different images), "
            f"found {recipe.calibration}"
        )


def _counts(labels: Indices, source: ClassSource) -> Indices:
    """Images per class, (K,)."""
    return np.bincount(labels, minlength=len(source.labels)).astype(np.int64)


def _held_out(counts: Indices, val: float, test: float) -> tuple[Indices, Indices]:
    """Images per class for val and test: their share, rounded; never none, never all."""
    tests = np.minimum(_share(counts, test), counts - 1 - (val > 0))
    return np.minimum(_share(counts, val), counts - tests - 1), tests


def _limited(source: ClassSource, pool: ClassPool, trains: Indices, limit: int) -> Indices:
    """How many training images of each class make `limit` together, or all there are."""
    counts = _counts(pool.split.labels[trains], source)
    if limit < len(counts):
        raise DataError(
            f"{source.name}: expected data.train_limit to be 0 or at least {len(counts)}, "
            f"one image of each class, found {limit}"
        )
    shares: Indices = 1 + _apportion(min(limit, len(trains)) - len(counts), counts - 1)
    return shares


def _share(counts: Indices, share: float) -> Indices:
    """`share` of every class, rounded, but at least one image when there is a share."""
    if share == 0:
        return np.zeros_like(counts)
    shares: Indices = np.maximum(1, np.rint(counts * share)).astype(np.int64)
    return shares


def _apportion(total: int, weights: Indices) -> Indices:
    """Divide `total` over the classes in proportion to `weights` (largest remainder).

    No class gets more than its weight, given that `total` is at most their sum.
    """
    if total == 0:
        return np.zeros_like(weights)
    shares: Indices = total * weights // weights.sum()
    remainders = total * weights % weights.sum()
    # A stable sort settles equal remainders by class number.
    by_remainder = np.argsort(-remainders, kind="stable")
    shares[by_remainder[: total - shares.sum()]] += 1
    return shares


def _take(order: Indices, pool: ClassPool, counts: Indices) -> tuple[Indices, Indices]:
    """The first `counts[c]` places in `order` of every class c, and the places left."""
    labels = pool.split.labels[order]
    taken = np.zeros(len(order), bool)
    for label, count in enumerate(counts):
        taken[np.flatnonzero(labels == label)[:count]] = True
    return order[taken], order[~taken]
