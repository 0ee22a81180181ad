"""`edgeward` and `edgeward-agent` as a user runs them: processes, files, statuses."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import numpy as np

from pipeline.run.run import RECORD_FILE, WORK_FOLDER, StageRecord

# A whole build in seconds; what it learns does not matter.
TINY = """
name = "tiny"
seed = 1
[data]
kind = "digits"
val = 0.1
test = 0.1
calibration = 32
train_limit = 300
[input]
height = 8
width = 8
colour = "gray"
mean = [0.5]
std = [0.5]
[model]
arch = "resnet8"
[train]
epochs = 2
batch_size = 64
ema = 0.9
[prune]
macs = 0.7
[prune.train]
epochs = 1
batch_size = 64
lr = 0.05
ema = 0.9
[budget]
min_class_recall = 0
"""

HOST = (sys.executable, "-m", "pipeline.cli")
DEVICE = (sys.executable, "-m", "edge_agent.cli")
# A command that has not ended by then never does, however busy the machine is.
HANGS_S = 900
# One thread: the same sums in the same order, whatever else the machine does.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}


def edgeward(
    *arguments: object, cwd: Path | None = None, before: Callable[[], None] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run `edgeward` to its end; `before` runs in the new process."""
    return _run(HOST, arguments, cwd, before)


def edgeward_agent(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run `edgeward-agent` to its end."""
    return _run(DEVICE, arguments, None, None)


def _run(
    program: tuple[str, ...],
    arguments: tuple[object, ...],
    cwd: Path | None,
    before: Callable[[], None] | None,
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*program, *map(str, arguments)],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        preexec_fn=before,
    )


def begin(*arguments: object, log: Path) -> "subprocess.Popen[bytes]":
    """Start `edgeward`, what it says on stderr going to `log`."""
    with log.open("wb") as stream:
        return subprocess.Popen(
            [*HOST, *map(str, arguments)],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=stream,
        )


def the_error(done: "subprocess.CompletedProcess[str]") -> str:
    """The one error line of a command that failed, without the program's name."""
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("edgeward")]
    assert lines == done.stderr.splitlines()[-1:], done.stderr
    return lines[0].partition(": ")[2]


def snapshot(folder: Path) -> dict[str, str]:
    """Every file below `folder` with its hash, every folder with none."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        )
        for path in sorted(folder.rglob("*"))
    }


def assert_nothing_half_written(run: Path) -> None:
    """Every stage in `run` is finished and whole, and nothing of a failed one is left."""
    if not run.exists():
        return
    files = snapshot(run)
    assert not [name for name in files if name.endswith(".part") or name.startswith(".work/")]
    for stage in run.iterdir():
        if not stage.is_dir() or stage.name.startswith("."):
            continue
        if stage.name == "verify.failed":  # of no stage: what a refused candidate is shown by
            assert set(snapshot(stage)) == {
                "proof.json",
                "report.html",
                "rungs.json",
                "scores.npz",
            }
            continue
        record = msgspec.json.decode((stage / RECORD_FILE).read_bytes(), type=StageRecord)
        found = {
            name: digest
            for name, digest in snapshot(stage).items()
            if digest and Path(name).name != RECORD_FILE
        }
        assert found == record.outputs
    assert WORK_FOLDER == ".work"


def write_pictures(folder: Path, counts: dict[str, int]) -> None:
    """Noise of 16x12 in a sub-folder per class: darker in one than in the next."""
    rng = np.random.default_rng(0)
    for place, (label, count) in enumerate(counts.items()):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            noise = rng.integers(0, 100, (12, 16, 3), np.uint8) + 100 * place
            cv2.imwrite(str(folder / label / f"{number:02d}.png"), noise.astype(np.uint8))
