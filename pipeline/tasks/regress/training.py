"""`ValueExamples`: images and the shares of the ranges that they show, as a training takes them."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge_agent.common.arrays import F32
from pipeline.common.distributed import Ranks
from pipeline.data.fitted import Fitted
from pipeline.models import ModelSpec
from pipeline.recipe import TrainRecipe
from pipeline.training.batches import EpochPlan, Images, plain_batches
from pipeline.training.feed import EpochMeasure, ImageFeed, pick_device
from pipeline.training.objective import Objective

VAL_BATCH = 500
# Errors above this share of the range count by their size, smaller ones by its square.
BETA = 0.05


@dataclass(frozen=True, eq=False)
class ValueExamples:
    """See `TrainingData`.

    Args:
        train: the images to learn from; their labels (N, R) float32 are shares of the ranges.
        val: those that each epoch is measured on.
        unit: what the mean error of a share is said in: the range, of one quantity.
    """

    train: Fitted[F32]
    val: Fitted[F32]
    unit: float

    def objective(self, spec: ModelSpec, recipe: TrainRecipe, ranks: Ranks) -> Objective:
        """See `TrainingData`.

        Raises:
            DataError: a split does not fit the network, or there are too few images.
        """
        device = pick_device()
        images = Images.of(self.train, spec, device, "train")
        feed = ImageFeed(
            train=images,
            val=Images.of(self.val, spec, device, "val"),
            plan=EpochPlan.of(len(images), recipe.batch_size, ranks),
            augment=recipe.augment,
            measured=self.measure,
        )
        return Objective(feed, huber, huber, values_apart)

    def measure(self, module: nn.Module, val: Images, ranks: Ranks) -> EpochMeasure:
        """The loss, and the mean absolute error of all quantities."""
        sums = torch.zeros(2, dtype=torch.float64, device=val.device)
        for inputs, labels in plain_batches(val, VAL_BATCH, ranks):
            answers = module(inputs)
            sums[0] += F.smooth_l1_loss(answers, labels, beta=BETA, reduction="sum") / BETA
            sums[1] += (answers.clamp(0, 1) - labels).abs().sum()
        loss, error = (ranks.total(sums) / val.labels.numel()).tolist()
        return EpochMeasure(loss=loss, error=error * self.unit)


def huber(_inputs: Tensor, answers: Tensor, labels: Tensor) -> Tensor:
    """Huber's loss of (B, R) shares, over `BETA`: large errors count no more than their size."""
    return F.smooth_l1_loss(answers, labels, beta=BETA) / BETA


def values_apart(answers: Tensor, wanted: Tensor, weight: float, _temperature: float) -> Tensor:
    """The same loss between two networks' answers; numbers have no temperature."""
    return weight * F.smooth_l1_loss(answers, wanted, beta=BETA) / BETA
