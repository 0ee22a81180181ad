"""A small job of every task of the host, for the tests that hold all of them to one contract."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from edge_agent.common.arrays import F32
from edge_agent.tasks.ocr.spec import TextSpec
from edge_agent.tasks.regress.spec import RegressSpec
from pipeline.common.progress import SILENT
from pipeline.data.base import SplitName
from pipeline.run.run import Run
from pipeline.tasks.run_task import RunTask

CLASSES = """\
name = "classes"
data = { kind = "digits", val = 0.1, test = 0.1, calibration = 32, train_limit = 200 }
input = { height = 8, width = 8, colour = "gray", mean = [0.5], std = [0.5] }
model = { arch = "resnet8", width = 0.25 }
train = { epochs = 1, batch_size = 32 }
"""

TEXTS = """\
name = "texts"
data = { kind = "text-drawn", count = 60, val = 0.2, test = 0.2, calibration = 8 }
text = { charset = "0123456789", epoch_images = 32, synthetic = { kind = "wheels", workers = 0 } }
input = { height = 32, width = 96, colour = "gray", mean = [0.5], std = [0.25] }
model = { arch = "ctc_small", width = 0.25 }
train = { epochs = 1, batch_size = 16, optimizer = "adamw", lr = 0.001 }
"""

VALUES = """\
name = "values"
data = { kind = "gauges", count = 80, val = 0.2, test = 0.2, calibration = 8 }
values = { quantities = [{ name = "pressure", unit = "bar", low = 0, high = 10 }], side = 32 }
input = { height = 16, width = 16, colour = "gray", mean = [0.5], std = [0.25] }
model = { arch = "resnet8", width = 0.25 }
train = { epochs = 1, batch_size = 16, optimizer = "adamw", lr = 0.001 }
"""


@dataclass(frozen=True)
class HostExample:
    """One task's job.

    Args:
        recipe: TOML; its data need no file.
        perfect: scores for a split of which every answer is right, (N, ...) float32.
        best: what the task's metric gives for them.
    """

    recipe: str
    perfect: Callable[[RunTask, SplitName], F32]
    best: float = 1.0


def open_example(example: HostExample, folder: Path) -> Run:
    """A run of its job in `folder`, with nothing done yet."""
    return Run(folder, example.recipe.encode(), folder / "job.toml", None, SILENT)


def _classes(task: RunTask, name: SplitName) -> F32:
    """A class far ahead of the others, in each image its own."""
    ahead: F32 = 20 * np.eye(task.model.classes, dtype=np.float32)
    return np.asarray(ahead[task.dataset.split(name).labels], np.float32)


def _texts(task: RunTask, name: SplitName) -> F32:
    """Every character at a step of its own, the blank between two that are alike."""
    spec = cast("TextSpec", task.output())
    steps, outputs = spec.steps, spec.outputs
    rows = []
    for text in task.dataset.split(name).labels:
        path = [outputs - 1] * steps
        for place, character in enumerate(text):
            path[2 * place] = spec.charset.index(character)
        rows.append(20 * np.eye(outputs, dtype=np.float32)[path])
    return np.stack(rows)


def _values(task: RunTask, name: SplitName) -> F32:
    """Where each value lies in its range."""
    values = task.dataset.split(name).labels
    spec = cast("RegressSpec", task.output())
    rows = [[q.share(v) for q, v in zip(spec.quantities, row, strict=True)] for row in values]
    return np.array(rows, np.float32)


EXAMPLES = {
    "classify": HostExample(CLASSES, _classes),
    "ocr": HostExample(TEXTS, _texts),
    "regress": HostExample(VALUES, _values, best=0.0),
}
