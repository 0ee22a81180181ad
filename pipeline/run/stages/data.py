"""The first stage: load the data set, split it, and record which image went where."""

from pathlib import Path

from pipeline.measure.test_size import check_test_size
from pipeline.run.run import Run, Stage


def _inputs(run: Run) -> object:
    return {"data": run.dataset.sha256, **run.task.data_identity()}


def check_test_images(run: Run) -> None:
    """Raise `DataError` unless the test images suffice for what the budget demands."""
    truth, test = run.task.truth("test"), run.dataset.test
    check_test_size(run.dataset.name, len(test), truth.class_counts(), run.recipe.budget)


def _make(run: Run, work: Path) -> None:
    run.task.record(work)


DATA = Stage("data", _inputs, _make)
