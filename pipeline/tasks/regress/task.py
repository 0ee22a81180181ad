"""`REGRESS`: which numbers an image shows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from edge_agent.tasks.regress.spec import RegressSpec
from pipeline.data_recipe import DataKind
from pipeline.recipe import Arch, Recipe
from pipeline.tasks.job import Job
from pipeline.tasks.regress.recipe import ValuesRecipe
from pipeline.tasks.task import HostTask

if TYPE_CHECKING:
    from pipeline.evaluation.evaluation import Judge
    from pipeline.tasks.run_task import RunTask

DRAWN = "gauges"


def _check(recipe: Recipe) -> None:
    """A drawn gauge has one needle."""
    values = recipe.table(ValuesRecipe)
    if recipe.data.kind == DRAWN and values is not None and len(values.quantities) > 1:
        raise ValueError(
            f"values.quantities: expected one with kind {DRAWN!r}, found {len(values.quantities)}"
        )


def _open(job: Job) -> "RunTask":
    from pipeline.tasks.regress.run_task import ValueRunTask

    values = job.recipe.table(ValuesRecipe)
    assert values is not None, "a recipe of numbers has the table"
    return ValueRunTask(job, values)


def _judge() -> "Judge":
    from pipeline.tasks.regress.judge import JUDGE

    return JUDGE


def _lacks(ours: RegressSpec, theirs: RegressSpec, _: Sequence[str]) -> tuple[str, list[str]]:
    """The quantities that a newer bundle has no more, or in another unit or range."""
    return "quantity", [each.name for each in theirs.quantities if each not in ours.quantities]


REGRESS = HostTask(
    name="regress",
    labels="numbers",
    kinds=(DataKind(DRAWN), DataKind("value-folder", path="needed")),
    arches=get_args(Arch),
    tables={"values": ValuesRecipe},
    keys=frozenset(
        {"model.blocks", "budget.max_error", "budget.max_rise", "budget.max_quantization_rise"}
    ),
    judge=_judge,
    lacks=_lacks,
    check=_check,
    open=_open,
)
