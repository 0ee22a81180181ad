"""Uneven classes: what each image's loss counts, or how often each class is shown."""

import torch
from torch import Tensor

from pipeline.training.draws import generator


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """(classes,) float32: what the loss of an image of each class counts, ``N / (K n_k)``.

    Every class then weighs the same in the sum over all images, whose mean weight is 1: the
    learning rate keeps its meaning. A class without an image counts nothing.

    Args:
        labels: (N,) int64.
        classes: how many classes the network answers.
    """
    counts = labels.bincount(minlength=classes).float()
    present = counts > 0
    weights = len(labels) / (present.sum() * counts.clamp(min=1))
    return weights * present


def balanced_order(labels: Tensor, seed: int, epoch: int) -> Tensor:
    """(N,) places in (N,) `labels` for one epoch, every class as often, give or take one.

    An image of a class is not shown a second time before all the others of it were shown. The
    order depends on (seed, epoch) alone, so a resumed epoch and every rank draw the same.
    """
    draws = generator(seed, "balanced", epoch)
    present = labels.unique()
    shares, left = divmod(len(labels), len(present))
    shown = []
    for turn, label in enumerate(present[torch.randperm(len(present), generator=draws)]):
        places = (labels == label).nonzero().flatten()
        count = shares + (turn < left)
        rounds = [
            places[torch.randperm(len(places), generator=draws)]
            for _ in range(-(-count // len(places)))
        ]
        shown.append(torch.cat(rounds)[:count])
    return torch.cat(shown)[torch.randperm(len(labels), generator=draws)]
