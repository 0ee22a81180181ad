"""MobileNetV2 (Sandler et al. 2018): inverted residuals with linear bottlenecks.

At width 1.0 with 1000 classes on RGB it has 3,504,872 parameters, as torchvision's has.
Inputs under 64 pixels would be 1x1 halfway through, so their first convolution keeps the
resolution (stride 1); the parameters stay the same.
"""

from torch import nn

from pipeline.models.layers import classifier, conv_bn, first_stride, scaled
from pipeline.models.separable.inverted import InvertedResidual

# Table 2 of the paper: expansion, output channels, repeats, stride of the first.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def mobilenet_v2(classes: int, channels: int, width: float, side: int) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes); `side` is the shorter of H and W."""
    inputs = scaled(32, width)
    features = scaled(1280, max(1.0, width))
    blocks: list[nn.Module] = []
    for expansion, base, repeats, stride in STAGES:
        outputs = scaled(base, width)
        for i in range(repeats):
            step = stride if i == 0 else 1
            blocks.append(InvertedResidual(inputs, outputs, step, inputs * expansion))
            inputs = outputs
    return nn.Sequential(
        conv_bn(channels, scaled(32, width), 3, first_stride(side), activation=nn.ReLU6()),
        nn.Sequential(*blocks),  # (N, 320 width, H/32, W/32)
        conv_bn(inputs, features, 1, activation=nn.ReLU6()),
        classifier(features, classes),
    )
