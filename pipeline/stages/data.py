"""The first stage: load the data set, split it, and record which image went where."""

from pathlib import Path

from pipeline.run import Run, Stage


def _inputs(run: Run) -> object:
    inputs: dict[str, object] = {"data": run.dataset.sha256}
    if run.recipe.text is not None:
        # What is drawn with the system's fonts goes on with those that it began with.
        synthetic = run.recipe.text.synthetic
        inputs["fonts"] = None if synthetic is None else (synthetic.fonts, run.recipe.text.case)
    return inputs


def _make(run: Run, work: Path) -> None:
    run.task.record(work)


DATA = Stage("data", _inputs, _make)
