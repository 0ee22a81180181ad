"""MixUp (Zhang et al. 2018) and CutMix (Yun et al. 2019): two pictures, and both their labels.

Works on the network's input, where a blend of values is a blend of pixels, not rounded. Every
draw comes from the generator handed in, so a batch is reproducible by itself.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


@dataclass(frozen=True)
class Mix:
    """What is mixed how far.

    Args:
        mixup, cutmix: as in `TrainRecipe`.
        classes: how many there are.
    """

    mixup: float
    cutmix: float
    classes: int

    def __call__(self, inputs: Tensor, labels: Tensor, draws: Generator) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) and (B,) classes to the same inputs, mixed, and (B, classes) shares."""
        paste = self.cutmix > 0 and (self.mixup == 0 or bool(torch.rand((), generator=draws) < 0.5))
        share = _beta(self.cutmix if paste else self.mixup, draws)
        other = torch.randperm(len(inputs), generator=draws).to(inputs.device)
        if paste:
            inputs, share = _pasted(inputs, inputs[other], share, draws)
        else:
            inputs = inputs * share + inputs[other] * (1 - share)
        own = F.one_hot(labels, self.classes).to(inputs.dtype)
        return inputs, own * share + own[other] * (1 - share)


def _beta(parameter: float, draws: Generator) -> float:
    """One draw of Beta(a, a), as the share of one Gamma draw in the sum of two."""
    one, other = torch._standard_gamma(
        torch.full((2,), parameter, dtype=torch.float64), draws
    ).tolist()
    return one / (one + other) if one + other > 0 else 1.0


def _pasted(inputs: Tensor, others: Tensor, share: float, draws: Generator) -> tuple[Tensor, float]:
    """A rectangle of `others` in `inputs`, and the share of `inputs` that is left to be seen."""
    height, width = inputs.shape[2:]
    side = math.sqrt(1 - share)
    row, column = torch.rand(2, generator=draws).tolist()
    top, bottom = _span(row, side, height)
    left, right = _span(column, side, width)
    mixed = inputs.clone()
    mixed[:, :, top:bottom, left:right] = others[:, :, top:bottom, left:right]
    return mixed, 1 - (bottom - top) * (right - left) / (height * width)


def _span(centre: float, side: float, size: int) -> tuple[int, int]:
    """A span of a `side` of `size` values about `centre`, both shares of it, cut at the ends."""
    low, high = (centre - side / 2) * size, (centre + side / 2) * size
    return max(0, round(low)), min(size, round(high))
