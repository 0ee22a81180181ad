"""What networks can be built for: the only list of the host's tasks, one entry each."""

from pipeline.recipe import Recipe
from pipeline.tasks.classify.task import CLASSIFY
from pipeline.tasks.ocr.task import OCR
from pipeline.tasks.task import HostTask

TASKS: tuple[HostTask, ...] = (CLASSIFY, OCR)


def task_of(recipe: Recipe) -> HostTask:
    """The task that `recipe` is about, by its kind of data."""
    return OCR if recipe.data.texts else CLASSIFY
