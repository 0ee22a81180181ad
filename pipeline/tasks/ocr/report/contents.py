"""`TextReport`: what a report shows of a network that reads texts."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from edge_agent.bundle.metrics import Score
from edge_agent.common.arrays import F32, U8
from edge_agent.tasks.ocr.spec import TextSpec
from pipeline.data.base import SPLIT_NAMES
from pipeline.report.data import ReportData, SplitCounts
from pipeline.tasks.ocr.data.dataset import TextDataset, TextSplit
from pipeline.tasks.ocr.measure.metrics import exact_match
from pipeline.tasks.ocr.measure.readings import Readings, read_scores
from pipeline.tasks.ocr.report.metrics import length_ranges, spread

SAMPLES = 21


@dataclass(frozen=True)
class TextCounts:
    """How much of what a split has.

    Args:
        name: of the split.
        images, sources: how many; no source is in two splits.
        characters: of all its texts.
        empty: how many of its images show no text.
    """

    name: str
    images: int
    sources: int
    characters: int
    empty: int


@dataclass(frozen=True, eq=False)
class ShownText:
    """An image and what it says."""

    image: U8
    text: str


@dataclass(frozen=True, eq=False)
class TextView:
    """What a reader should know of a data set of texts.

    Args:
        splits: train, val, calibration and test.
        ranges: ranges of length that texts may have, in words.
        lengths: how many texts of each of the ranges a split has.
        characters: how often the training texts have each character of the charset.
        samples: a few training images.
        drawn: the share of what was learnt from that was drawn instead, in [0, 1].
        sets: the data sets that it was joined from; empty if it was not.
        notes: what the reader of the data set had to say.
    """

    splits: tuple[TextCounts, ...]
    ranges: tuple[str, ...]
    lengths: tuple[SplitCounts, ...]
    characters: tuple[tuple[str, int], ...]
    samples: tuple[ShownText, ...]
    drawn: float = 0.0
    sets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def set_of(self, identity: str) -> str:
        """The data set that an image comes from: the beginning of its id."""
        return next((name for name in self.sets if identity.startswith(f"{name}/")), "")


def view_texts(dataset: TextDataset, drawn: float = 0.0) -> TextView:
    """What `dataset` looks like; reads `SAMPLES` training images."""
    parts = {name: dataset.split(name) for name in SPLIT_NAMES}
    ranges = length_ranges(text for part in parts.values() for text in part.labels)
    written = Counter("".join(dataset.train.labels))
    names = dataset.name.split("+")
    return TextView(
        splits=tuple(_counts(name, part) for name, part in parts.items()),
        ranges=tuple(map(str, ranges)),
        lengths=tuple(
            SplitCounts(name, tuple(sum(map(one.holds, part.labels)) for one in ranges))
            for name, part in parts.items()
        ),
        characters=tuple((one, written[one]) for one in dataset.charset.characters),
        samples=tuple(
            ShownText(dataset.train.images[i], dataset.train.labels[i])
            for i in spread(range(len(dataset.train)), SAMPLES)
        ),
        drawn=drawn,
        sets=tuple(names) if len(names) > 1 else (),
        notes=dataset.notes,
    )


def _counts(name: str, part: TextSplit) -> TextCounts:
    return TextCounts(
        name=name,
        images=len(part),
        sources=len(set(part.sources)),
        characters=sum(map(len, part.labels)),
        empty=part.labels.count(""),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class TextReport(ReportData):
    """All that a report shows; N test images, T steps, K outputs. See `ReportData` for the rest.

    Args:
        spec: what the bundle makes of the scores: charset, temperature, threshold, promise.
        test: the split that what ships was measured on.
        scores_float: (N, T, K) logits of the network before quantisation.
        scores_int8: (N, T, K) dequantised logits of the bundle.
        data: what the data set looks like.
    """

    spec: TextSpec
    test: TextSplit
    scores_float: F32
    scores_int8: F32
    data: TextView

    @property
    def images(self) -> int:
        """See `ReportData`."""
        return len(self.test)

    @property
    def score(self) -> Score:
        """See `ReportData`: a reading is right if it has no error at all."""
        return Score.of("exact match", exact_match(self.read.texts, self.test.labels))

    @property
    def agreement(self) -> float:
        """See `ReportData`."""
        pairs = zip(self.read.texts, self.read_float.texts, strict=True)
        return sum(a == b for a, b in pairs) / self.images

    @cached_property
    def read(self) -> Readings:
        """What the int8 network reads."""
        return read_scores(self.scores_int8, self.spec)

    @cached_property
    def read_float(self) -> Readings:
        """What the network before quantisation reads."""
        return read_scores(self.scores_float, self.spec)

    def _check_scores(self) -> None:
        shape = (len(self.test), self.spec.steps, self.spec.outputs)
        for name, scores in (("float", self.scores_float), ("int8", self.scores_int8)):
            if scores.shape != shape:
                raise ValueError(f"scores_{name}: expected shape {shape}, found {scores.shape}")
