"""The inverted residual of MobileNetV2, shared by the networks that came of it."""

from torch import Tensor, nn

from pipeline.models.layers import conv_bn


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project: (N, inputs, H, W) to (N, outputs, H/s, W/s).

    The input is added where it has the output's shape. An `expansion` of 1 leaves the first
    convolution out; `eps` is that of the norms.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        expansion: int,
        kernel: int = 3,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        inner = inputs * expansion
        expand = (
            [conv_bn(inputs, inner, 1, activation=nn.ReLU6(), eps=eps)] if expansion > 1 else []
        )
        self.layers = nn.Sequential(
            *expand,  # (N, inner, H, W)
            conv_bn(inner, inner, kernel, stride, groups=inner, activation=nn.ReLU6(), eps=eps),
            conv_bn(inner, outputs, 1, eps=eps),  # (N, outputs, H/s, W/s), linear
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride))."""
        y: Tensor = self.layers(x)
        return x + y if self.residual else y
