"""Data-parallel training: two real processes under torchrun, talking gloo."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.checkpoints.checkpoint import Checkpoint, save_checkpoint
from pipeline.common.distributed import Ranks, join_ranks
from pipeline.data.classes import FittedClasses

CHILD = """
import hashlib, json, sys
from pathlib import Path
import numpy as np
from pipeline.checkpoints.checkpoint import load_checkpoint
from pipeline.data.fitted import Fitted
from pipeline.common.distributed import join_ranks
from pipeline.common.progress import Lines
from pipeline.recipe import TrainRecipe
from pipeline.tasks.classify.training import ClassExamples
from pipeline.training.train import train
folder = Path(sys.argv[1])
data = np.load(folder / "data.npz")
train_split = Fitted(data["pixels"][:800], data["labels"][:800])
val = Fitted(data["pixels"][800:], data["labels"][800:])
start = load_checkpoint(folder / "start")
digests, accuracies = [], []
rank = join_ranks().rank
for epochs in (4, 1):  # a second training in the same group, as pruning does
    how = "none" if epochs == 4 else "sampling"
    recipe = TrainRecipe(epochs=epochs, batch_size=64, ema=0.9, balance=how, keep="best")
    with (folder / f"said-{rank}").open("a") as stream:
        start = train(start, ClassExamples(train_split, val), recipe, seed=4,
            resume_folder=folder / f"resume-{rank}", progress=Lines(stream))
    digest = hashlib.sha256()
    for value in start.module.state_dict().values():
        digest.update(value.numpy().tobytes())
    digests.append(digest.hexdigest())
    accuracies.append(start.history[-1].val_accuracy)
report = {"digests": digests, "accuracies": accuracies}
(folder / f"rank-{rank}.json").write_text(json.dumps(report))
"""


def test_two_processes_train_one_network(
    digit_network: Callable[..., Checkpoint],
    digit_splits: tuple[FittedClasses, FittedClasses],
    tmp_path: Path,
) -> None:
    """Both ranks end with the same weights, which read digits; only the first one reports."""
    images, _ = digit_splits
    save_checkpoint(digit_network(), tmp_path / "start")
    np.savez(tmp_path / "data.npz", pixels=images.pixels[:1000], labels=images.labels[:1000])
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OMP_NUM_THREADS": "1",
    }
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    ran = subprocess.run(
        [*torchrun, "--nproc_per_node=2", str(script), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    first, second = (json.loads((tmp_path / f"rank-{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    assert len(set(first["digests"])) == 2
    assert first["accuracies"][0] > 0.85
    assert (tmp_path / "said-0").read_text().count("\n") == 5 + 2
    assert (tmp_path / "said-1").read_text() == ""
    assert (tmp_path / "resume-0").exists()
    assert not (tmp_path / "resume-1").exists()


def test_alone_nothing_is_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without torchrun there is one rank, which writes, and modules and sums are its own."""
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    ranks = join_ranks()
    module = nn.BatchNorm2d(2)
    assert ranks == Ranks(0, 1)
    assert ranks.first
    assert ranks.parallel(module) is module
    assert ranks.total(torch.tensor([3.0])).tolist() == [3.0]
    ranks.agree(module)
    ranks.wait()
    assert module.running_var is not None
    assert module.running_var.tolist() == [1.0, 1.0]
