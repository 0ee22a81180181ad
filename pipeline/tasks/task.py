"""`Task`: what depends on what a network answers, a class or a text; the stages are the rest.

`pipeline.tasks.classify.classes` and `pipeline.tasks.ocr.task` are the two there are;
`pipeline.run.run` opens the one that a recipe asks for.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge_agent.bundle.manifest import Balance, Score
from edge_agent.common.arrays import F32, U8
from edge_agent.tasks.kinds import OutputSpec
from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.common.progress import Progress
from pipeline.data.base import ImageSequence, SplitName
from pipeline.ladder.ladder import Made
from pipeline.models import ModelSpec
from pipeline.recipe import PruneRecipe, Recipe, TrainRecipe
from quantization.quantized import Quantized

SPLIT_FILE = "split.json"


@dataclass(frozen=True)
class Job:
    """What a task works on.

    Args:
        recipe: the whole of it.
        recipe_folder: where it was read from; relative data paths may start there.
        data_root: where data sets are looked for first; None takes the environment's.
        folder: the run's.
        progress: told how far everything is.
    """

    recipe: Recipe
    recipe_folder: Path
    data_root: Path | None
    folder: Path
    progress: Progress

    @property
    def cache(self) -> Path:
        """Where images at the network's size are kept from one stage to the next."""
        return self.folder / ".cache"


class Pictures(Protocol):
    """Some of a data set's images."""

    @property
    def images(self) -> ImageSequence:
        """The images."""

    @property
    def ids(self) -> tuple[str, ...]:
        """A name for each."""

    def __len__(self) -> int: ...


class Data(Protocol):
    """A data set, split."""

    @property
    def name(self) -> str:
        """What the recipe calls it."""

    @property
    def sha256(self) -> str:
        """Of all that is in it."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know."""

    def split(self, name: SplitName) -> Pictures:
        """The split called `name`."""


class Truth(Protocol):
    """The right answers of a split, and how scores are marked against them.

    Scores are float32 (N, K) of classes or (N, T, K) of texts, one row per image.
    """

    def accuracy(self, scores: F32) -> Score:
        """The share of right answers."""

    def balance(self, scores: F32) -> Balance | None:
        """How evenly a classifier knows its classes; None of texts."""

    def class_counts(self) -> Mapping[str, int] | None:
        """How many images each class has; None of texts."""

    def temperature(self, scores: F32) -> float:
        """What makes the confidence of a network with these scores mean what it says."""

    def agreement(self, a: F32, b: F32) -> float:
        """The share of images on which two networks give the same answer."""

    def expected_drop(self, real: F32, other: F32, temperature: float) -> float:
        """See `pipeline.measure.evaluate.expected_drop`."""


@dataclass(frozen=True)
class Training:
    """How one optimisation is run.

    Args:
        seed: decides the order of the images and all random changes.
        resume_folder: where its state is kept, to go on from; None keeps none.
        progress: where to report.
        history_file: a CSV file of its epochs; None writes none.
    """

    seed: int
    resume_folder: Path | None
    progress: Progress
    history_file: Path | None = None


class Answered(Protocol):
    """What outputs say, and how clearly."""

    def answers(self, scores: F32) -> Sequence[Hashable]:
        """What each row of scores says, whatever its confidence."""

    def margin(self, output: F32) -> float:
        """How far two outputs of one image have to come together before the answer may change.

        Args:
            output: raw outputs for one image, (K,) or (T, K); the margin is in their unit.
        """


class Task(Answered, Protocol):
    """What a run is about."""

    @property
    def dataset(self) -> Data:
        """The recipe's data, loaded once."""

    @property
    def model(self) -> ModelSpec:
        """The network that is trained."""

    def record(self, folder: Path) -> None:
        """Write what the data stage leaves to the others into `folder`."""

    def truth(self, name: SplitName) -> Truth:
        """The right answers of the split `name`."""

    def pixels(self, name: SplitName) -> U8:
        """The images of the split `name` at the network's size: (N, H, W, C) uint8."""

    def train(self, start: Checkpoint, how: Training) -> Checkpoint:
        """`start` trained as the recipe says; it stays as it was."""

    def prune(self, start: Checkpoint, recipe: PruneRecipe, how: Training) -> Checkpoint:
        """`start` made smaller and fine-tuned; it stays as it was."""

    def finetune(
        self, start: Quantized, teacher: Checkpoint, recipe: TrainRecipe, how: Training
    ) -> Made:
        """`start` trained on the int8 grid towards the answers of `teacher`; both stay."""

    def output(self, scores: F32 | None = None) -> OutputSpec:
        """What the device makes of the scores, with all that is chosen on validation data.

        Args:
            scores: of the quantised network on the validation split; None leaves out what is
                chosen by them.
        """
