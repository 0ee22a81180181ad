"""`ClassDataset`: images of classes, and what is known of their classes."""

from dataclasses import dataclass, field
from typing import TypeAlias

from pipeline.data.base import ClassLabels, Dataset, Split
from pipeline.data.fitted import Fitted
from pipeline.data.pool import Pool, Source

ClassSplit: TypeAlias = Split[ClassLabels]
ClassPool: TypeAlias = Pool[ClassLabels]
FittedClasses: TypeAlias = Fitted[ClassLabels]


@dataclass(frozen=True, eq=False)
class ClassSource(Source[ClassLabels]):
    """What a reader of classes found.

    Args:
        labels: the class names; a label is a place in this tuple.
    """

    labels: tuple[str, ...] = field(kw_only=True)


@dataclass(frozen=True, eq=False)
class NearPair:
    """Two images that are near copies of each other.

    Args:
        images: the two, with their labels and ids.
        likeness: the correlation of what both show, up to 1.
    """

    images: ClassSplit
    likeness: float

    @property
    def clash(self) -> bool:
        """Whether they are of two classes, one of which may be wrong."""
        return bool(self.images.labels[0] != self.images.labels[1])


@dataclass(frozen=True, eq=False)
class ClassDataset(Dataset[ClassLabels]):
    """See `Dataset`.

    Args:
        labels: the class names; a label is a place in this tuple.
        pairs: some near copies, to be looked at.
    """

    labels: tuple[str, ...] = field(kw_only=True)
    pairs: tuple[NearPair, ...] = field(kw_only=True, default=())
