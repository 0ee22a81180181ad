"""A plain stack in the manner of VGG (Simonyan & Zisserman 2014), for small inputs.

Three stages of two 3x3 convolutions, of 16, 32 and 64 channels, each closed by a 2x2
maximum; 72,954 parameters for 10 classes on RGB. There is no published twin.
"""

from torch import nn

from pipeline.models.layers import classifier, conv_bn, scaled


def vgg_tiny(classes: int, channels: int, width: float) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes)."""
    a, b, c = (scaled(n, width) for n in (16, 32, 64))
    return nn.Sequential(
        _stage(channels, a),  # (N, a, H/2, W/2)
        _stage(a, b),  # (N, b, H/4, W/4)
        _stage(b, c),  # (N, c, H/8, W/8)
        classifier(c, classes),
    )


def _stage(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        conv_bn(inputs, outputs, 3, activation=nn.ReLU()),
        conv_bn(outputs, outputs, 3, activation=nn.ReLU()),
        nn.MaxPool2d(2),
    )
