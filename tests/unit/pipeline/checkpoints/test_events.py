"""Epochs for TensorBoard: read back by TensorBoard's own reader, where it is installed."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.checkpoints.events import VARIABLE, check_events, write_events
from pipeline.checkpoints.history import EpochRecord
from pipeline.common.errors import RunError

ROOT = Path(__file__).parents[4]
# `make test` installs it there, beside the host's environment.
BESIDE = ROOT / ".venv-tensorboard"

WRITE_AND_READ = """
import json, sys
from pathlib import Path
from pipeline.checkpoints.events import write_events
from pipeline.checkpoints.history import EpochRecord

history_file, first, last = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
history = [EpochRecord(n, 1 / n, 2 / n, n / 10, 0.1, 1.0) for n in range(1, last + 1)]
for count in range(first, last + 1):
    write_events(history_file, history[:count])

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

found = EventAccumulator(sys.argv[4])
found.Reload()
names = found.Tags()["scalars"]
print(json.dumps({name: [(e.step, e.value) for e in found.Scalars(name)] for name in names}))
"""


@pytest.fixture(name="environment")
def _environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that has the package; skips the test where it is nowhere."""
    if importlib.util.find_spec("tensorboard") is None and not (BESIDE / "tensorboard").is_dir():
        pytest.skip("needs the package tensorboard: make .venv-tensorboard/.installed")
    paths = f"{ROOT}{os.pathsep}{BESIDE}"
    return {**os.environ, "PYTHONPATH": paths, VARIABLE: str(tmp_path / "board")}


def read_back(
    environment: dict[str, str], tmp_path: Path, first: int, last: int
) -> dict[str, list[list[float]]]:
    """What the reader finds after epochs `first` to `last` were written by another process."""
    history_file = tmp_path / "digits" / ".work" / "train-0123456789abcdef" / "history.csv"
    place = tmp_path / "board" / "digits" / "train"
    done = subprocess.run(
        [sys.executable, "-c", WRITE_AND_READ, history_file, str(first), str(last), place],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[list[float]]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_tensorboard_reads_every_epoch_once(environment: dict[str, str], tmp_path: Path) -> None:
    """What was not measured has no curve, and a run that is gone on with repeats nothing."""
    found = read_back(environment, tmp_path, 1, 3)
    assert set(found) == {
        *("loss/training", "loss/validation", "validation/accuracy", "learning rate", "seconds"),
    }
    assert [step for step, _ in found["loss/training"]] == [1, 2, 3]
    assert [round(value, 6) for _, value in found["loss/validation"]] == [2.0, 1.0, 0.666667]
    # Killed after the third epoch, gone on with from the second on.
    again = read_back(environment, tmp_path, 2, 4)
    assert [step for step, _ in again["validation/accuracy"]] == [1, 2, 3, 4]


def test_nothing_is_written_unless_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is anything imported."""
    monkeypatch.delenv(VARIABLE, raising=False)
    write_events(tmp_path / "history.csv", [EpochRecord(1, 0.5, 0.5, 0.5, 0.1, 1.0)])
    check_events()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_told_before_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command that installs it; with the package there is nothing to tell."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(RunError, match=r"pip install 'edgeward\[tensorboard\]'"):
        check_events()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    check_events()
