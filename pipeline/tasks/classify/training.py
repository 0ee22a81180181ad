"""`ClassExamples`: images and the numbers of their classes, as a training takes them."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.common.distributed import Ranks
from pipeline.common.errors import DataError
from pipeline.data.base import ClassLabels
from pipeline.data.fitted import Fitted
from pipeline.models import ModelSpec
from pipeline.recipe import TrainRecipe
from pipeline.tasks.classify.balance import balanced_order
from pipeline.tasks.classify.loss import label_loss, smoothed_cross_entropy
from pipeline.training.batches import EpochPlan, Images, plain_batches
from pipeline.training.feed import EpochMeasure, ImageFeed, pick_device
from pipeline.training.objective import Objective, scores_apart
from pipeline.training.transfer.mix import Mix

VAL_BATCH = 500


@dataclass(frozen=True, eq=False)
class ClassExamples:
    """See `TrainingData`.

    Args:
        train: the images to learn from.
        val: those that each epoch is measured on.
    """

    train: Fitted[ClassLabels]
    val: Fitted[ClassLabels]

    def objective(self, spec: ModelSpec, recipe: TrainRecipe, ranks: Ranks) -> Objective:
        """See `TrainingData`.

        Raises:
            DataError: a split does not fit the network, or there are too few images.
        """
        return Objective(
            self.feed(spec, recipe, ranks),
            label_loss(recipe, self.train.labels, spec.classes),
            smoothed_cross_entropy(0.0),
            scores_apart,
        )

    def feed(self, spec: ModelSpec, recipe: TrainRecipe, ranks: Ranks) -> ImageFeed:
        """The batches, on a GPU if there is one; every class as often where that is asked for.

        Raises:
            DataError: see `objective`.
        """
        device = pick_device()
        images = _class_images(self.train, spec, device, "train")

        def balanced(seed: int, epoch: int) -> Tensor:
            return balanced_order(images.labels, seed, epoch)

        return ImageFeed(
            train=images,
            val=_class_images(self.val, spec, device, "val"),
            plan=EpochPlan.of(len(images), recipe.batch_size, ranks),
            augment=recipe.augment,
            measured=measure,
            order=balanced if recipe.balance == "sampling" else None,
            mix=Mix(recipe.mixup, recipe.cutmix, spec.classes)
            if recipe.mixup or recipe.cutmix
            else None,
        )


def measure(module: nn.Module, val: Images, ranks: Ranks) -> EpochMeasure:
    """Mean cross-entropy, accuracy, and the mean of the classes' recalls."""
    counts = val.labels.bincount().to(val.device)
    loss = torch.zeros(1, dtype=torch.float64, device=val.device)
    right = torch.zeros(len(counts), dtype=torch.float64, device=val.device)
    for inputs, labels in plain_batches(val, VAL_BATCH, ranks):
        logits = module(inputs)
        loss += F.cross_entropy(logits, labels, reduction="sum")
        right += labels[logits.argmax(dim=1) == labels].bincount(minlength=len(counts))
    loss, right = ranks.total(loss), ranks.total(right)
    known = counts > 0
    recalls = right[known] / counts[known]
    return EpochMeasure(
        loss=loss.item() / len(val),
        accuracy=right.sum().item() / len(val),
        balanced=recalls.mean().item(),
    )


def _class_images(
    split: Fitted[ClassLabels], spec: ModelSpec, device: torch.device, name: str
) -> Images:
    """`split` as the loop's images.

    Raises:
        DataError: a label that the network lacks, no images, or images of another shape.
    """
    images = Images.of(split, spec, device, name)
    low, high = int(split.labels.min()), int(split.labels.max())
    if low < 0 or high >= spec.classes:
        raise DataError(f"{name}: expected labels 0 to {spec.classes - 1}, found {low} to {high}")
    return images
