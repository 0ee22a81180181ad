"""`ReportData`: everything a report shows, as frozen values; nothing here runs a network."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np

from edge_agent.arrays import F32, U8
from edge_agent.bundle.affine import Affine
from edge_agent.bundle.golden import GoldenFrame
from edge_agent.bundle.manifest import Score
from pipeline.data.base import SPLIT_NAMES, Dataset, Split
from pipeline.evaluate import accuracy
from pipeline.gates import Gate
from pipeline.history import EpochRecord
from pipeline.ladder import Goal

SAMPLES_PER_CLASS = 10


class Rung(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One network of the ladder from float to the int8 one that ships.

    Args:
        name: `float`, `pruned`, or how it was quantised.
        validation: accuracy on the validation split, where the ladder is climbed.
        test: accuracy on the test split; None of what was tried and does not ship, which
            nobody asked about it.
        drop: of accuracy on the validation split by quantisation; None of a float network.
        expected_drop: likewise, by the float network's own confidence; what decides.
        met: whether that is within the budget; None where nothing was demanded.
        kept: whether it was better than what was tried before it.
        chosen: whether it is the one that ships.
        macs: multiply-accumulates of one inference.
        parameters: learned numbers.
        size_bytes: the network's file.
        latency_ms: median of one inference in milliseconds; None where not measured.
        measured_on: the processor and runtime `latency_ms` was measured on.
    """

    name: str
    validation: Score
    test: Score | None = None
    drop: float | None = None
    expected_drop: float | None = None
    met: bool | None = None
    kept: bool = True
    chosen: bool = False
    macs: int
    parameters: int
    size_bytes: int
    latency_ms: float | None = None
    measured_on: str = ""


@dataclass(frozen=True)
class Phase:
    """One optimisation, `training` or `fine-tuning`, epoch by epoch."""

    name: str
    epochs: tuple[EpochRecord, ...]


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


@dataclass(frozen=True)
class SplitCounts:
    """How many images of each class a split has, in the order of the labels."""

    name: str
    counts: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class DataView:
    """What a reader should know of a data set.

    Args:
        splits: train, val, calibration and test.
        samples: per class, in the order of the labels, a few training images.
        notes: what the reader of the data set had to say.
        skipped: the files that could not be read.
    """

    splits: tuple[SplitCounts, ...]
    samples: tuple[tuple[U8, ...], ...]
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def view(dataset: Dataset, per_class: int = SAMPLES_PER_CLASS) -> DataView:
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
    return DataView(tuple(splits), samples, dataset.notes, dataset.skipped)


@dataclass(frozen=True, eq=False, kw_only=True)
class ReportData:
    """All that a report shows; K classes, N test images.

    Args:
        name: the recipe's name.
        created: when the run was verified, in ISO 8601.
        gates: the budget's promises; empty if none was demanded.
        rungs: the ladder, the float network first.
        goal: what the ladder was climbed for; None if for nothing.
        phases: the optimisations in the order they ran.
        labels: the K class names.
        test: the split that what ships was measured on.
        scores_float: (N, K) logits of the network before quantisation.
        scores_int8: (N, K) dequantised logits of the bundle.
        temperature: logits are divided by it before the softmax; fitted on validation.
        attention: what the network looks at, for some right and some wrong answers.
        golden: the bundle's golden frames.
        golden_affine: the scale of their raw outputs.
        golden_tolerance: the difference a device may show at any output, in quanta.
        data: what the data set looks like.
        recipe_text: the recipe, as TOML.
        versions: package to version.
        hashes: what to its SHA-256.

    Raises:
        ValueError: no float rung first or not one that ships, no test image, scores or data
            of another size, or an accuracy that is not that of the scores.
    """

    name: str
    created: str
    gates: tuple[Gate, ...]
    rungs: tuple[Rung, ...]
    goal: Goal | None = None
    phases: tuple[Phase, ...]
    labels: tuple[str, ...]
    test: Split
    scores_float: F32
    scores_int8: F32
    temperature: float
    attention: tuple[Attention, ...]
    golden: tuple[GoldenFrame, ...]
    golden_affine: Affine
    golden_tolerance: int
    data: DataView
    recipe_text: str
    versions: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.test) == 0:
            raise ValueError("test: expected at least one image, found none")
        shape = (len(self.test), len(self.labels))
        for name, scores in (("float", self.scores_float), ("int8", self.scores_int8)):
            if scores.shape != shape:
                raise ValueError(f"scores_{name}: expected shape {shape}, found {scores.shape}")
        self._check_rungs()
        if len(self.data.samples) != len(self.labels):
            raise ValueError(
                f"data.samples: expected one strip for each of {len(self.labels)} classes, "
                f"found {len(self.data.samples)}"
            )

    def _check_rungs(self) -> None:
        """A report must not contradict itself: one that ships, one test split, one accuracy."""
        chosen = [rung for rung in self.rungs if rung.chosen]
        if len(chosen) != 1 or self.rungs[0].drop is not None:
            raise ValueError(
                f"rungs: expected a float one first and one that ships, found "
                f"{self.rungs[0].name!r} first and {len(chosen)} that ship"
            )
        for rung in (self.first, self.shipped):
            if rung.test is None or rung.test.samples != len(self.test):
                found = "none" if rung.test is None else f"one over {rung.test.samples}"
                raise ValueError(
                    f"rung {rung.name}: expected an accuracy over the {len(self.test)} test "
                    f"images, found {found}"
                )
        found_accuracy = accuracy(self.scores_int8, self.test.labels)
        if self.shipped.test != found_accuracy:
            raise ValueError(
                f"rung {self.shipped.name}: expected the accuracy of scores_int8, "
                f"{found_accuracy}, found {self.shipped.test}"
            )

    @property
    def first(self) -> Rung:
        """The float network, as it was trained."""
        return self.rungs[0]

    @property
    def shipped(self) -> Rung:
        """The int8 network that ships."""
        return next(rung for rung in self.rungs if rung.chosen)

    @property
    def tested(self) -> tuple[Rung, ...]:
        """The rungs that were measured on the test split."""
        return tuple(rung for rung in self.rungs if rung.test is not None)

    @property
    def verified(self) -> bool:
        """Whether every gate holds."""
        return all(gate.holds for gate in self.gates)
