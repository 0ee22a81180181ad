"""The few layers every architecture is made of, with TensorFlow Lite's padding.

All tensors are NCHW float32. A convolution carries no bias where a batch norm follows,
which would only subtract it again.
"""

from typing import Protocol, runtime_checkable

import torch.nn.functional as F
from torch import Tensor, nn


class SameConv2d(nn.Conv2d):
    """A convolution padded by TensorFlow Lite's SAME rule: (N, C, H, W) to ceil(size / stride).

    Where the padding is odd the extra row and column go below and to the right; torch's
    own symmetric padding would sample other pixels, and cost the lowered graph a PAD. It
    exports to ONNX as Pad and Conv, which the lowering folds back into one SAME convolution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        groups: int = 1,
        bias: bool = False,
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, outputs, ceil(H / stride), ceil(W / stride))."""
        top, bottom = same_padding(x.shape[2], self.kernel_size[0], self.stride[0])
        left, right = same_padding(x.shape[3], self.kernel_size[1], self.stride[1])
        if top == bottom and left == right:
            return F.conv2d(x, self.weight, self.bias, self.stride, (top, left), groups=self.groups)
        padded = F.pad(x, (left, right, top, bottom))
        return F.conv2d(padded, self.weight, self.bias, self.stride, groups=self.groups)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after one axis of `size` values, by TensorFlow's SAME rule."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class SameMaxPool2d(nn.Module):
    """The maximum of 3x3, every second: (N, C, H, W) to ceil(size / 2), by the SAME rule.

    A size that is odd is padded on both sides, an even one at its end.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, ceil(H / 2), ceil(W / 2))."""
        odd = int(x.shape[2]) % 2, int(x.shape[3]) % 2
        return F.max_pool2d(x, 3, 2, odd, ceil_mode=True)


class EdgeMaxPool2d(nn.Module):
    """The maximum of 3x3, every second, from the first pixel on: torch's `ceil_mode`.

    An even size is halved, an odd one loses half a pixel, and a single pixel stays.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H // 2, W // 2), at least 1."""
        single = int(x.shape[2] == 1), int(x.shape[3] == 1)
        return F.max_pool2d(x, 3, 2, single, ceil_mode=True)


def conv_bn(
    inputs: int,
    outputs: int,
    kernel: int | tuple[int, int],
    stride: int = 1,
    groups: int = 1,
    activation: nn.Module | None = None,
    eps: float = 1e-5,
    bias: bool = False,
) -> nn.Sequential:
    """Convolution, batch norm and, if given, `activation`; `eps` is the norm's.

    A `bias` before the norm changes nothing, but some published weights have one.
    """
    layers: list[nn.Module] = [
        SameConv2d(inputs, outputs, kernel, stride, groups, bias),
        nn.BatchNorm2d(outputs, eps=eps),
    ]
    if activation is not None:
        layers.append(activation)
    return nn.Sequential(*layers)


@runtime_checkable
class FixedOutputs(Protocol):
    """A part of a network that orders channels anew, so that not each can go by itself."""

    def fixed_outputs(self) -> tuple[nn.Module, ...]:
        """The convolutions in it whose outputs must keep their number."""


def fixed_outputs(module: nn.Module) -> tuple[nn.Module, ...]:
    """The convolutions in `module`, by its own word, whose outputs must keep their number."""
    return module.fixed_outputs() if isinstance(module, FixedOutputs) else ()


# An input with a shorter side would be a single pixel halfway through five halvings.
SMALL_INPUT = 64


def first_stride(side: int) -> int:
    """The stride of a first convolution that halves, unless the input is small already."""
    return 1 if side < SMALL_INPUT else 2


class StepClassifier(nn.Conv2d):
    """One linear layer for every place: (N, features, 1, T) to logits (N, classes, 1, T)."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__(features, classes, 1)


def classifier(features: int, classes: int) -> nn.Sequential:
    """Global average pool and one linear layer: (N, features, H, W) to logits (N, classes)."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),  # (N, features, 1, 1)
        nn.Flatten(),  # (N, features)
        nn.Linear(features, classes),
    )


def pooled_classifier(features: int, classes: int) -> nn.Sequential:
    """One linear layer behind maps of one pixel: (N, features, 1, 1) to logits (N, classes)."""
    return nn.Sequential(nn.Flatten(), nn.Linear(features, classes))


def scaled(channels: int, width: float) -> int:
    """`channels` times `width` as a multiple of 8, never less than 8 nor under 90 %.

    The rule of the MobileNet papers' reference code (`_make_divisible`), for every net.
    """
    target = channels * width
    rounded = max(8, int(target + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * target else rounded


def initialise(module: nn.Module) -> None:
    """He initialisation of every convolution (He et al. 2015, fan out); norms start at 1, 0.

    Classifiers start near 0, so that the first answers are no surer than a guess.
    """
    for layer in module.modules():
        if isinstance(layer, StepClassifier | nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()
