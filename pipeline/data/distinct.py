"""What no data set may hold twice: copies of a picture, within a split and between two."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

from edge_agent.common.atomic import write_whole
from pipeline.data.base import SPLIT_NAMES, Dataset, Labels, SplitName
from pipeline.data.pool import Pool


def distinct(pool: Pool[Labels], notes: list[str], clash: str, prefix: str = "") -> Pool[Labels]:
    """`pool` with the first of every picture only.

    Args:
        pool: the images.
        notes: told of what was left out, and of pictures with two labels.
        clash: what such a picture has: `in another class`.
        prefix: of the notes, where they have to name the split.
    """
    labels = pool.split.labels
    first: dict[str, int] = {}
    clashes: set[str] = set()
    for place, value in enumerate(pool.digests):
        if not np.array_equal(labels[first.setdefault(value, place)], labels[place]):
            clashes.add(pool.split.ids[first[value]])
    if len(first) < len(pool):
        left = len(pool) - len(first)
        notes.append(f"{prefix}copies of another image, left out: {left} of {len(pool)}")
    if clashes:
        examples = ", ".join(sorted(clashes)[:3])
        notes.append(f"{prefix}images with a copy {clash}: {len(clashes)}, such as {examples}")
    return pool.select(np.fromiter(first.values(), np.int64))


def without(
    pool: Pool[Labels], above: Pool[Labels], name: SplitName, notes: list[str]
) -> Pool[Labels]:
    """`pool` without copies of the images in the split `above`, and without its sources."""
    digests, sources = set(above.digests), set(above.split.sources)
    own = pool.split.sources or ("",) * len(pool)
    keep = [
        place
        for place, value in enumerate(pool.digests)
        if value not in digests and own[place] not in sources
    ]
    if len(keep) < len(pool):
        what = "images of held-out sources and copies" if sources else "copies of held-out images"
        left = len(pool) - len(keep)
        notes.append(f"{name}: {what}, left out: {left} of {len(pool)}")
    return pool.select(np.array(keep, np.int64))


def content(meaning: object, pools: Mapping[SplitName, Pool[Labels]]) -> str:
    """SHA-256 of everything that defines a data set and its split.

    Args:
        meaning: what the labels stand for: the class names, the charset, the unit.
        pools: the images of each split.
    """
    rows = {
        name: list(zip(pools[name].digests, _plain(pools[name]), strict=True))
        for name in SPLIT_NAMES
    }
    return hashlib.sha256(msgspec.json.encode((meaning, rows))).hexdigest()


def _plain(pool: Pool[Labels]) -> list[object]:
    """The labels as values that JSON has."""
    labels = pool.split.labels
    return labels.tolist() if isinstance(labels, np.ndarray) else list(labels)


def write_record(
    dataset: Dataset[Labels],
    path: Path,
    meaning: Mapping[str, object],
    more: Mapping[str, object] | None = None,
) -> None:
    """Write which image is in which split to `path` as JSON, the same bytes every time.

    Args:
        dataset: what is recorded.
        path: the file.
        meaning: what the labels stand for, by its name.
        more: what else is known of the data set; it comes last.
    """
    document = {
        "name": dataset.name,
        "sha256": dataset.sha256,
        **meaning,
        "splits": {name: dataset.split(name).ids for name in SPLIT_NAMES},
        "notes": dataset.notes,
        **(more or {}),
    }
    write_whole(path, msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
