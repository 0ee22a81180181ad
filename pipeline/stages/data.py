"""The first stage: load the data set, split it, and record which image went where."""

from pathlib import Path

from pipeline.data.split import record
from pipeline.run import Run, Stage

SPLIT_FILE = "split.json"


def _inputs(run: Run) -> object:
    return {"data": run.dataset.sha256}


def _make(run: Run, work: Path) -> None:
    record(run.dataset, work / SPLIT_FILE)


DATA = Stage("data", _inputs, _make)
