"""A run folder of another build: what a stage left there is refused with the command to redo it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.common.errors import RunError
from pipeline.common.progress import Silent
from pipeline.run.run import Run
from pipeline.run.stages.quantize import LADDER_FILE, load_ladder
from pipeline.run.stages.report import RUNGS_FILE, load_rungs
from pipeline.run.stages.verify import (
    FAILED_FOLDER,
    PROOF_FILE,
    load_failed_proof,
    load_proof,
)

RECIPE = b"""
name = "tiny"
data = { kind = "digits" }
input = { height = 8, width = 8, colour = "gray", mean = [0.5], std = [0.5] }
model = { arch = "resnet8" }
train = { epochs = 1 }
"""
# As accuracies were written before scores named their metric.
OF_THEN = b'{"float_accuracy": {"value": 0.9, "low": 0.8, "high": 0.95, "samples": 100}}'


@pytest.mark.parametrize(
    ("folder", "name", "load", "command"),
    [
        ("quantize", LADDER_FILE, load_ladder, "quantize"),
        ("verify", PROOF_FILE, load_proof, "verify"),
        (FAILED_FOLDER, PROOF_FILE, load_failed_proof, "verify"),
        ("report", RUNGS_FILE, load_rungs, "report"),
    ],
)
@pytest.mark.parametrize("content", [OF_THEN, b"\xff", b'{"a": "\xff"}'])
def test_a_result_that_cannot_be_read_names_the_command_to_redo_it(
    folder: str,
    name: str,
    load: Callable[[Run], object],
    command: str,
    content: bytes,
    tmp_path: Path,
) -> None:
    """Fields of then, or no JSON at all: an error for people, not one of a decoder."""
    run = Run(tmp_path / "run", RECIPE, tmp_path / "tiny.toml", None, Silent())
    run.path(folder).mkdir(parents=True)
    (run.path(folder) / name).write_bytes(content)
    with pytest.raises(RunError, match=f"{name}: expected a result of this version") as refused:
        load(run)
    assert str(refused.value).endswith(f"; run: edgeward {command} {run.folder}")
