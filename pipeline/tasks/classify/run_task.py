"""`ClassRunTask`: runs whose network says which of some classes an image is of."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.metrics import Balance, Score
from edge_agent.common.arrays import F32, U8
from edge_agent.tasks.classify.spec import ClassifySpec
from pipeline.data.base import ClassLabels, SplitName
from pipeline.data.classes import ClassDataset
from pipeline.data.fitted import Fitted, fit_cached
from pipeline.data.split import record
from pipeline.measure.evaluate import accuracy, agreement, expected_drop
from pipeline.measure.recall import balance_of
from pipeline.measure.temperature import fit_temperature
from pipeline.measure.truth import Truth
from pipeline.models import ModelSpec
from pipeline.report.page import ReportPage
from pipeline.tasks.classify.load import load
from pipeline.tasks.classify.report.attention import attention
from pipeline.tasks.classify.report.contents import ClassReport, view
from pipeline.tasks.classify.report.sections import class_page
from pipeline.tasks.classify.training import ClassExamples
from pipeline.tasks.job import Job
from pipeline.tasks.run_task import SPLIT_FILE, Evidence, RunTask, spec_of


@dataclass(frozen=True, eq=False)
class ClassTruth(Truth):
    """The classes of a split's images; see `Truth`.

    Args:
        labels: (N,) the number of each image's class.
        names: what the classes are called.
    """

    labels: NDArray[np.int64]
    names: tuple[str, ...]

    def score(self, scores: F32) -> Score:
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
class ClassRunTask(RunTask):
    """See `RunTask`."""

    job: Job

    @cached_property
    def dataset(self) -> ClassDataset:
        """See `RunTask`."""
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
        """See `RunTask`."""
        return self.job.network(self.dataset.labels)

    def data_identity(self) -> Mapping[str, object]:
        """See `RunTask`: nothing."""
        return {}

    def identity(self) -> Mapping[str, object]:
        """See `RunTask`: the tables that every recipe has say all."""
        return {}

    def record(self, folder: Path) -> None:
        """See `RunTask`."""
        record(self.dataset, folder / SPLIT_FILE)

    def truth(self, name: SplitName) -> ClassTruth:
        """See `RunTask`."""
        return ClassTruth(self.dataset.split(name).labels, self.dataset.labels)

    def brief(self, name: SplitName) -> Sequence[str]:
        """See `RunTask`: the names of the classes."""
        return [self.dataset.labels[label] for label in self.dataset.split(name).labels]

    def pixels(self, name: SplitName) -> U8:
        """See `RunTask`."""
        return self._fitted(name).pixels

    @contextmanager
    def training_data(self) -> Iterator[ClassExamples]:
        """See `RunTask`."""
        yield ClassExamples(self._fitted("train"), self._fitted("val"))

    def output(self, scores: F32 | None = None) -> ClassifySpec:
        """See `RunTask`: the temperature is chosen on validation data."""
        return ClassifySpec(
            labels=self.dataset.labels,
            min_confidence=self.job.recipe.output.min_confidence,
            temperature=1.0 if scores is None else self.truth("val").temperature(scores),
        )

    def answers(self, scores: F32) -> Sequence[int]:
        """See `RunTask`: numbers of classes."""
        return [int(k) for k in scores.argmax(axis=1)]

    def margin(self, output: F32) -> float:
        """See `RunTask`: by how much the best class is ahead of the second."""
        second, best = np.sort(output.reshape(-1))[-2:]
        return float(best - second)

    def report(self, evidence: Evidence, **shared: Any) -> ReportPage:
        """See `RunTask`."""
        spec = spec_of(evidence.bundle, ClassifySpec)
        test = self.dataset.test
        return class_page(
            ClassReport(
                labels=spec.labels,
                test=test,
                scores_float=evidence.float_scores,
                scores_int8=evidence.int8_scores,
                temperature=spec.temperature,
                attention=attention(evidence, test, spec),
                data=view(self.dataset),
                **shared,
            )
        )

    def _fitted(self, name: SplitName) -> Fitted[ClassLabels]:
        job = self.job
        return fit_cached(self.dataset, name, job.recipe.input, job.cache, job.progress)
