"""The CIFAR ResNets of He et al. 2015 (section 4.2): 6n + 2 layers of 16, 32, 64 channels.

The shortcuts that change shape are option B, a 1x1 convolution with norm: option A's
strided slice and zero channels do not survive pruning. With 10 classes on RGB that makes
272,474 parameters for ResNet-20 and 855,770 for ResNet-56.
"""

from torch import nn

from pipeline.models.layers import classifier, conv_bn, scaled
from pipeline.models.residual.block import BasicBlock


def resnet_cifar(blocks: int, classes: int, channels: int, width: float) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes); `blocks` is the paper's n."""
    a, b, c = (scaled(n, width) for n in (16, 32, 64))
    return nn.Sequential(
        conv_bn(channels, a, 3, activation=nn.ReLU()),  # (N, a, H, W)
        _stage(blocks, a, a, 1),
        _stage(blocks, a, b, 2),  # (N, b, H/2, W/2)
        _stage(blocks, b, c, 2),  # (N, c, H/4, W/4)
        classifier(c, classes),
    )


def _stage(blocks: int, inputs: int, outputs: int, stride: int) -> nn.Sequential:
    fits = inputs == outputs and stride == 1
    shortcut = nn.Identity() if fits else conv_bn(inputs, outputs, 1, stride)
    rest = (BasicBlock(outputs, outputs, 1, nn.Identity()) for _ in range(blocks - 1))
    return nn.Sequential(BasicBlock(inputs, outputs, stride, shortcut), *rest)
