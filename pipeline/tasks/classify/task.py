"""`CLASSIFY`: which of some classes an image is of."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from edge_agent.tasks.classify.spec import ClassifySpec
from pipeline.data_recipe import DataKind
from pipeline.recipe import Arch
from pipeline.tasks.job import Job
from pipeline.tasks.task import FirstRecipe, HostTask

if TYPE_CHECKING:
    from pipeline.evaluation.evaluation import Judge
    from pipeline.tasks.run_task import RunTask


def _open(job: Job) -> "RunTask":
    from pipeline.tasks.classify.run_task import ClassRunTask

    return ClassRunTask(job)


def _begin() -> FirstRecipe:
    from pipeline.tasks.classify.begin.draft import draft_recipe
    from pipeline.tasks.classify.begin.folder import inspect, summary_lines

    return FirstRecipe(lambda _folder: False, inspect, summary_lines, draft_recipe)


def _judge() -> "Judge":
    from pipeline.tasks.classify.judge import JUDGE

    return JUDGE


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
            *("model.blocks", "train.balance", "train.mixup", "train.cutmix"),
            *("output.min_confidence", "budget.min_accuracy"),
            *("budget.min_balanced_accuracy", "budget.min_class_recall"),
            *("budget.max_drop", "budget.max_quantization_drop"),
        }
    ),
    open=_open,
    judge=_judge,
    begin=_begin,
    lacks=_lacks,
)
