"""MobileNetV3-small, minimal (Howard et al. 2019): the one of the family that is made for integers.

Without squeeze-and-excitation, hard-swish and 5x5 filters: ReLU everywhere, and norms that add
1e-3 to the variance. At width 1.0 with 1000 classes on RGB it has 2,044,736 parameters, as
timm's `tf_mobilenetv3_small_minimal_100` has. Inputs under 64 pixels keep their resolution in
the first convolution.
"""

from torch import nn

from pipeline.models.layers import (
    SameConv2d,
    conv_bn,
    first_stride,
    pooled_classifier,
    scaled,
)
from pipeline.models.separable.inverted import InvertedResidual

# Expansion, output channels, stride.
BLOCKS = (
    *((1, 16, 2), (4.5, 24, 2), (3.67, 24, 1)),
    *((4, 40, 2), (6, 40, 1), (6, 40, 1), (3, 48, 1), (3, 48, 1)),
    *((6, 96, 2), (6, 96, 1), (6, 96, 1)),
)
EPS = 1e-3


def mobilenet_v3_small_minimal(
    classes: int, channels: int, width: float, side: int
) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes); `side` is the shorter of H and W."""
    inputs = stem = scaled(16, width)
    last, features = scaled(576, width), scaled(1024, max(1.0, width))
    blocks: list[nn.Module] = []
    for expansion, base, stride in BLOCKS:
        outputs, inner = scaled(base, width), scaled(inputs, expansion)
        blocks.append(InvertedResidual(inputs, outputs, stride, inner, activation=nn.ReLU, eps=EPS))
        inputs = outputs
    return nn.Sequential(
        conv_bn(channels, stem, 3, first_stride(side), activation=nn.ReLU(), eps=EPS),
        nn.Sequential(*blocks),  # (N, 96 width, H/32, W/32)
        conv_bn(inputs, last, 1, activation=nn.ReLU(), eps=EPS),
        nn.Sequential(
            nn.AdaptiveAvgPool2d(1),  # (N, last, 1, 1)
            SameConv2d(last, features, 1, bias=True),
            nn.ReLU(),
        ),
        pooled_classifier(features, classes),
    )
