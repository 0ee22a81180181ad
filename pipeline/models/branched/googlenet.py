"""GoogLeNet (Szegedy et al. 2014), the first Inception network, without auxiliary classifiers.

As torchvision's `googlenet`: norms that add 1e-3 to the variance follow the convolutions, there
is no response normalisation, and the branch that the paper has filter 5x5 does so by 3x3. At
width 1.0 with 1000 classes on RGB it has 6,624,904 parameters. Inputs under 64 pixels keep
their resolution in the first convolution.
"""

import torch
from torch import Tensor, nn

from pipeline.models.layers import EdgeMaxPool2d, classifier, conv_bn, first_stride, scaled

# Table 1 of the paper: 1x1, before 3x3, 3x3, before 5x5, 5x5, behind the pool; None is a
# maximum that halves.
BLOCKS = (
    (64, 96, 128, 16, 32, 32),
    (128, 128, 192, 32, 96, 64),
    None,
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
    None,
    (256, 160, 320, 32, 128, 128),
    (384, 192, 384, 48, 128, 128),
)
EPS = 1e-3


class Inception(nn.Module):
    """Four branches side by side: (N, inputs, H, W) to (N, outputs, H, W).

    `channels` are those of one line of the paper's table.
    """

    def __init__(self, inputs: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        one, before_three, three, before_five, five, pooled = channels
        self.one = _conv(inputs, one, 1)
        self.three = nn.Sequential(_conv(inputs, before_three, 1), _conv(before_three, three, 3))
        self.five = nn.Sequential(_conv(inputs, before_five, 1), _conv(before_five, five, 3))
        self.pooled = nn.Sequential(nn.MaxPool2d(3, 1, 1), _conv(inputs, pooled, 1))
        self.outputs = one + three + five + pooled

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W)."""
        return torch.cat((self.one(x), self.three(x), self.five(x), self.pooled(x)), 1)


def googlenet(classes: int, channels: int, width: float, side: int) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes); `side` is the shorter of H and W."""
    a, inputs = scaled(64, width), scaled(192, width)
    blocks: list[nn.Module] = []
    for row in BLOCKS:
        if row is None:
            # The last of the paper's four is 2x2, the others are 3x3.
            last = len(blocks) > len(BLOCKS) // 2
            blocks.append(nn.MaxPool2d(2, ceil_mode=True) if last else EdgeMaxPool2d())
            continue
        block = Inception(inputs, tuple(scaled(n, width) for n in row))
        blocks.append(block)
        inputs = block.outputs
    return nn.Sequential(
        _conv(channels, a, 7, first_stride(side)),  # (N, a, H/2, W/2)
        EdgeMaxPool2d(),  # (N, a, H/4, W/4)
        _conv(a, a, 1),
        _conv(a, scaled(192, width), 3),
        EdgeMaxPool2d(),  # (N, 192 width, H/8, W/8)
        nn.Sequential(*blocks),  # (N, 1024 width, H/32, W/32)
        classifier(inputs, classes),
    )


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return conv_bn(inputs, outputs, kernel, stride, activation=nn.ReLU(), eps=EPS)
