"""`Dataset`: labelled images in four disjoint splits, as every stage sees them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, Literal, Protocol, Self, TypeAlias, TypeVar, cast, get_args

import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import U8

SplitName: TypeAlias = Literal["train", "val", "calibration", "test"]
SPLIT_NAMES: tuple[SplitName, ...] = get_args(SplitName)
Indices: TypeAlias = NDArray[np.int64]
# The labels of N images: an array (N, ...), or a tuple of N.
Labels = TypeVar("Labels", bound=NDArray[Any] | tuple[Any, ...])
# (N,) int64, the number of each image's class.
ClassLabels: TypeAlias = NDArray[np.int64]


class ImageSequence(Protocol):
    """Images by number; each (H, W) grey or (H, W, 3) RGB uint8, of any size.

    A NumPy array (N, H, W) or (N, H, W, 3) is one; a folder is one that reads a file
    each time it is asked.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> U8: ...


@dataclass(frozen=True, eq=False)
class Split(Generic[Labels]):
    """Labelled images.

    Args:
        images: N images.
        labels: one for each.
        ids: one stable name per image, unique in its data set.
        sources: what each image was taken of, where that is known: its display, receipt or
            photograph. Images of one source are all in one split. Empty where it is not known.

    Raises:
        ValueError: if they do not have the same length.
    """

    images: ImageSequence
    labels: Labels
    ids: tuple[str, ...]
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lengths = [len(self.images), len(self.labels), len(self.ids)]
        lengths += [len(self.sources)] if self.sources else []
        if len(set(lengths)) != 1:
            named = ("images", "labels", "ids", "sources")
            found = ", ".join(f"{n} {name}" for n, name in zip(lengths, named, strict=False))
            raise ValueError(f"split: expected as many of each, found {found}")

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, indices: Iterable[int]) -> Self:
        """The images at `indices`, in that order; nothing is read."""
        chosen = np.fromiter(indices, np.int64)
        return replace(
            self,
            images=_Selection(self.images, chosen),
            labels=chosen_labels(self.labels, chosen),
            ids=tuple(self.ids[i] for i in chosen),
            sources=tuple(self.sources[i] for i in chosen) if self.sources else (),
        )


def chosen_labels(labels: Labels, chosen: Indices) -> Labels:
    """The labels at the places `chosen`, in that order."""
    if isinstance(labels, np.ndarray):
        return cast("Labels", labels[chosen])
    return cast("Labels", tuple(labels[i] for i in chosen))


@dataclass(frozen=True, eq=False)
class Dataset(Generic[Labels]):
    """A data set, split. No image is in two splits, not even as a copy under another name.

    Args:
        name: what the recipe calls it.
        train: what the network learns from.
        val: measures every epoch, fits the temperature and gives the golden frames.
        calibration: shows the quantiser real activations.
        test: measured once, by `verify`.
        sha256: hash of every image's pixels, label and split, and of what the labels mean.
        notes: what a reader should know: copies left out, files ignored.
        skipped: the files that could not be read and were left out.
        groups: the ids of images that belong together, as near copies or by `data.group`;
            every group with more than one image in the splits, each within one split.
    """

    name: str
    train: Split[Labels]
    val: Split[Labels]
    calibration: Split[Labels]
    test: Split[Labels]
    sha256: str
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()

    def split(self, name: SplitName) -> Split[Labels]:
        """The split called `name`."""
        return {
            "train": self.train,
            "val": self.val,
            "calibration": self.calibration,
            "test": self.test,
        }[name]


@dataclass(frozen=True, eq=False)
class _Selection:
    """Some images of a sequence; reads through to it."""

    images: ImageSequence
    indices: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int, /) -> U8:
        return self.images[int(self.indices[index])]


@dataclass(frozen=True, eq=False)
class ImageChain:
    """The images of some sequences, one after the other."""

    parts: tuple[ImageSequence, ...]

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum([len(part) for part in self.parts])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int, /) -> U8:
        if not 0 <= index < len(self):
            raise IndexError(index)
        part = int(np.searchsorted(self._ends, index, side="right"))
        before = int(self._ends[part - 1]) if part else 0
        return self.parts[part][index - before]
