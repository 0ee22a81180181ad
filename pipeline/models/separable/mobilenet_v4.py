"""MobileNetV4-conv-small (Qin et al. 2024): universal inverted bottlenecks with ReLU.

At width 1.0 with 1000 classes on RGB it has 3,774,024 parameters, as timm's
`mobilenetv4_conv_small` has. Inputs under 64 pixels keep their resolution in the first
convolution.
"""

from torch import Tensor, nn

from pipeline.models.layers import conv_bn, first_stride, pooled_classifier, scaled

# The paper's table for the small convolutional model: kernel of the filter before the
# expansion and of that after it (0 for none), output channels, expansion, stride.
BLOCKS = (
    (5, 5, 96, 3, 2),
    *((0, 3, 96, 2, 1),) * 4,
    (3, 0, 96, 4, 1),
    (3, 3, 128, 6, 2),
    (5, 5, 128, 4, 1),
    (0, 5, 128, 4, 1),
    (0, 5, 128, 3, 1),
    *((0, 3, 128, 4, 1),) * 2,
)


class UniversalBottleneck(nn.Module):
    """Filter, expand, filter, project: (N, inputs, H, W) to (N, outputs, H/s, W/s).

    Either filter may be missing (kernel 0). The first changes nothing but space and has no
    activation; the input is added where it has the output's shape.
    """

    def __init__(
        self, inputs: int, outputs: int, kernels: tuple[int, int], inner: int, stride: int
    ) -> None:
        super().__init__()
        before, after = kernels
        layers: list[nn.Module] = []
        if before:
            step = 1 if after else stride
            layers.append(conv_bn(inputs, inputs, before, step, groups=inputs))
        layers.append(conv_bn(inputs, inner, 1, activation=nn.ReLU()))
        if after:
            layers.append(conv_bn(inner, inner, after, stride, groups=inner, activation=nn.ReLU()))
        self.layers = nn.Sequential(*layers, conv_bn(inner, outputs, 1))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride))."""
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


def mobilenet_v4_conv_small(classes: int, channels: int, width: float, side: int) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes); `side` is the shorter of H and W."""
    a, b, c, last = (scaled(n, width) for n in (32, 96, 64, 960))
    features, inputs = scaled(1280, max(1.0, width)), c
    blocks: list[nn.Module] = []
    for before, after, base, expansion, stride in BLOCKS:
        outputs, inner = scaled(base, width), scaled(inputs, expansion)
        blocks.append(UniversalBottleneck(inputs, outputs, (before, after), inner, stride))
        inputs = outputs
    return nn.Sequential(
        conv_bn(channels, a, 3, first_stride(side), activation=nn.ReLU()),  # (N, a, H/2, W/2)
        conv_bn(a, a, 3, 2, activation=nn.ReLU()),
        conv_bn(a, a, 1, activation=nn.ReLU()),  # (N, a, H/4, W/4)
        conv_bn(a, b, 3, 2, activation=nn.ReLU()),
        conv_bn(b, c, 1, activation=nn.ReLU()),  # (N, c, H/8, W/8)
        nn.Sequential(*blocks),  # (N, 128 width, H/32, W/32)
        conv_bn(inputs, last, 1, activation=nn.ReLU()),
        nn.Sequential(
            nn.AdaptiveAvgPool2d(1),  # (N, last, 1, 1)
            conv_bn(last, features, 1, activation=nn.ReLU()),
        ),
        pooled_classifier(features, classes),
    )
