"""MobileNetV2 (Sandler et al. 2018): inverted residuals with linear bottlenecks.

At width 1.0 with 1000 classes on RGB it has 3,504,872 parameters, as torchvision's has.
Inputs under 64 pixels would be 1x1 halfway through, so their first convolution keeps the
resolution (stride 1); the parameters stay the same.
"""

from torch import Tensor, nn

from pipeline.models.layers import classifier, conv_bn, scaled

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
SMALL_INPUT = 64


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project: (N, inputs, H, W) to (N, outputs, H/s, W/s)."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        expand = [conv_bn(inputs, inner, 1, activation=nn.ReLU6())] if expansion > 1 else []
        self.layers = nn.Sequential(
            *expand,  # (N, inner, H, W)
            conv_bn(inner, inner, 3, stride, groups=inner, activation=nn.ReLU6()),
            conv_bn(inner, outputs, 1),  # (N, outputs, H/s, W/s), linear
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride))."""
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


def mobilenet_v2(classes: int, channels: int, width: float, side: int) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes); `side` is the shorter of H and W."""
    inputs = scaled(32, width)
    features = scaled(1280, max(1.0, width))
    first_stride = 1 if side < SMALL_INPUT else 2
    blocks: list[nn.Module] = []
    for expansion, base, repeats, stride in STAGES:
        outputs = scaled(base, width)
        for i in range(repeats):
            blocks.append(InvertedResidual(inputs, outputs, stride if i == 0 else 1, expansion))
            inputs = outputs
    return nn.Sequential(
        conv_bn(channels, scaled(32, width), 3, first_stride, activation=nn.ReLU6()),
        nn.Sequential(*blocks),  # (N, 320 width, H/32, W/32)
        conv_bn(inputs, features, 1, activation=nn.ReLU6()),
        classifier(features, classes),
    )
