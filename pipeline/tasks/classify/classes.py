"""`ClassTask`: runs whose network says which of some classes an image is of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.manifest import Balance, Score
from edge_agent.common.arrays import F32, U8
from edge_agent.tasks.classify.spec import ClassifySpec
from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.data.base import Dataset, SplitName
from pipeline.data.fitted import Fitted, fit_cached
from pipeline.data.load import load
from pipeline.data.split import record
from pipeline.ladder.ladder import Made
from pipeline.measure.evaluate import accuracy, agreement, expected_drop
from pipeline.measure.recall import balance_of
from pipeline.measure.temperature import fit_temperature
from pipeline.models import ModelSpec
from pipeline.pruning.prune import prune
from pipeline.recipe import PruneRecipe, TrainRecipe
from pipeline.tasks.task import SPLIT_FILE, Job, Training
from pipeline.training.finetune import finetune
from pipeline.training.train import train
from quantization.quantized import Quantized


@dataclass(frozen=True, eq=False)
class ClassTruth:
    """The classes of a split's images; see `Truth`.

    Args:
        labels: (N,) the number of each image's class.
        names: what the classes are called.
    """

    labels: NDArray[np.int64]
    names: tuple[str, ...]

    def accuracy(self, scores: F32) -> Score:
        """See `Truth`."""
        return accuracy(scores, self.labels)

    def balance(self, scores: F32) -> Balance:
        """See `Truth`."""
        return balance_of(scores.argmax(axis=1), self.labels, self.names)

    def class_counts(self) -> Mapping[str, int]:
        """See `Truth`."""
        counts = np.bincount(self.labels, minlength=len(self.names)).tolist()
        return dict(zip(self.names, counts, strict=True))

    def temperature(self, scores: F32) -> float:
        """See `Truth`."""
        return fit_temperature(scores, self.labels)

    def agreement(self, a: F32, b: F32) -> float:
        """See `Truth`."""
        return agreement(a, b)

    def expected_drop(self, real: F32, other: F32, temperature: float) -> float:
        """See `Truth`."""
        return expected_drop(real, other, temperature)


@dataclass(frozen=True, eq=False)
class ClassTask:
    """See `Task`."""

    job: Job

    @cached_property
    def dataset(self) -> Dataset:
        """See `Task`."""
        job = self.job
        return load(
            job.recipe.data,
            root=job.data_root,
            recipe_folder=job.recipe_folder,
            seed=job.recipe.seed,
            cache=job.cache,
            progress=job.progress,
        )

    @property
    def model(self) -> ModelSpec:
        """See `Task`."""
        recipe = self.job.recipe
        return ModelSpec(
            arch=recipe.model.arch,
            classes=len(self.dataset.labels),
            input=recipe.input,
            width=recipe.model.width,
        )

    def record(self, folder: Path) -> None:
        """See `Task`."""
        record(self.dataset, folder / SPLIT_FILE)

    def truth(self, name: SplitName) -> ClassTruth:
        """See `Task`."""
        return ClassTruth(self.dataset.split(name).labels, self.dataset.labels)

    def pixels(self, name: SplitName) -> U8:
        """See `Task`."""
        return self._fitted(name).pixels

    def train(self, start: Checkpoint, how: Training) -> Checkpoint:
        """See `Task`."""
        splits = self._fitted("train"), self._fitted("val")
        return train(start, *splits, self.job.recipe.train, **vars(how))

    def prune(self, start: Checkpoint, recipe: PruneRecipe, how: Training) -> Checkpoint:
        """See `Task`."""
        return prune(start, self._fitted("train"), self._fitted("val"), recipe, **vars(how))

    def finetune(
        self, start: Quantized, teacher: Checkpoint, recipe: TrainRecipe, how: Training
    ) -> Made:
        """See `Task`."""
        splits = self._fitted("train"), self._fitted("val")
        return finetune(start, teacher, *splits, recipe, **vars(how))

    def output(self, scores: F32 | None = None) -> ClassifySpec:
        """See `Task`: the temperature is chosen on validation data."""
        return ClassifySpec(
            labels=self.dataset.labels,
            min_confidence=self.job.recipe.output.min_confidence,
            temperature=1.0 if scores is None else self.truth("val").temperature(scores),
        )

    def answers(self, scores: F32) -> Sequence[int]:
        """See `Task`: numbers of classes."""
        return [int(k) for k in scores.argmax(axis=1)]

    def margin(self, output: F32) -> float:
        """See `Task`: by how much the best class is ahead of the second."""
        second, best = np.sort(output.reshape(-1))[-2:]
        return float(best - second)

    def _fitted(self, name: SplitName) -> Fitted:
        job = self.job
        return fit_cached(self.dataset, name, job.recipe.input, job.cache, job.progress)
