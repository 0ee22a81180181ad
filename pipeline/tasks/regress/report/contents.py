"""`ValueReport`: what a report shows of a network that reads numbers."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edge_agent.bundle.metrics import Score
from edge_agent.common.arrays import F32, U8
from edge_agent.tasks.regress.spec import RegressSpec
from pipeline.data.base import SPLIT_NAMES
from pipeline.report.data import ReportData
from pipeline.tasks.regress.dataset import ValueDataset, ValueSplit
from pipeline.tasks.regress.truth import ValueTruth

SAMPLES = 20


@dataclass(frozen=True)
class ValueCounts:
    """How many images a split has, and of how many sources; no source is in two splits."""

    name: str
    images: int
    sources: int


@dataclass(frozen=True, eq=False)
class ShownValue:
    """An image, and what it shows of the first quantity, in its unit."""

    image: U8
    value: float


@dataclass(frozen=True, eq=False)
class ValueView:
    """What a reader should know of a data set of numbers.

    Args:
        splits: train, val, calibration and test.
        samples: a few training images, from the least to the largest value.
        notes: what the reader of the data set had to say.
        skipped: the files that could not be read.
    """

    splits: tuple[ValueCounts, ...]
    samples: tuple[ShownValue, ...]
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def view_values(dataset: ValueDataset) -> ValueView:
    """What `dataset` looks like; reads `SAMPLES` training images."""
    parts = {name: dataset.split(name) for name in SPLIT_NAMES}
    train = dataset.train
    order = np.argsort(train.labels[:, 0], kind="stable")
    places = order[np.linspace(0, len(order) - 1, min(SAMPLES, len(order))).round().astype(int)]
    return ValueView(
        splits=tuple(
            ValueCounts(name, len(part), len(set(part.sources))) for name, part in parts.items()
        ),
        samples=tuple(ShownValue(train.images[i], float(train.labels[i, 0])) for i in places),
        notes=dataset.notes,
        skipped=dataset.skipped,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class ValueReport(ReportData):
    """All that a report shows; N test images, R quantities. See `ReportData` for the rest.

    Args:
        spec: what the bundle makes of the outputs.
        test: the split that what ships was measured on.
        scores_float: (N, R) shares of the ranges, of the network before quantisation.
        scores_int8: (N, R) the same of the bundle, dequantised.
        data: what the data set looks like.
    """

    spec: RegressSpec
    test: ValueSplit
    scores_float: F32
    scores_int8: F32
    data: ValueView

    @cached_property
    def truth(self) -> ValueTruth:
        """What is right."""
        return ValueTruth(self.test.labels, self.spec.quantities)

    @property
    def images(self) -> int:
        """See `ReportData`."""
        return len(self.test)

    @property
    def score(self) -> Score:
        """See `ReportData`."""
        return self.truth.score(self.scores_int8)

    @property
    def agreement(self) -> float:
        """See `ReportData`."""
        return self.truth.agreement(self.scores_float, self.scores_int8)

    def _check_scores(self) -> None:
        shape = (len(self.test), len(self.spec.quantities))
        for name, scores in (("float", self.scores_float), ("int8", self.scores_int8)):
            if scores.shape != shape:
                raise ValueError(f"scores_{name}: expected shape {shape}, found {scores.shape}")
