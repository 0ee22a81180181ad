"""The training loop against a bare PyTorch loop: same network, images, batches and optimiser.

Our side is `pipeline.training.train.train` as recipes use it: seeded order, uint8 pixels cut into
batches and normalised, schedule, moving average, finite-loss check, validation and the
resume file. The bare side is what one would type: a shuffled order, the images already
normalised floats in memory, forward, backward, step, and the same validation at the end.
Both run in channels_last without augmentation, which is the recipe's choice and would
cost the same on either side. Rounds alternate, so that what else the machine does
meets both. The ratio is of the two fastest rounds, which it disturbed least; that of
the sums is printed beside it.

    python benchmarks/training_loop.py [--arch resnet8] [--images 2560] [--rounds 10]
"""

import argparse
import copy
import tempfile
import time
from pathlib import Path
from typing import get_args

import numpy as np
import torch
import torch.nn.functional as F
from daemon.figures import Figure
from record.results import record
from torch import nn

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import normalise
from pipeline.checkpoints.checkpoint import Checkpoint, fresh
from pipeline.data.classes import FittedClasses
from pipeline.data.fitted import Fitted
from pipeline.models import ModelSpec
from pipeline.recipe import Arch, TrainRecipe
from pipeline.tasks.classify.training import ClassExamples
from pipeline.training.train import train

INPUT = InputSpec(height=28, width=28, colour="gray", mean=(0.286,), std=(0.353,))
BATCH = 128
RATIO = 1.10


def noise(count: int, seed: int) -> FittedClasses:
    """Images of noise: what they show does not change the time they take."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (count, *INPUT.shape[1:]), np.uint8)
    return Fitted(pixels, rng.integers(0, 10, count))


def ours(start: Checkpoint, images: FittedClasses, val: FittedClasses) -> float:
    """Seconds one epoch takes with `train`."""
    recipe = TrainRecipe(epochs=1, batch_size=BATCH)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        train(start, ClassExamples(images, val), recipe, seed=0, resume_folder=Path(folder))
        return time.perf_counter() - begun


def _channels_last(net: nn.Module) -> nn.Module:
    for parameter in net.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return net


def bare(start: Checkpoint, images: FittedClasses, val: FittedClasses) -> float:
    """Seconds one epoch takes with a loop of eight lines."""
    inputs, val_inputs = (_floats(split) for split in (images, val))
    labels, val_labels = (torch.from_numpy(split.labels) for split in (images, val))
    begun = time.perf_counter()
    net = _channels_last(copy.deepcopy(start.module).train())
    optimizer = torch.optim.SGD(
        net.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    order = torch.randperm(len(labels))
    for chosen in order[: len(order) // BATCH * BATCH].split(BATCH):
        loss = F.cross_entropy(net(inputs[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    _measure(net.eval(), val_inputs, val_labels)
    return time.perf_counter() - begun


def _floats(split: FittedClasses) -> torch.Tensor:
    return torch.from_numpy(normalise(split.pixels, INPUT)).permute(0, 3, 1, 2)


@torch.no_grad()
def _measure(net: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> float:
    right = sum(
        int((net(x).argmax(1) == y).sum())
        for x, y in zip(inputs.split(500), labels.split(500), strict=True)
    )
    return right / len(labels)


def main() -> None:
    """Print the seconds of each round, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", choices=get_args(Arch), default="resnet8")
    parser.add_argument("--images", type=int, default=2560)
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    images, val = noise(args.images, 0), noise(args.images // 10, 1)
    start = fresh(ModelSpec(arch=args.arch, classes=10, input=INPUT), seed=0)
    few = noise(2 * BATCH, 2)
    ours(start, few, few), bare(start, few, few)  # what only the first call costs
    rounds: list[tuple[float, float]] = []
    for number in range(args.rounds):
        rounds.append((ours(start, images, val), bare(start, images, val)))
        print(f"round {number + 1}: ours {rounds[-1][0]:.2f} s, bare {rounds[-1][1]:.2f} s")
    sums = [sum(side) for side in zip(*rounds, strict=True)]
    best = [min(side) for side in zip(*rounds, strict=True)]
    print(
        f"{args.arch}, {args.images} images of 28x28x1, batch {BATCH}, "
        f"{torch.get_num_threads()} threads: ours {best[0]:.2f} s, bare {best[1]:.2f} s, "
        f"ratio {best[0] / best[1]:.3f} (of the sums {sums[0] / sums[1]:.3f})"
    )
    name = f"our training loop over a bare PyTorch loop, {args.arch}"
    beside = f"{best[0]:.2f} of {best[1]:.2f} s; of the sums {sums[0] / sums[1]:.3f}"
    record(
        "training_loop",
        [Figure(name, round(best[0] / best[1], 3), at_most=RATIO, beside=beside)],
    )


if __name__ == "__main__":
    main()
