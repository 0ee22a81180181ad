"""Random changes to a batch of training images, as uint8, before the shared preprocessing.

Every draw comes from the generator handed in, one value per image, so a batch is
reproducible by itself. Pixels that a shift or rotation brings in repeat the border.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from pipeline.recipe import Augment
from pipeline.training.transfer.operations import FACTOR, operate, saturated


def augment(images: Tensor, settings: Augment, generator: Generator) -> Tensor:
    """(N, H, W, C) uint8 to the same, changed as `settings` says.

    Args:
        images: the batch; left as it is.
        settings: how far each kind of change may go; what is 0 or false does not happen.
        generator: a CPU generator, wherever `images` are.
    """
    if settings.operations:
        images = operate(images, settings.operations, settings.strength, generator)
    if settings.rotate or settings.zoom:
        images = _warp(images, settings, generator)
    elif settings.shift or settings.flip:
        images = _shift_and_flip(images, settings, generator)
    if settings.brightness or settings.contrast:
        images = _relight(images, settings, generator)
    if settings.saturation:
        sizes = _signed(len(images), generator) * (settings.saturation / FACTOR)
        images = saturated(images, sizes.to(images.device))
    if settings.erase:
        images = _erase(images, settings.erase, generator)
    return images


def _signed(count: int, generator: Generator) -> Tensor:
    """(count,) uniform in [-1, 1)."""
    return torch.rand(count, generator=generator) * 2 - 1


def _flips(count: int, settings: Augment, generator: Generator) -> Tensor:
    """(count,) bool: which images are mirrored."""
    return (torch.rand(count, generator=generator) < 0.5) & settings.flip


def _shift_and_flip(images: Tensor, settings: Augment, generator: Generator) -> Tensor:
    """Whole pixels only, so nothing is interpolated: one gather."""
    n, height, width, _ = images.shape
    down = (_signed(n, generator) * (settings.shift * height + 0.5)).round().long()
    right = (_signed(n, generator) * (settings.shift * width + 0.5)).round().long()
    rows = (torch.arange(height) - down[:, None]).clamp(0, height - 1)  # (N, H)
    columns = (torch.arange(width) - right[:, None]).clamp(0, width - 1)  # (N, W)
    mirrored = _flips(n, settings, generator)[:, None]
    columns = torch.where(mirrored, width - 1 - columns, columns)
    device = images.device
    return images[
        torch.arange(n, device=device)[:, None, None],
        rows.to(device)[:, :, None],
        columns.to(device)[:, None, :],
    ]


def _warp(images: Tensor, settings: Augment, generator: Generator) -> Tensor:
    """Rotation, zoom, shift and mirroring in one bilinear sampling."""
    n, height, width, _ = images.shape
    angle = _signed(n, generator) * math.radians(settings.rotate)
    scale = 1 / (1 + _signed(n, generator) * settings.zoom)
    # affine_grid maps output to input coordinates, both in [-1, 1] per axis: the aspect
    # ratio keeps a rotation of a wide image from shearing it.
    aspect = height / width
    mirror = 1 - 2 * _flips(n, settings, generator).float()
    cos, sin = angle.cos() * scale, angle.sin() * scale
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = cos * mirror, -sin * aspect
    theta[:, 1, 0], theta[:, 1, 1] = sin / aspect * mirror, cos
    theta[:, 0, 2] = _signed(n, generator) * 2 * settings.shift
    theta[:, 1, 2] = _signed(n, generator) * 2 * settings.shift
    planes = images.permute(0, 3, 1, 2).float()  # (N, C, H, W)
    grid = F.affine_grid(theta.to(images.device), list(planes.shape), align_corners=False)
    warped = F.grid_sample(planes, grid, padding_mode="border", align_corners=False)
    return _to_pixels(warped.permute(0, 2, 3, 1))


def _relight(images: Tensor, settings: Augment, generator: Generator) -> Tensor:
    """``(pixel - mean) * (1 + contrast) + mean * (1 + brightness)``, mean of each image."""
    n = images.shape[0]
    contrast = (1 + _signed(n, generator) * settings.contrast).to(images.device)
    brightness = (1 + _signed(n, generator) * settings.brightness).to(images.device)
    pixels = images.float()
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    return _to_pixels(
        (pixels - mean) * contrast.view(n, 1, 1, 1) + mean * brightness.view(n, 1, 1, 1)
    )


def _erase(images: Tensor, largest: float, generator: Generator) -> Tensor:
    """Fill one square per image with that image's mean colour (DeVries & Taylor 2017)."""
    n, height, width, _ = images.shape
    side = torch.rand(n, generator=generator) * largest * min(height, width)
    top = torch.rand(n, generator=generator) * (height - side)
    left = torch.rand(n, generator=generator) * (width - side)
    in_rows = _inside(torch.arange(height), top, side)  # (N, H)
    in_columns = _inside(torch.arange(width), left, side)  # (N, W)
    hole = (in_rows[:, :, None] & in_columns[:, None, :]).to(images.device)[..., None]
    mean = _to_pixels(images.float().mean(dim=(1, 2), keepdim=True))  # (N, 1, 1, C)
    return torch.where(hole, mean, images)


def _inside(positions: Tensor, start: Tensor, side: Tensor) -> Tensor:
    centres = positions[None, :] + 0.5
    return (centres >= start[:, None]) & (centres < (start + side)[:, None])


def _to_pixels(values: Tensor) -> Tensor:
    return values.round_().clamp_(0, 255).to(torch.uint8)
