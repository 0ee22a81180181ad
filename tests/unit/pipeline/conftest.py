"""Fixtures of the host's tests: real digits, small networks, one small finished run."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from support.progress import RecordedProgress

from edge_agent.bundle.manifest import InputSpec
from pipeline.checkpoints.checkpoint import Checkpoint, fresh
from pipeline.common.progress import Silent
from pipeline.data.classes import FittedClasses
from pipeline.data.fitted import Fitted
from pipeline.models import ModelSpec
from pipeline.recipe import Arch, TrainRecipe
from pipeline.run.build import build
from pipeline.run.run import Run
from pipeline.tasks.classify.training import ClassExamples
from pipeline.training.train import train

DIGITS_INPUT = InputSpec(height=16, width=16, colour="gray", mean=(0.3,), std=(0.35,))


@pytest.fixture(scope="session")
def digit_splits() -> tuple[FittedClasses, FittedClasses]:
    """1,200 training and 300 validation digits at 16x16, each pixel doubled."""
    digits = load_digits()
    pixels = (digits.images * 255 / 16).round().astype(np.uint8)
    pixels = pixels.repeat(2, axis=1).repeat(2, axis=2)[..., np.newaxis]
    labels = digits.target.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(labels))
    first, second = order[:1200], order[1200:1500]
    return Fitted(pixels[first], labels[first]), Fitted(pixels[second], labels[second])


@pytest.fixture(scope="session")
def digit_network() -> Callable[..., Checkpoint]:
    """Makes an untrained network for the digits: `digit_network(arch, width, seed)`."""

    def make(arch: Arch = "resnet8", width: float = 1.0, seed: int = 0) -> Checkpoint:
        return fresh(ModelSpec(arch=arch, classes=10, input=DIGITS_INPUT, width=width), seed)

    return make


@pytest.fixture(scope="session")
def trained_digits(
    digit_splits: tuple[FittedClasses, FittedClasses], digit_network: Callable[..., Checkpoint]
) -> Checkpoint:
    """A ResNet-8 that has learnt the digits in a few epochs."""
    recipe = TrainRecipe(epochs=5, batch_size=64, ema=0.98)
    return train(digit_network(), ClassExamples(*digit_splits), recipe, seed=0)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread: tests of reproducibility must not depend on the machine's cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


TINY_RECIPE = """\
name = "tiny"
seed = 1
data = { kind = "digits", val = 0.1, test = 0.1, calibration = 32, train_limit = 800 }
input = { height = 8, width = 8, colour = "gray", mean = [0.5], std = [0.5] }
model = { arch = "vgg_tiny" }
train = { epochs = 3, batch_size = 32, ema = 0.9 }
prune = { macs = 0.6, train = { epochs = 2, batch_size = 32, lr = 0.05, ema = 0.9 } }
"""


@pytest.fixture(name="open_tiny")
def _open_tiny() -> Callable[..., Run]:
    """Opens a run folder with the tiny recipe, some keys changed, added, or left out ("")."""

    def make(folder: Path, **changes: str) -> Run:
        lines = [line for line in TINY_RECIPE.splitlines() if line.split(" ")[0] not in changes]
        lines += [f"{key} = {value}" for key, value in changes.items() if value]
        text = "".join(f"{line}\n" for line in lines)
        return Run(folder, text.encode(), folder / "tiny.toml", None, RecordedProgress())

    return make


@pytest.fixture(name="built", scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny recipe, for looking at; `built_copy` is for changing."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    run = Run(folder, TINY_RECIPE.encode(), folder / "tiny.toml", None, Silent())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    build(run)
    torch.set_num_threads(threads)
    return folder


@pytest.fixture(name="built_copy")
def _built_copy(built: Path, tmp_path: Path) -> Path:
    """A finished run of one's own."""
    return Path(shutil.copytree(built, tmp_path / "tiny"))
