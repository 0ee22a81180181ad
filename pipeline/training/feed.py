"""`Feed`: what the loop learns from, whatever the labels are: classes here, texts elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.common.distributed import Ranks
from pipeline.data.fitted import Fitted
from pipeline.models import ModelSpec
from pipeline.recipe import Augment, TrainRecipe
from pipeline.training.balance import balanced_order
from pipeline.training.batches import Images, Schedule, epoch_batches, plain_batches

VAL_BATCH = 500

Place: TypeAlias = tuple[int, int, int]
"""(seed, epoch, first step): where an epoch's batches begin; a resumed one in its middle."""


@dataclass(frozen=True)
class Measured:
    """How good a network is on the validation split; as in `EpochRecord`."""

    loss: float
    accuracy: float
    cer: float | None = None
    balanced: float | None = None


class Feed(Protocol):
    """Batches to learn from, and the measure at the end of an epoch.

    Nothing here may keep state between batches: what they hold depends on their place alone.
    """

    @property
    def device(self) -> torch.device:
        """Where the batches are."""

    @property
    def steps(self) -> int:
        """Batches per epoch."""

    def batches(self, place: Place, ranks: Ranks) -> Iterator[tuple[Tensor, Tensor]]:
        """This rank's inputs (B, C, H, W) and labels (B, ...) from `place` to the epoch's end."""

    def measure(self, module: nn.Module, ranks: Ranks) -> Measured:
        """`module` on all ranks' shares of the validation split."""

    def content(self) -> Iterator[object]:
        """All that decides what the batches and the measure are, for `resume.run_key`."""


@dataclass(frozen=True, eq=False)
class ClassFeed:
    """Images and the numbers of their classes."""

    fitted: tuple[Fitted, Fitted]
    train: Images
    val: Images
    schedule: Schedule
    augment: Augment
    balanced: bool = False

    @classmethod
    def of(
        cls, train: Fitted, val: Fitted, spec: ModelSpec, recipe: TrainRecipe, ranks: Ranks
    ) -> Self:
        """The images of two splits, on a GPU if there is one.

        Raises:
            DataError: a split does not fit the network, or there are too few images.
        """
        device = pick_device()
        images = Images.of(train, spec, device, "train")
        return cls(
            (train, val),
            images,
            Images.of(val, spec, device, "val"),
            Schedule.of(len(images), recipe.batch_size, ranks),
            recipe.augment,
            recipe.balance == "sampling",
        )

    @property
    def device(self) -> torch.device:
        """See `Feed`."""
        return self.train.device

    @property
    def steps(self) -> int:
        """See `Feed`."""
        return self.schedule.steps

    def batches(self, place: Place, ranks: Ranks) -> Iterator[tuple[Tensor, Tensor]]:
        """See `Feed`; the labels are (B,)."""
        order = balanced_order(self.train.labels, *place[:2]) if self.balanced else None
        return epoch_batches(self.train, self.schedule, self.augment, place, ranks, order)

    @torch.no_grad()
    def measure(self, module: nn.Module, ranks: Ranks) -> Measured:
        """Mean cross-entropy, accuracy, and the mean of the classes' recalls."""
        counts = self.val.labels.bincount().to(self.device)
        loss = torch.zeros(1, dtype=torch.float64, device=self.device)
        right = torch.zeros(len(counts), dtype=torch.float64, device=self.device)
        for inputs, labels in plain_batches(self.val, VAL_BATCH, ranks):
            logits = module(inputs)
            loss += F.cross_entropy(logits, labels, reduction="sum")
            right += labels[logits.argmax(dim=1) == labels].bincount(minlength=len(counts))
        loss, right = ranks.total(loss), ranks.total(right)
        known = counts > 0
        recalls = right[known] / counts[known]
        images = len(self.val)
        return Measured(
            loss=loss.item() / images,
            accuracy=right.sum().item() / images,
            balanced=recalls.mean().item(),
        )

    def content(self) -> Iterator[object]:
        """See `Feed`."""
        for split in self.fitted:
            yield split.pixels.data
            yield split.labels.data


def pick_device() -> torch.device:
    """A GPU if there is one."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")
