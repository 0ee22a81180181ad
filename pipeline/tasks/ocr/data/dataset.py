"""`TextDataset`: pictures of texts in four disjoint splits, divided by where they come from.

A source is whatever must not be in two splits: one display, one receipt, one photograph. All
of its pictures go to the same split, and copies of a picture are left out before.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from edge_agent.common.arrays import U8
from edge_agent.common.atomic import write_whole
from pipeline.common.errors import DataError
from pipeline.data.base import SPLIT_NAMES, ImageSequence, SplitName
from pipeline.tasks.ocr.charset import Charset


@dataclass(frozen=True, eq=False)
class TextSplit:
    """Pictures of texts.

    Args:
        images: N images.
        texts: what each one says; it may be nothing.
        ids: one stable name per image, unique in its data set.
        sources: the source of each; only pictures of one source share it.

    Raises:
        ValueError: if the four do not have the same length.
    """

    images: ImageSequence
    texts: tuple[str, ...]
    ids: tuple[str, ...]
    sources: tuple[str, ...]

    def __post_init__(self) -> None:
        lengths = (len(self.images), len(self.texts), len(self.ids), len(self.sources))
        if len(set(lengths)) != 1:
            raise ValueError(
                "split: expected as many images as texts, ids and sources, found "
                f"{lengths[0]}, {lengths[1]}, {lengths[2]} and {lengths[3]}"
            )

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, indices: Iterable[int]) -> "TextSplit":
        """The images at `indices`, in that order; nothing is read."""
        chosen = [int(index) for index in indices]
        return TextSplit(
            _Chosen(self.images, tuple(chosen)),
            *(tuple(part[i] for i in chosen) for part in (self.texts, self.ids, self.sources)),
        )


@dataclass(frozen=True, eq=False)
class _Chosen:
    """Some images of a sequence; reads through to it."""

    images: ImageSequence
    indices: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int, /) -> U8:
        return self.images[self.indices[index]]


@dataclass(frozen=True, eq=False)
class TextPool:
    """Pictures of texts before they are divided, with the digest of each one's pixels."""

    split: TextSplit
    digests: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.split)

    def select(self, indices: Sequence[int]) -> "TextPool":
        """The images at `indices`, in that order."""
        return TextPool(self.split.select(indices), tuple(self.digests[i] for i in indices))


@dataclass(frozen=True, eq=False)
class TextSource:
    """What a reader found: `val` and `test` only where the data set brings its own."""

    name: str
    train: TextPool
    val: TextPool | None = None
    test: TextPool | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class TextDataset:
    """A data set of texts, split. No image, and no source, is in two splits.

    Args:
        name: what the recipe calls it.
        charset: the characters that all of its texts are written in.
        train: what the network learns from.
        val: measures every epoch.
        calibration: shows the quantiser real activations.
        test: measured once, at the end.
        sha256: hash of the charset and of every image's pixels, text and split.
        notes: what a reader should know: copies left out, labels corrected.
    """

    name: str
    charset: Charset
    train: TextSplit
    val: TextSplit
    calibration: TextSplit
    test: TextSplit
    sha256: str
    notes: tuple[str, ...] = ()

    def split(self, name: SplitName) -> TextSplit:
        """The split called `name`."""
        return {
            "train": self.train,
            "val": self.val,
            "calibration": self.calibration,
            "test": self.test,
        }[name]


def check_texts(source: TextSource, charset: Charset) -> None:
    """Raise unless `charset` has every character of every text of `source`.

    Raises:
        DataError: names the image, the character and the charset.
    """
    for pool in (source.train, source.val, source.test):
        if pool is not None:
            for text, name in zip(pool.split.texts, pool.split.ids, strict=True):
                charset.encode(text, name)


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


def divide_texts(source: TextSource, charset: Charset, shares: Shares, seed: int) -> TextDataset:
    """`source` as a data set of four splits; no image and no source is in two of them.

    A split that the set brings is kept; what shares a picture or a source with it is left out
    of those below it (test, then val, then the rest). Whole sources, in an order shuffled by
    `seed`, are dealt to test, val and calibration until each has its share.

    Raises:
        DataError: a text with a character outside `charset`, or too few sources.
    """
    notes = list(source.notes)
    pool, held_out = _apart(source, charset, notes)
    wanted: dict[SplitName, int] = {
        "test": 0 if "test" in held_out else max(1, round(shares.test * len(pool))),
        "val": 0 if "val" in held_out else max(1, round(shares.val * len(pool))),
        "calibration": shares.calibration,
    }
    return _dataset(source, charset, _deal(source.name, pool, wanted, seed) | held_out, notes)


def learn_all(source: TextSource, charset: Charset) -> TextDataset:
    """`source` to learn from, nothing held out but the splits that it brings; see `divide_texts`.

    What is measured then are other sets: a few displays of one's own would make a poor measure,
    and the one that is held out would be the one that the network was to learn.

    Raises:
        DataError: a text with a character outside `charset`.
    """
    notes = list(source.notes)
    pool, held_out = _apart(source, charset, notes)
    nothing = pool.select([])
    empty: dict[SplitName, TextPool] = dict.fromkeys(SPLIT_NAMES, nothing)
    return _dataset(source, charset, empty | {"train": pool} | held_out, notes)


def _apart(
    source: TextSource, charset: Charset, notes: list[str]
) -> tuple[TextPool, dict[SplitName, TextPool]]:
    """What is left to be divided, and the splits that the set brings; nothing is in two."""
    check_texts(source, charset)
    test = None if source.test is None else _distinct(source.test, "test", notes)
    val = None if source.val is None else _distinct(source.val, "val", notes)
    if val is not None and test is not None:
        val = _without(val, test, "val", notes)
    pool = _distinct(source.train, "train", notes)
    for held_out in (test, val):
        pool = pool if held_out is None else _without(pool, held_out, "train", notes)
    brought: dict[SplitName, TextPool] = {}
    brought |= {} if test is None else {"test": test}
    brought |= {} if val is None else {"val": val}
    return pool, brought


def _dataset(
    source: TextSource, charset: Charset, pools: dict[SplitName, TextPool], notes: list[str]
) -> TextDataset:
    splits = {name: pools[name].split for name in SPLIT_NAMES}
    return TextDataset(
        source.name, charset, **splits, sha256=_content(charset, pools), notes=tuple(notes)
    )


def record_texts(dataset: TextDataset, path: Path) -> None:
    """Write which image is in which split to `path` as JSON, the same bytes every time."""
    document = {
        "name": dataset.name,
        "sha256": dataset.sha256,
        "charset": dataset.charset.characters,
        "splits": {name: dataset.split(name).ids for name in SPLIT_NAMES},
        "notes": dataset.notes,
    }
    write_whole(path, msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")


def _deal(
    name: str, pool: TextPool, wanted: dict[SplitName, int], seed: int
) -> dict[SplitName, TextPool]:
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
    return {split: pool.select(sorted(places)) for split, places in dealt.items()}


def _distinct(pool: TextPool, name: SplitName, notes: list[str]) -> TextPool:
    """`pool` with the first of every picture only."""
    first: dict[str, int] = {}
    clash: set[str] = set()
    texts = pool.split.texts
    for place, value in enumerate(pool.digests):
        if texts[first.setdefault(value, place)] != texts[place]:
            clash.add(pool.split.ids[first[value]])
    if len(first) < len(pool):
        left = len(pool) - len(first)
        notes.append(f"{name}: copies of another image, left out: {left} of {len(pool)}")
    if clash:
        examples = ", ".join(sorted(clash)[:3])
        notes.append(
            f"{name}: images with a copy of another text: {len(clash)}, such as {examples}"
        )
    return pool.select(list(first.values()))


def _without(pool: TextPool, above: TextPool, name: SplitName, notes: list[str]) -> TextPool:
    """`pool` without the images and the sources of the split `above`."""
    digests, sources = set(above.digests), set(above.split.sources)
    keep = [
        place
        for place, value in enumerate(pool.digests)
        if value not in digests and pool.split.sources[place] not in sources
    ]
    if len(keep) < len(pool):
        notes.append(
            f"{name}: images of held-out sources and copies, left out: "
            f"{len(pool) - len(keep)} of {len(pool)}"
        )
    return pool.select(keep)


def _content(charset: Charset, pools: dict[SplitName, TextPool]) -> str:
    """SHA-256 of everything that defines the data set and its split."""
    rows = {
        name: list(zip(pools[name].digests, pools[name].split.texts, strict=True))
        for name in SPLIT_NAMES
    }
    return hashlib.sha256(msgspec.json.encode((charset.characters, rows))).hexdigest()
