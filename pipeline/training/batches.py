"""Batches for training: which images, changed how, and normalised as on the device.

Nothing here keeps state between batches. The order of an epoch comes from (seed, epoch)
and the random changes of a batch from (seed, epoch, step, rank), so a resumed run draws
what the uninterrupted one would have drawn.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.common.distributed import Ranks
from pipeline.common.errors import DataError
from pipeline.data.fitted import Fitted
from pipeline.models import ModelSpec
from pipeline.recipe import Augment
from pipeline.training.augment import augment
from pipeline.training.draws import generator


@dataclass(frozen=True, eq=False)
class Images:
    """A split at the network's size, ready to be cut into batches.

    Args:
        pixels: (N, H, W, C) uint8.
        labels: (N, ...): one for each, whatever the task makes of it.
        mean, std: (C,) float32, as in `InputSpec`.
        device: where batches go.
    """

    pixels: Tensor
    labels: Tensor
    mean: Tensor
    std: Tensor
    device: torch.device

    @classmethod
    def of(
        cls, split: Fitted[NDArray[Any]], spec: ModelSpec, device: torch.device, name: str
    ) -> Self:
        """The images of `split` for the network of `spec`.

        Raises:
            DataError: no images, or images of another shape.
        """
        _check(split, spec, name)
        return cls(
            torch.from_numpy(split.pixels),
            torch.from_numpy(split.labels),
            torch.tensor(spec.input.mean, dtype=torch.float32, device=device),
            torch.tensor(spec.input.std, dtype=torch.float32, device=device),
            device,
        )

    def __len__(self) -> int:
        return len(self.labels)

    def on(self, device: torch.device) -> "Images":
        """The same images, their batches on `device`."""
        mean, std = self.mean.to(device), self.std.to(device)
        return Images(self.pixels, self.labels, mean, std, device)

    def batch(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (B, H, W, C) uint8 and labels (B, ...) of the images `chosen`."""
        return self.pixels[chosen].to(self.device), self.labels[chosen].to(self.device)

    def network_input(self, pixels: Tensor) -> Tensor:
        """(B, H, W, C) uint8 to (B, C, H, W) float32, with the values of `normalise`.

        The same three float32 operations in the same order as the device's; the view
        transposed from NHWC is what torch calls channels_last, so nothing is copied.
        """
        values = pixels.float().div_(255).sub_(self.mean).div_(self.std)
        return values.permute(0, 3, 1, 2)


def _check(split: Fitted[NDArray[Any]], spec: ModelSpec, name: str) -> None:
    expected = spec.input.shape[1:]
    if len(split.labels) == 0 or split.pixels.shape != (len(split.labels), *expected):
        raise DataError(
            f"{name}: expected one or more uint8 images of shape {expected}, "
            f"found pixels {split.pixels.shape} for {len(split.labels)} labels"
        )


@dataclass(frozen=True)
class EpochPlan:
    """How one epoch is cut into steps.

    Args:
        images: how many there are.
        batch: images per step over all ranks; those left over sit out this epoch, because
            batch norm would learn from a small batch as much as from a whole one.
        steps: optimiser steps per epoch.
    """

    images: int
    batch: int
    steps: int

    @classmethod
    def of(cls, images: int, batch_size: int, ranks: Ranks) -> Self:
        """Batches of `batch_size` or, with fewer images, one of all of them.

        Raises:
            DataError: not two images for each rank; batch norm needs that many.
        """
        batch = min(batch_size, images)
        batch -= batch % ranks.world
        if batch < 2 * ranks.world:
            raise DataError(
                f"train: expected at least 2 images per batch for each of {ranks.world} "
                f"process(es), found {images} images in batches of {batch_size}"
            )
        return cls(images, batch, images // batch)


def epoch_batches(
    images: Images,
    plan: EpochPlan,
    settings: Augment,
    place: tuple[int, int, int],
    ranks: Ranks,
    order: Tensor | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """This rank's network inputs (B, C, H, W) and labels (B, ...) of one epoch.

    `place` is (seed, epoch, first step): a resumed epoch starts in its middle. `order` has the
    (N,) images in the order they are shown, the same on every rank; None shows each once.
    """
    seed, epoch, first = place
    if order is None:
        order = torch.randperm(plan.images, generator=generator(seed, "order", epoch))
    for step in range(first, plan.steps):
        whole = order[step * plan.batch : (step + 1) * plan.batch]
        pixels, labels = images.batch(whole[ranks.rank :: ranks.world])
        draws = generator(seed, "augment", epoch, step, ranks.rank)
        yield images.network_input(augment(pixels, settings, draws)), labels


def plain_batches(images: Images, size: int, ranks: Ranks) -> Iterator[tuple[Tensor, Tensor]]:
    """This rank's share of all images once, in order, unchanged."""
    mine = torch.arange(ranks.rank, len(images), ranks.world)
    for chosen in mine.split(size):
        pixels, labels = images.batch(chosen)
        yield images.network_input(pixels), labels
