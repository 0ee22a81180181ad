"""`CLASSIFY`: which of some classes an image is of."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from edge_agent.tasks.classify.spec import ClassifySpec
from pipeline.data_recipe import DataKind
from pipeline.recipe import Arch
from pipeline.tasks.job import Job
from pipeline.tasks.task import HostTask

if TYPE_CHECKING:
    from pipeline.tasks.run_task import RunTask


def _open(job: Job) -> "RunTask":
    from pipeline.tasks.classify.run_task import ClassRunTask

    return ClassRunTask(job)


def _lacks(
    ours: ClassifySpec, theirs: ClassifySpec, _answers: Sequence[str]
) -> tuple[str, list[str]]:
    return "class", [label for label in theirs.labels if label not in ours.labels]


CLASSIFY = HostTask(
    name="classify",
    labels="classes",
    kinds=(
        DataKind("digits"),
        DataKind("mnist"),
        DataKind("fashion-mnist"),
        DataKind("image-folder", path="needed"),
        DataKind("image-npz", path="needed"),
    ),
    arches=get_args(Arch),
    keys=frozenset(
        {
            *("train.balance", "output.min_confidence", "budget.min_accuracy"),
            *("budget.min_balanced_accuracy", "budget.min_class_recall"),
            *("budget.max_drop", "budget.max_quantization_drop"),
        }
    ),
    open=_open,
    lacks=_lacks,
)
