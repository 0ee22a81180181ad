"""The CIFAR ResNets of He et al. 2015 (section 4.2): 6n + 2 layers of 16, 32, 64 channels.

The shortcuts that change shape are option B, a 1x1 convolution with norm: option A's
strided slice and zero channels do not survive pruning. With 10 classes on RGB that makes
272,474 parameters for ResNet-20 and 855,770 for ResNet-56.
"""

from torch import nn

from pipeline.models.layers import classifier, conv_bn, scaled
from pipeline.models.residual.block import stage


def resnet_cifar(blocks: int, classes: int, channels: int, width: float) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes); `blocks` is the paper's n."""
    a, b, c = (scaled(n, width) for n in (16, 32, 64))
    return nn.Sequential(
        conv_bn(channels, a, 3, activation=nn.ReLU()),  # (N, a, H, W)
        stage(blocks, a, a, 1),
        stage(blocks, a, b, 2),  # (N, b, H/2, W/2)
        stage(blocks, b, c, 2),  # (N, c, H/4, W/4)
        classifier(c, classes),
    )
