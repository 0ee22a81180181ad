"""`Dataset`: labelled images in four disjoint splits, as every stage sees them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import U8

SplitName: TypeAlias = Literal["train", "val", "calibration", "test"]
SPLIT_NAMES: tuple[SplitName, ...] = get_args(SplitName)


class ImageSequence(Protocol):
    """Images by number; each (H, W) grey or (H, W, 3) RGB uint8, of any size.

    A NumPy array (N, H, W) or (N, H, W, 3) is one; a folder is one that reads a file
    each time it is asked.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> U8: ...


@dataclass(frozen=True, eq=False)
class Split:
    """Labelled images.

    Args:
        images: N images.
        labels: (N,) int64, the number of each image's class.
        ids: one stable name per image, unique in its data set.

    Raises:
        ValueError: if the three do not have the same length.
    """

    images: ImageSequence
    labels: NDArray[np.int64]
    ids: tuple[str, ...]

    def __post_init__(self) -> None:
        lengths = (len(self.images), len(self.labels), len(self.ids))
        if len(set(lengths)) != 1:
            raise ValueError(
                f"split: expected as many images as labels and ids, found {lengths[0]}, "
                f"{lengths[1]} and {lengths[2]}"
            )

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, indices: Iterable[int]) -> "Split":
        """The images at `indices`, in that order; nothing is read."""
        chosen = np.fromiter(indices, np.int64)
        ids = tuple(self.ids[i] for i in chosen)
        return Split(_Selection(self.images, chosen), self.labels[chosen], ids)


@dataclass(frozen=True, eq=False)
class NearPair:
    """Two images that are near copies of each other.

    Args:
        images: the two, with their labels and ids.
        likeness: the correlation of what both show, up to 1.
    """

    images: Split
    likeness: float

    @property
    def clash(self) -> bool:
        """Whether they are of two classes, one of which may be wrong."""
        return bool(self.images.labels[0] != self.images.labels[1])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set, split. No image is in two splits, not even as a copy under another name.

    Args:
        name: what the recipe calls it.
        labels: the class names; a label is a place in this tuple.
        train: what the network learns from.
        val: measures every epoch, fits the temperature and gives the golden frames.
        calibration: shows the quantiser real activations.
        test: measured once, by `verify`.
        sha256: hash of the class names and of every image's pixels, label and split.
        notes: what a reader should know: copies left out, files ignored.
        skipped: the files that could not be read and were left out.
        groups: the ids of images that belong together, as near copies or by `data.group`;
            every group with more than one image in the splits, each within one split.
        pairs: some near copies, to be looked at.
    """

    name: str
    labels: tuple[str, ...]
    train: Split
    val: Split
    calibration: Split
    test: Split
    sha256: str
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    pairs: tuple[NearPair, ...] = ()

    def split(self, name: SplitName) -> Split:
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
class Concatenated:
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
