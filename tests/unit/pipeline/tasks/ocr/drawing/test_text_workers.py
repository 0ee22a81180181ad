"""Pictures made ahead: by processes of their own they are the same, and in the same order."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_agent.bundle.manifest import InputSpec
from pipeline.common.errors import TrainError
from pipeline.tasks.ocr.drawing.render import Synthetic
from pipeline.tasks.ocr.drawing.workers import PicturePool

SPEC = InputSpec(height=32, width=64, colour="rgb", mean=(0.5,) * 3, std=(0.25,) * 3)
NUMBERS = [range(0, 3), range(3, 5), range(5, 9), range(9, 10), range(10, 13), range(13, 14)]


def test_processes_make_the_same_pictures(synthetic: Callable[..., Synthetic]) -> None:
    """One other process and none give equal batches in equal order, at the network's size."""
    with PicturePool(synthetic(), SPEC, workers=1) as other:
        made = list(other.batches(NUMBERS))
    here = list(PicturePool(synthetic(), SPEC).batches(NUMBERS))
    assert [len(batch.texts) for batch in made] == [3, 2, 4, 1, 3, 1]
    for a, b in zip(made, here, strict=True):
        assert a.texts == b.texts
        assert a.pixels.shape == (len(a.texts), 32, 64, 3)
        np.testing.assert_array_equal(a.pixels, b.pixels)


def test_a_dead_process_is_one_error(synthetic: Callable[..., Synthetic]) -> None:
    """Killed, it does not leave the training waiting for ever."""
    with PicturePool(synthetic(), SPEC, workers=1) as pool:
        batches = pool.batches([[n] for n in range(1000)])
        next(batches)
        assert pool._pool is not None
        for process in list(pool._pool._processes):
            os.kill(process, signal.SIGKILL)
        with pytest.raises(TrainError, match=r"^synthetic: expected the processes that make"):
            list(batches)


def test_a_batch_left_behind_leaves_nothing_running(synthetic: Callable[..., Synthetic]) -> None:
    """Whoever stops after one batch can close the pool at once."""
    with PicturePool(synthetic(), SPEC) as pool:
        assert len(next(pool.batches(NUMBERS)).texts) == 3


KILLED = """
import os, signal, sys
from pathlib import Path
from pipeline.tasks.ocr.charset import Charset
from pipeline.tasks.ocr.drawing.fonts import find_fonts
from pipeline.tasks.ocr.drawing.render import Synthetic
from pipeline.tasks.ocr.drawing.workers import PicturePool
from edge_agent.bundle.manifest import InputSpec

if __name__ == "__main__":
    fonts = find_fonts("0123456789", Path(sys.argv[1]))
    synthetic = Synthetic(
        kind="wheels", charset=Charset("0123456789"), fonts=fonts, steps=16, seed=1
    )
    spec = InputSpec(height=32, width=64, colour="gray", mean=(0.5,), std=(0.25,))
    with PicturePool(synthetic, spec, workers=1) as pool:
        next(pool.batches([[0]]))
        print(*pool._pool._processes, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_training_leaves_no_process_behind(font_folder: Path, tmp_path: Path) -> None:
    """Its processes end by themselves; nobody is left to close them."""
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    done = subprocess.run(
        [sys.executable, str(script), str(font_folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    process = Path("/proc") / done.stdout.strip()
    give_up = time.monotonic() + 60
    while process.exists() and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not process.exists()
