"""`Feed`: the batches that the loop learns from; what their labels mean is the task's to know."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Generator, Tensor, nn

from pipeline.common.distributed import Ranks
from pipeline.recipe import Augment
from pipeline.training.batches import EpochPlan, Images, epoch_batches
from pipeline.training.draws import generator

# Images whose gradients are summed at once where channels are judged.
WORTH_BATCH = 128

Place: TypeAlias = tuple[int, int, int]
"""(seed, epoch, first step): where an epoch's batches begin; a resumed one in its middle."""


@dataclass(frozen=True)
class EpochMeasure:
    """How good a network is on the validation split; as in `EpochRecord`."""

    loss: float
    accuracy: float | None = None
    cer: float | None = None
    balanced: float | None = None
    error: float | None = None


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

    def sample(self, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches on the CPU, as long as they are asked for, to judge channels by."""

    def measure(self, module: nn.Module, ranks: Ranks) -> EpochMeasure:
        """`module` on all ranks' shares of the validation split."""

    def content(self) -> Iterator[object]:
        """All that decides what the batches and the measure are, for `resume.run_key`."""


@dataclass(frozen=True, eq=False)
class ImageFeed:
    """Images that are all in memory, with one label each.

    Args:
        train: what is learnt from.
        val: what each epoch is measured on.
        plan: how an epoch is cut into steps.
        augment: the random changes.
        measured: a network's measure on `val`; it is handed the module, `val` and the ranks.
        order: the places in `train` for the epoch of (seed, epoch); None shows each once.
        mix: the inputs and labels of a batch to those of pairs of its images; None mixes none.
    """

    train: Images
    val: Images
    plan: EpochPlan
    augment: Augment
    measured: Callable[[nn.Module, Images, Ranks], EpochMeasure]
    order: Callable[[int, int], Tensor] | None = None
    mix: Callable[[Tensor, Tensor, Generator], tuple[Tensor, Tensor]] | None = None

    @property
    def device(self) -> torch.device:
        """See `Feed`."""
        return self.train.device

    @property
    def steps(self) -> int:
        """See `Feed`."""
        return self.plan.steps

    def batches(self, place: Place, ranks: Ranks) -> Iterator[tuple[Tensor, Tensor]]:
        """See `Feed`."""
        order = None if self.order is None else self.order(*place[:2])
        batches = epoch_batches(self.train, self.plan, self.augment, place, ranks, order)
        if self.mix is None:
            return batches
        return self._mixed(self.mix, batches, place, ranks.rank)

    @staticmethod
    def _mixed(
        mix: Callable[[Tensor, Tensor, Generator], tuple[Tensor, Tensor]],
        batches: Iterator[tuple[Tensor, Tensor]],
        place: Place,
        rank: int,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        seed, epoch, first = place
        for step, (inputs, labels) in enumerate(batches, first):
            yield mix(inputs, labels, generator(seed, "mix", epoch, step, rank))

    def sample(self, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """See `Feed`: unchanged images in an order of their own."""
        source = self.train.on(torch.device("cpu"))
        order = torch.randperm(len(source), generator=generator(seed, "importance"))
        for part in order.split(WORTH_BATCH):
            pixels, labels = source.batch(part)
            yield source.network_input(pixels), labels

    @torch.no_grad()
    def measure(self, module: nn.Module, ranks: Ranks) -> EpochMeasure:
        """See `Feed`."""
        return self.measured(module, self.val, ranks)

    def content(self) -> Iterator[object]:
        """See `Feed`."""
        for images in (self.train, self.val):
            yield images.pixels.numpy().data
            yield images.labels.numpy().data


def pick_device() -> torch.device:
    """A GPU if there is one."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")
