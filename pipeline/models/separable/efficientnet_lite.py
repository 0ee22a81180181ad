"""EfficientNet-Lite0 (Liu 2020): EfficientNet-B0 (Tan & Le 2019) made for integers.

The squeeze-and-excitation blocks are gone, ReLU6 stands for swish, and the norms add 1e-3 to
the variance. At width 1.0 with 1000 classes on RGB it has 4,652,008 parameters, as timm's
`tf_efficientnet_lite0` has, whose weights give the same answers here. Inputs under 64 pixels
keep their resolution in the first convolution.
"""

from torch import nn

from pipeline.models.layers import classifier, conv_bn, first_stride, scaled
from pipeline.models.separable.inverted import InvertedResidual

# Table 1 of Tan & Le: expansion, output channels, repeats, stride of the first, kernel.
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
EPS = 1e-3


def efficientnet_lite0(classes: int, channels: int, width: float, side: int) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes); `side` is the shorter of H and W."""
    inputs = stem = scaled(32, width)
    features = scaled(1280, max(1.0, width))
    blocks: list[nn.Module] = []
    for expansion, base, repeats, stride, kernel in STAGES:
        outputs = scaled(base, width)
        for i in range(repeats):
            step = stride if i == 0 else 1
            inner = inputs * expansion
            blocks.append(InvertedResidual(inputs, outputs, step, inner, kernel=kernel, eps=EPS))
            inputs = outputs
    return nn.Sequential(
        conv_bn(channels, stem, 3, first_stride(side), activation=nn.ReLU6(), eps=EPS),
        nn.Sequential(*blocks),  # (N, 320 width, H/32, W/32)
        conv_bn(inputs, features, 1, activation=nn.ReLU6(), eps=EPS),
        classifier(features, classes),
    )
