"""MobileNetV1 (Howard et al. 2017): depthwise-separable convolutions in a row.

With ReLU6 as in the authors' code. At width 1.0 with 1000 classes on RGB it has 4,231,976
parameters, as timm's `mobilenetv1_100` has. Inputs under 64 pixels keep their resolution in
the first convolution.
"""

from torch import nn

from pipeline.models.layers import classifier, conv_bn, first_stride, scaled

# Table 1 of the paper: output channels and stride of each block.
BLOCKS = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1),) * 5,
    *((1024, 2), (1024, 1)),
)


def mobilenet_v1(classes: int, channels: int, width: float, side: int) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes); `side` is the shorter of H and W."""
    inputs = stem = scaled(32, width)
    blocks: list[nn.Module] = []
    for base, stride in BLOCKS:
        outputs = scaled(base, width)
        blocks.append(_separable(inputs, outputs, stride))
        inputs = outputs
    return nn.Sequential(
        conv_bn(channels, stem, 3, first_stride(side), activation=nn.ReLU6()),
        nn.Sequential(*blocks),  # (N, 1024 width, H/32, W/32)
        classifier(inputs, classes),
    )


def _separable(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        conv_bn(inputs, inputs, 3, stride, groups=inputs, activation=nn.ReLU6()),
        conv_bn(inputs, outputs, 1, activation=nn.ReLU6()),
    )
