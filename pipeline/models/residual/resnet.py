"""ResNet-18 and -34 (He et al. 2015, table 1), for photographs.

At width 1.0 with 1000 classes on RGB they have 11,689,512 and 21,797,672 parameters, as
torchvision's have. Inputs under 64 pixels keep their resolution in the first convolution.
"""

from torch import nn

from pipeline.models.layers import SameMaxPool2d, classifier, conv_bn, first_stride, scaled
from pipeline.models.residual.block import stage

RESNET18 = (2, 2, 2, 2)
RESNET34 = (3, 4, 6, 3)


def resnet(
    blocks: tuple[int, int, int, int], classes: int, channels: int, width: float, side: int
) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes); `side` is the shorter of H and W."""
    a, b, c, d = (scaled(n, width) for n in (64, 128, 256, 512))
    return nn.Sequential(
        conv_bn(channels, a, 7, first_stride(side), activation=nn.ReLU()),  # (N, a, H/2, W/2)
        SameMaxPool2d(),  # (N, a, H/4, W/4)
        stage(blocks[0], a, a, 1),
        stage(blocks[1], a, b, 2),  # (N, b, H/8, W/8)
        stage(blocks[2], b, c, 2),  # (N, c, H/16, W/16)
        stage(blocks[3], c, d, 2),  # (N, d, H/32, W/32)
        classifier(d, classes),
    )
