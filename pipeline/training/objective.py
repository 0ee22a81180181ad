"""`TrainingData` and `Objective`: what a training learns from, and minimises."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch.nn.functional as F
from torch import Tensor

from pipeline.common.distributed import Ranks
from pipeline.models import ModelSpec
from pipeline.recipe import TrainRecipe
from pipeline.training.feed import Feed

Loss: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(network input (B, C, H, W), answers (B, ...), labels (B, ...)) to a scalar to minimise."""

Apart: TypeAlias = Callable[[Tensor, Tensor, float, float], Tensor]
"""(answers, those of a teacher, weight, temperature) to the weighted scalar to minimise."""


@dataclass(frozen=True, eq=False)
class Objective:
    """What one training minimises, and over what.

    Args:
        feed: the batches, and the measure at the end of an epoch.
        loss: how far answers are from the labels, as the recipe weighs and smooths them.
        plain_loss: the same as it is, by which pruning judges what a channel is worth.
        apart: how far a network's answers are from another one's, of the same inputs.
    """

    feed: Feed
    loss: Loss
    plain_loss: Loss
    apart: Apart


class TrainingData(Protocol):
    """Labelled pictures to train with and to measure on; every task has its own."""

    def objective(self, spec: ModelSpec, recipe: TrainRecipe, ranks: Ranks) -> Objective:
        """What the network of `spec` minimises when it is trained as `recipe` says.

        Raises:
            DataError: the pictures, their labels or the recipe do not fit the network.
        """


def scores_apart(answers: Tensor, wanted: Tensor, weight: float, temperature: float) -> Tensor:
    """``weight * T^2 * KL(teacher || student)`` of the softmax of scores (B, ..., K) over T.

    T^2 keeps the size of the gradients when T changes (Hinton et al. 2015, section 2.1).
    """
    # One row per image, or per time step of one.
    rows, found = wanted.flatten(0, -2), answers.flatten(0, -2)
    target = F.log_softmax(rows / temperature, dim=1)
    apart = F.kl_div(
        F.log_softmax(found / temperature, dim=1), target, reduction="batchmean", log_target=True
    )
    return weight * temperature**2 * apart
