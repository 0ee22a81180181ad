"""The basic residual block, shared by ResNet-8 and the CIFAR ResNets."""

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
