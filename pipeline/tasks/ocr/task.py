"""`OCR`: what a line of text says."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from edge_agent.tasks.ocr.spec import TextSpec
from pipeline.data_recipe import DataKind
from pipeline.recipe import Recipe, TextArch
from pipeline.tasks.job import Job
from pipeline.tasks.ocr.recipe import TextRecipe
from pipeline.tasks.task import HostTask, Labeller

if TYPE_CHECKING:
    from pipeline.evaluation.evaluation import Judge
    from pipeline.tasks.run_task import RunTask

DRAWN = "text-drawn"


def _check(recipe: Recipe) -> None:
    """Pictures that are drawn need something to draw."""
    text = recipe.table(TextRecipe)
    if recipe.data.kind == DRAWN and (text is None or text.synthetic is None):
        raise ValueError(f"text.synthetic: expected with kind {DRAWN!r}, found none")


def _open(job: Job) -> "RunTask":
    from pipeline.tasks.ocr.run_task import TextRunTask

    text = job.recipe.table(TextRecipe)
    assert text is not None, "a recipe of texts has the table"
    return TextRunTask(job, text)


def _labeller() -> Labeller:
    from pipeline.tasks.ocr.label.command import label

    return label


def _judge() -> "Judge":
    from pipeline.tasks.ocr.judge import JUDGE

    return JUDGE


def _lacks(ours: TextSpec, _theirs: TextSpec, answers: Sequence[str]) -> tuple[str, list[str]]:
    found = {character for answer in answers for character in answer}
    return "character", sorted(found - set(ours.charset))


OCR = HostTask(
    name="ocr",
    labels="texts",
    kinds=(
        DataKind("text-folder", path="needed"),
        DataKind("text-sets", path="beside"),
        DataKind(DRAWN, path="beside"),
    ),
    arches=get_args(TextArch),
    own_networks=False,
    tables={"text": TextRecipe},
    keys=frozenset(
        {
            *("output.max_error", "output.min_confidence", "verify.crops"),
            *("budget.min_accuracy", "budget.max_drop", "budget.max_quantization_drop"),
        }
    ),
    check=_check,
    open=_open,
    judge=_judge,
    labeller=_labeller,
    lacks=_lacks,
)
