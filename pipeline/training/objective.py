"""`TrainingData` and `Objective`: what a training learns from, and minimises."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from torch import Tensor

from pipeline.common.distributed import Ranks
from pipeline.models import ModelSpec
from pipeline.recipe import TrainRecipe
from pipeline.training.feed import Feed

Loss: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(network input (B, C, H, W), answers (B, ...), labels (B, ...)) to a scalar to minimise."""


@dataclass(frozen=True, eq=False)
class Objective:
    """What one training minimises, and over what.

    Args:
        feed: the batches, and the measure at the end of an epoch.
        loss: how far answers are from the labels, as the recipe weighs and smooths them.
        plain_loss: the same as it is, by which pruning judges what a channel is worth.
    """

    feed: Feed
    loss: Loss
    plain_loss: Loss


class TrainingData(Protocol):
    """Labelled pictures to train with and to measure on; every task has its own."""

    def objective(self, spec: ModelSpec, recipe: TrainRecipe, ranks: Ranks) -> Objective:
        """What the network of `spec` minimises when it is trained as `recipe` says.

        Raises:
            DataError: the pictures, their labels or the recipe do not fit the network.
        """
