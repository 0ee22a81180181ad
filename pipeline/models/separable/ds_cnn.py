"""DS-CNN, the keyword spotter of MLPerf Tiny (Zhang et al. 2017), usable on images.

A strided stem and four depthwise-separable blocks of 64 channels. The published Keras
network has 24,908 values on (49, 10, 1) spectrograms and 12 classes: the parameters here,
the norms' running statistics, and the 576 biases that a norm follows. Its stem looks at
10x4 patches because a spectrogram is long in time; inputs less than twice as high as wide
are taken for images and get a 3x3 stem. Its dropout is left to the recipe's own means.
"""

from torch import nn

from pipeline.models.layers import classifier, conv_bn, scaled

BLOCKS = 4


def ds_cnn(
    classes: int, channels: int, width: float, height_width: tuple[int, int]
) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes)."""
    c = scaled(64, width)
    height, width_px = height_width
    stem = (10, 4) if height >= 2 * width_px else (3, 3)
    return nn.Sequential(
        conv_bn(channels, c, stem, 2, activation=nn.ReLU()),  # (N, c, H/2, W/2)
        *(_separable(c) for _ in range(BLOCKS)),
        classifier(c, classes),
    )


def _separable(c: int) -> nn.Sequential:
    return nn.Sequential(
        conv_bn(c, c, 3, groups=c, activation=nn.ReLU()),
        conv_bn(c, c, 1, activation=nn.ReLU()),
    )
