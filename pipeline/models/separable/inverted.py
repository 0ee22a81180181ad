"""The inverted residual of MobileNetV2, shared by the networks that came of it."""

from torch import Tensor, nn

from pipeline.models.layers import conv_bn


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project: (N, inputs, H, W) to (N, outputs, H/s, W/s).

    The input is added where it has the output's shape.

    Args:
        inputs, outputs: channels.
        stride: of the filter.
        inner: channels of the filter; without more than `inputs` nothing is expanded.
        kernel: side of the filter.
        activation: after all but the projection.
        eps: of the norms.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        inner: int,
        *,
        kernel: int = 3,
        activation: type[nn.Module] = nn.ReLU6,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if inner > inputs:
            layers.append(conv_bn(inputs, inner, 1, activation=activation(), eps=eps))
        self.layers = nn.Sequential(
            *layers,  # (N, inner, H, W)
            conv_bn(inner, inner, kernel, stride, groups=inner, activation=activation(), eps=eps),
            conv_bn(inner, outputs, 1, eps=eps),  # (N, outputs, H/s, W/s), linear
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride))."""
        y: Tensor = self.layers(x)
        return x + y if self.residual else y
