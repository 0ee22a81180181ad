"""What networks can be built for: the only list of the host's tasks, one entry each."""

from pipeline.recipe import Recipe
from pipeline.tasks.classify.task import CLASSIFY
from pipeline.tasks.ocr.task import OCR
from pipeline.tasks.regress.task import REGRESS
from pipeline.tasks.task import HostTask, Labeller

TASKS: tuple[HostTask, ...] = (CLASSIFY, OCR, REGRESS)


def task_of(recipe: Recipe) -> HostTask:
    """The task that `recipe` is about, by its kind of data.

    Raises:
        StopIteration: no task reads such data; where a recipe is decoded that is refused before.
    """
    kind = recipe.data.kind
    return next(task for task in TASKS if kind in {one.name for one in task.kinds})


def task_named(name: str) -> HostTask:
    """The task called `name`, as a bundle's spec is tagged."""
    return next(task for task in TASKS if task.name == name)


def labeller() -> Labeller:
    """What labels the crops that agents keep: of the first task that has any."""
    return next(task.labeller() for task in TASKS if task.labeller is not None)
