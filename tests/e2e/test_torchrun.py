"""A build under torchrun: two processes train together and leave one run."""

import os
import subprocess
import sys
from pathlib import Path

from pipeline.checkpoints.checkpoint import load_checkpoint

ROOT = Path(__file__).parents[2]
RECIPE = """
name = "pair"
data = { kind = "digits", calibration = 32 }
input = { height = 8, width = 8, colour = "gray", mean = [0.5], std = [0.5] }
model = { arch = "vgg_tiny" }
train = { epochs = 2, ema = 0.9 }
prune = { macs = 0.6, train = { epochs = 1, ema = 0.9 } }
[quantize]
calibration = "percentile"
percentile = 60
aim = 0
remedies = ["finetune"]
finetune = { epochs = 1, ema = 0.9, lr = 0.001 }
[budget]
min_class_recall = 0
"""


def test_two_processes_build_one_run(tmp_path: Path) -> None:
    """Both train and prune, one fine-tunes; every result is written once, and whole."""
    recipe = tmp_path / "pair.toml"
    recipe.write_text(RECIPE)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = ["--nproc_per_node=2", "-m", "pipeline.cli", "build", str(recipe)]
    done = subprocess.run(
        [*launcher, *command, "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=900,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    # Only the first process reports.
    assert done.stderr.count("report: done in") == 1
    assert done.stderr.count("quantize: fine-tuned: ") == 1
    assert len(load_checkpoint(tmp_path / "run" / "prune").history) == 1
    assert (tmp_path / "run" / "verify" / "pair.edgeward").is_file()
    assert not list((tmp_path / "run" / ".work").iterdir())
