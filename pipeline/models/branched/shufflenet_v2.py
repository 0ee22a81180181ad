"""ShuffleNetV2 (Ma et al. 2018), at the paper's widths 0.5 and 1.0.

Half of the channels pass each unit as they are, the others are filtered, and both are dealt
out anew by turns, so that the next unit filters others. With 1000 classes on RGB they have
1,366,792 and 2,278,604 parameters, as torchvision's `shufflenet_v2_x0_5` and `_x1_0` have.
Inputs under 64 pixels keep their resolution in the first convolution.
"""

import torch
from torch import Tensor, nn

from pipeline.models.layers import SameMaxPool2d, classifier, conv_bn, first_stride, scaled

REPEATS = (4, 8, 4)
STEM = 24
# Table 5 of the paper: channels of the three stages, and of the last convolution.
X0_5 = (48, 96, 192, 1024)
X1_0 = (116, 232, 464, 1024)


class ShuffleUnit(nn.Module):
    """Half passed on, half filtered, both shuffled: (N, c, H, W) to the same.

    The channels that are passed on are dealt out by every unit of a stage, so their number
    can only change in all of them at once: `fixed_outputs` says so to whoever prunes.
    """

    def __init__(self, c: int) -> None:
        super().__init__()
        self.filtered = _filtered(c // 2, c // 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, c, H, W) to (N, c, H, W)."""
        passed, other = x.chunk(2, 1)
        return shuffled(passed, self.filtered(other))

    def fixed_outputs(self) -> tuple[nn.Module, ...]:
        """The convolutions whose outputs must keep their number."""
        return (self.filtered.get_submodule("2.0"),)


class ShuffleReduction(nn.Module):
    """Both halves made of all channels: (N, inputs, H, W) to (N, outputs, H/2, W/2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.passed = nn.Sequential(
            conv_bn(inputs, inputs, 3, 2, groups=inputs),
            conv_bn(inputs, half, 1, activation=nn.ReLU()),
        )
        self.filtered = _filtered(inputs, half, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, ceil(H / 2), ceil(W / 2))."""
        return shuffled(self.passed(x), self.filtered(x))

    def fixed_outputs(self) -> tuple[nn.Module, ...]:
        """The convolutions whose outputs must keep their number."""
        return self.passed.get_submodule("1.0"), self.filtered.get_submodule("2.0")


def shuffled(a: Tensor, b: Tensor) -> Tensor:
    """The channels of two (N, c, H, W) by turns: (N, 2 c, H, W)."""
    return torch.stack((a, b), 2).flatten(1, 2)


def shufflenet_v2(
    stages: tuple[int, int, int, int], classes: int, channels: int, width: float, side: int
) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes); `side` is the shorter of H and W."""
    *outputs, last = (n if width == 1 else scaled(n, width) for n in stages)
    inputs = stem = STEM if width == 1 else scaled(STEM, width)
    blocks: list[nn.Module] = []
    for repeats, c in zip(REPEATS, outputs, strict=True):
        blocks.append(ShuffleReduction(inputs, c))
        blocks += [ShuffleUnit(c) for _ in range(repeats - 1)]
        inputs = c
    return nn.Sequential(
        conv_bn(channels, stem, 3, first_stride(side), activation=nn.ReLU()),  # (N, 24, H/2, W/2)
        SameMaxPool2d(),  # (N, 24, H/4, W/4)
        nn.Sequential(*blocks),  # (N, c, H/32, W/32)
        conv_bn(inputs, last, 1, activation=nn.ReLU()),
        classifier(last, classes),
    )


def _filtered(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        conv_bn(inputs, outputs, 1, activation=nn.ReLU()),
        conv_bn(outputs, outputs, 3, stride, groups=outputs),
        conv_bn(outputs, outputs, 1, activation=nn.ReLU()),
    )
