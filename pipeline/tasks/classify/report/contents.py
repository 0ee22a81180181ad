"""`ClassReport`: what a report shows of a network that names classes."""

from dataclasses import dataclass

import numpy as np

from edge_agent.bundle.metrics import Score
from edge_agent.common.arrays import F32, U8
from pipeline.data.base import SPLIT_NAMES
from pipeline.data.classes import ClassDataset, ClassSplit, NearPair
from pipeline.measure import evaluate
from pipeline.report.data import ReportData, SplitCounts

SAMPLES_PER_CLASS = 10


@dataclass(frozen=True, eq=False)
class Attention:
    """What the network looks at in one image.

    Args:
        image: uint8 (H, W) or (H, W, 3) RGB, framed as the network sees it.
        truth, answer: class names.
        confidence: of the answer, in [0, 1].
        cam: (h, w) float32 in [0, 1], how much each place speaks for the answer.
        maps: per layer its name and its activations (C, h, w).
    """

    image: U8
    truth: str
    answer: str
    confidence: float
    cam: F32
    maps: tuple[tuple[str, F32], ...]

    @property
    def right(self) -> bool:
        """Whether the answer is the truth."""
        return self.truth == self.answer


@dataclass(frozen=True, eq=False)
class DataView:
    """What a reader should know of a data set.

    Args:
        splits: train, val, calibration and test.
        samples: per class, in the order of the labels, a few training images.
        notes: what the reader of the data set had to say.
        skipped: the files that could not be read.
        pairs: near copies to be looked at.
    """

    splits: tuple[SplitCounts, ...]
    samples: tuple[tuple[U8, ...], ...]
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    pairs: tuple[NearPair, ...] = ()


def view(dataset: ClassDataset, per_class: int = SAMPLES_PER_CLASS) -> DataView:
    """What `dataset` looks like; reads `per_class` training images of every class."""
    classes = range(len(dataset.labels))
    splits = []
    for name in SPLIT_NAMES:
        counts = np.bincount(dataset.split(name).labels, minlength=len(dataset.labels))
        splits.append(SplitCounts(name, tuple(int(n) for n in counts)))
    train = dataset.train
    samples = tuple(
        tuple(train.images[int(i)] for i in np.flatnonzero(train.labels == k)[:per_class])
        for k in classes
    )
    return DataView(tuple(splits), samples, dataset.notes, dataset.skipped, dataset.pairs)


@dataclass(frozen=True, eq=False, kw_only=True)
class ClassReport(ReportData):
    """All that a report shows; K classes, N test images. See `ReportData` for the rest.

    Args:
        labels: the K class names.
        test: the split that what ships was measured on.
        scores_float: (N, K) logits of the network before quantisation.
        scores_int8: (N, K) dequantised logits of the bundle.
        temperature: logits are divided by it before the softmax; fitted on validation.
        attention: what the network looks at, for some right and some wrong answers.
        data: what the data set looks like.
    """

    labels: tuple[str, ...]
    test: ClassSplit
    scores_float: F32
    scores_int8: F32
    temperature: float
    attention: tuple[Attention, ...]
    data: DataView

    @property
    def images(self) -> int:
        """See `ReportData`."""
        return len(self.test)

    @property
    def score(self) -> Score:
        """See `ReportData`."""
        return evaluate.accuracy(self.scores_int8, self.test.labels)

    @property
    def agreement(self) -> float:
        """See `ReportData`."""
        return evaluate.agreement(self.scores_float, self.scores_int8)

    def _check_scores(self) -> None:
        shape = (len(self.test), len(self.labels))
        for name, scores in (("float", self.scores_float), ("int8", self.scores_int8)):
            if scores.shape != shape:
                raise ValueError(f"scores_{name}: expected shape {shape}, found {scores.shape}")
        if len(self.data.samples) != len(self.labels):
            raise ValueError(
                f"data.samples: expected one strip for each of {len(self.labels)} classes, "
                f"found {len(self.data.samples)}"
            )
