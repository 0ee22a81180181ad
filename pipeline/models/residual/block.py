"""The basic residual block and a stage of them, which the ResNets share."""

import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.models.layers import conv_bn


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut: (N, inputs, H, W) to (N, outputs, H/s, W/s).

    `shortcut` maps the input to the sum's shape; an identity where it already fits.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: nn.Module) -> None:
        super().__init__()
        self.first = conv_bn(inputs, outputs, 3, stride, activation=nn.ReLU())
        self.second = conv_bn(outputs, outputs, 3)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride))."""
        y: Tensor = self.second(self.first(x)) + self.shortcut(x)
        return F.relu(y)


def stage(blocks: int, inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """`blocks` residual blocks: (N, inputs, H, W) to (N, outputs, H/s, W/s).

    The first one changes the shape; its shortcut does so by a 1x1 convolution with norm.
    """
    fits = inputs == outputs and stride == 1
    shortcut = nn.Identity() if fits else conv_bn(inputs, outputs, 1, stride)
    rest = (BasicBlock(outputs, outputs, 1, nn.Identity()) for _ in range(blocks - 1))
    return nn.Sequential(BasicBlock(inputs, outputs, stride, shortcut), *rest)
