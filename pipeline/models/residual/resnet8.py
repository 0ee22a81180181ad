"""ResNet-8, the image classifier of MLPerf Tiny (Banbury et al. 2021).

Three residual blocks of 16, 32 and 64 channels; the two that halve the resolution have a
1x1 convolution with bias and no norm on the shortcut. The published Keras network has
78,666 values on (32, 32, 3) inputs and 10 classes: the parameters here, the norms'
running statistics, and the 240 biases that a norm follows and that are left out here.
"""

from torch import nn

from pipeline.models.layers import SameConv2d, classifier, conv_bn, scaled
from pipeline.models.residual.block import BasicBlock


def resnet8(classes: int, channels: int, width: float) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes)."""
    a, b, c = (scaled(n, width) for n in (16, 32, 64))
    return nn.Sequential(
        conv_bn(channels, a, 3, activation=nn.ReLU()),  # (N, a, H, W)
        BasicBlock(a, a, 1, nn.Identity()),
        BasicBlock(a, b, 2, SameConv2d(a, b, 1, 2, bias=True)),  # (N, b, H/2, W/2)
        BasicBlock(b, c, 2, SameConv2d(b, c, 1, 2, bias=True)),  # (N, c, H/4, W/4)
        classifier(c, classes),
    )
