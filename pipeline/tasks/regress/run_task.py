"""`ValueRunTask`: runs whose network reads numbers from an image."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import ceil, inf
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge_agent.common.arrays import F32, U8
from edge_agent.tasks.regress.spec import RegressSpec
from pipeline.data.base import SplitName
from pipeline.data.fitted import Fitted, cached_pixels
from pipeline.data.root import data_root, find_data
from pipeline.models import ModelSpec
from pipeline.report.page import ReportPage
from pipeline.tasks.job import Job
from pipeline.tasks.regress.dataset import ValueDataset, divide_values, record_values, shares
from pipeline.tasks.regress.drawn import draw_gauges
from pipeline.tasks.regress.folder import read_value_folder
from pipeline.tasks.regress.judge import truths
from pipeline.tasks.regress.recipe import ValuesRecipe
from pipeline.tasks.regress.report.contents import ValueReport, view_values
from pipeline.tasks.regress.report.sections import value_page
from pipeline.tasks.regress.training import ValueExamples
from pipeline.tasks.regress.truth import ValueTruth
from pipeline.tasks.run_task import SPLIT_FILE, Evidence, RunTask, spec_of

# Golden frames are taken from so many parts of the range in turn.
PARTS = 8
# An output that goes less far beyond its range is always sure: that is how far noise takes it.
LEAST_SLACK = 0.01


@dataclass(frozen=True, eq=False)
class ValueRunTask(RunTask):
    """See `RunTask`; `values` is the recipe's own `[values]`."""

    job: Job
    values: ValuesRecipe

    @cached_property
    def dataset(self) -> ValueDataset:
        """See `RunTask`."""
        job, data, quantities = self.job, self.job.recipe.data, self.values.quantities
        if data.path is None:
            source = draw_gauges(
                quantities[0], data.count, self.values.side, job.recipe.seed, job.progress
            )
        else:
            what, places = "a folder of images", (data_root(job.data_root), job.recipe_folder)
            folder = find_data(data.path, "data.path", what, *places)
            source = read_value_folder(folder, quantities, data.on_unreadable, job.progress)
        return divide_values(source, quantities, data, job.recipe.seed)

    @property
    def model(self) -> ModelSpec:
        """See `RunTask`: an output for each quantity."""
        return self.job.network([each.name for each in self.values.quantities])

    def data_identity(self) -> Mapping[str, object]:
        """See `RunTask`: the data say all."""
        return {}

    def identity(self) -> Mapping[str, object]:
        """See `RunTask`: the quantities; of these the names and units do not matter to it."""
        return {"values": self.values}

    def record(self, folder: Path) -> None:
        """See `RunTask`."""
        record_values(self.dataset, folder / SPLIT_FILE)

    def truth(self, name: SplitName) -> ValueTruth:
        """See `RunTask`."""
        return ValueTruth(self.dataset.split(name).labels, self.values.quantities)

    def brief(self, name: SplitName) -> Sequence[str]:
        """See `RunTask`: the values with their units."""
        return truths(self.dataset.split(name).labels, self.output())

    def pixels(self, name: SplitName) -> U8:
        """See `RunTask`."""
        job, dataset = self.job, self.dataset
        images, spec = dataset.split(name).images, job.recipe.input
        return cached_pixels(images, dataset.sha256, name, spec, job.cache, job.progress)

    @contextmanager
    def training_data(self) -> Iterator[ValueExamples]:
        """See `RunTask`."""
        one = len(self.values.quantities) == 1
        unit = self.values.quantities[0].span if one else 100.0
        yield ValueExamples(self._fitted("train"), self._fitted("val"), unit)

    def output(self, scores: F32 | None = None) -> RegressSpec:
        """See `RunTask`: the slack is what the validation images needed to be all sure."""
        spec = RegressSpec(quantities=self.values.quantities)
        if scores is None:
            return spec
        beyond = max(0.0, float((-scores).max()), float((scores - 1).max()))
        slack = min(1.0, max(LEAST_SLACK, ceil(beyond * 1000) / 1000))
        return msgspec.structs.replace(spec, slack=slack)

    def answers(self, scores: F32) -> Sequence[tuple[int, ...]]:
        """See `RunTask`: which part of each range is shown."""
        parts = np.floor(np.clip(scores, 0, 1) * PARTS).clip(max=PARTS - 1).astype(int)
        return [tuple(row) for row in parts.tolist()]

    def margin(self, _output: F32) -> float:
        """See `RunTask`: what a device may differ by changes no answer; see `decode.SAME`."""
        return inf

    def report(self, evidence: Evidence, **shared: Any) -> ReportPage:
        """See `RunTask`."""
        return value_page(
            ValueReport(
                spec=spec_of(evidence.bundle, RegressSpec),
                test=self.dataset.test,
                scores_float=evidence.float_scores,
                scores_int8=evidence.int8_scores,
                data=view_values(self.dataset),
                **shared,
            )
        )

    def _fitted(self, name: SplitName) -> Fitted[F32]:
        labels = shares(self.dataset.split(name).labels, self.values.quantities)
        return Fitted(self.pixels(name), labels.astype(np.float32))
