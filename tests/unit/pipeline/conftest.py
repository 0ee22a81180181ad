"""Fixtures of the training tests: real digits, a small network, and nothing slow."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from edge_agent.bundle.manifest import InputSpec
from pipeline.checkpoint import Checkpoint, fresh
from pipeline.data.fitted import Fitted
from pipeline.models import ModelSpec
from pipeline.models.spec import Arch
from pipeline.recipe import TrainRecipe
from pipeline.train import train

DIGITS_INPUT = InputSpec(height=16, width=16, colour="gray", mean=(0.3,), std=(0.35,))


@pytest.fixture(scope="session")
def digit_splits() -> tuple[Fitted, Fitted]:
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
    digit_splits: tuple[Fitted, Fitted], digit_network: Callable[..., Checkpoint]
) -> Checkpoint:
    """A ResNet-8 that has learnt the digits in a few epochs."""
    recipe = TrainRecipe(epochs=5, batch_size=64, ema=0.98)
    return train(digit_network(), *digit_splits, recipe, seed=0)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread: tests of reproducibility must not depend on the machine's cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
