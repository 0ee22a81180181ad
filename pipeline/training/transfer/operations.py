"""Some changes of a list drawn for each image, as RandAugment does (Cubuk et al. 2020).

Images are (N, H, W, C) uint8; every draw comes from the generator handed in, one value per
image, so a batch is reproducible by itself. What a change brings in repeats the border.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

Operation: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""(n, H, W, C) uint8 and (n,) how far each goes in [-1, 1] to the same images, changed."""

# How far each may go at the strength 1.
ROTATION, SHEAR, SHIFT, FACTOR = math.radians(30), 0.3, 0.3, 0.9
# Of the eight bits of a value, how many posterising may take.
BITS = 4
# Grey as ITU-R BT.601 weighs red, green and blue.
_GREY = (0.299, 0.587, 0.114)


def operate(images: Tensor, count: int, strength: float, generator: Generator) -> Tensor:
    """(N, H, W, C) uint8 after `count` operations each, drawn for every image by itself.

    Args:
        images: left as they are.
        count: how many one after another.
        strength: the furthest that one goes, in [0, 1].
        generator: a CPU generator, wherever `images` are.
    """
    images = images.clone()
    for _ in range(count):
        kinds = torch.randint(len(OPERATIONS), (len(images),), generator=generator)
        sizes = (torch.rand(len(images), generator=generator) * 2 - 1) * strength
        for kind, operation in enumerate(OPERATIONS):
            chosen = (kinds == kind).nonzero().flatten()
            if len(chosen):
                there = chosen.to(images.device)
                images[there] = operation(images[there], sizes[chosen].to(images.device))
    return images


def _rotated(images: Tensor, sizes: Tensor) -> Tensor:
    angle = sizes * ROTATION
    # affine_grid's coordinates run over [-1, 1] on both axes: the aspect ratio keeps a rotation
    # of a wide image from shearing it.
    aspect = images.shape[1] / images.shape[2]
    cos, sin = angle.cos(), angle.sin()
    return _sampled(images, (cos, -sin * aspect, 0.0), (sin / aspect, cos, 0.0))


def _sheared_across(images: Tensor, sizes: Tensor) -> Tensor:
    return _sampled(images, (1.0, sizes * SHEAR, 0.0), (0.0, 1.0, 0.0))


def _sheared_down(images: Tensor, sizes: Tensor) -> Tensor:
    return _sampled(images, (1.0, 0.0, 0.0), (sizes * SHEAR, 1.0, 0.0))


def _shifted_across(images: Tensor, sizes: Tensor) -> Tensor:
    return _sampled(images, (1.0, 0.0, sizes * 2 * SHIFT), (0.0, 1.0, 0.0))


def _shifted_down(images: Tensor, sizes: Tensor) -> Tensor:
    return _sampled(images, (1.0, 0.0, 0.0), (0.0, 1.0, sizes * 2 * SHIFT))


_Row: TypeAlias = tuple[float | Tensor, float | Tensor, float | Tensor]


def _sampled(images: Tensor, across: _Row, down: _Row) -> Tensor:
    """Each image at the places that the two rows of its matrix give."""
    theta = torch.zeros(len(images), 2, 3, device=images.device)
    for row, values in enumerate((across, down)):
        for column, value in enumerate(values):
            theta[:, row, column] = value
    planes = images.permute(0, 3, 1, 2).float()  # (n, C, H, W)
    grid = F.affine_grid(theta, list(planes.shape), align_corners=False)
    moved = F.grid_sample(planes, grid, padding_mode="border", align_corners=False)
    return _to_pixels(moved.permute(0, 2, 3, 1))


def _brightened(images: Tensor, sizes: Tensor) -> Tensor:
    return _to_pixels(images.float() * _factor(sizes))


def _contrasted(images: Tensor, sizes: Tensor) -> Tensor:
    return _away_from(images, images.float().mean(dim=(1, 2, 3), keepdim=True), sizes)


def saturated(images: Tensor, sizes: Tensor) -> Tensor:
    """Colours further from, or nearer to, each pixel's own grey, by ``1 + FACTOR * size``."""
    if images.shape[3] != len(_GREY):
        return images
    weights = torch.tensor(_GREY, device=images.device)
    return _away_from(images, (images.float() * weights).sum(dim=3, keepdim=True), sizes)


def _sharpened(images: Tensor, sizes: Tensor) -> Tensor:
    planes = images.permute(0, 3, 1, 2).float()
    soft = F.avg_pool2d(F.pad(planes, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return _away_from(images, soft.permute(0, 2, 3, 1), sizes)


def _stretched(images: Tensor, _sizes: Tensor) -> Tensor:
    """Each channel's values over the whole range."""
    values = images.float()
    low, high = values.amin(dim=(1, 2), keepdim=True), values.amax(dim=(1, 2), keepdim=True)
    return _to_pixels((values - low) * 255 / (high - low).clamp(min=1))


def _posterised(images: Tensor, sizes: Tensor) -> Tensor:
    step = 2 ** (sizes.abs() * BITS).round().to(torch.int32)
    step = step.view(-1, 1, 1, 1)
    return (images.to(torch.int32) // step * step).to(torch.uint8)


def _solarised(images: Tensor, sizes: Tensor) -> Tensor:
    """What is brighter than a threshold is inverted."""
    threshold = (256 * (1 - sizes.abs())).view(-1, 1, 1, 1)
    return torch.where(images >= threshold, 255 - images, images)


def _away_from(images: Tensor, middle: Tensor, sizes: Tensor) -> Tensor:
    return _to_pixels(middle + (images.float() - middle) * _factor(sizes))


def _factor(sizes: Tensor) -> Tensor:
    return (1 + sizes * FACTOR).view(-1, 1, 1, 1)


def _to_pixels(values: Tensor) -> Tensor:
    return values.round().clamp(0, 255).to(torch.uint8)


OPERATIONS: tuple[Operation, ...] = (
    *(_rotated, _sheared_across, _sheared_down, _shifted_across, _shifted_down),
    *(_brightened, _contrasted, saturated, _sharpened, _stretched, _posterised, _solarised),
)
