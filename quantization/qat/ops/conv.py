"""Convolutions over maps (N, C, H, W) and sequences (N, C, L)."""

import torch.nn.functional as F
from torch import Tensor

from quantization.qat.registry import GridRule, NodeCall, operator


@operator("Conv", GridRule.PRODUCT)
def conv(call: NodeCall, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A convolution with weights (O, C / groups, ...) and explicit zero padding."""
    begins, ends = call.pads()
    if begins != ends:  # torch pads alike on both sides only
        x, begins = pad(x, begins, ends), (0,) * len(begins)
    convolve = F.conv1d if weight.ndim == 3 else F.conv2d
    return convolve(
        x,
        weight,
        bias,
        call.spatial("strides", 1),
        begins,
        call.spatial("dilations", 1),
        call.node.integer("group", 1),
    )


@operator("ConvTranspose", GridRule.PRODUCT)
def conv_transpose(call: NodeCall, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A transposed convolution with weights (C, O / groups, ...): all of it, then what is kept."""
    begins, _ = call.pads()
    strides, dilations = call.spatial("strides", 1), call.spatial("dilations", 1)
    convolve = F.conv_transpose1d if weight.ndim == 3 else F.conv_transpose2d
    y = convolve(x, weight, bias, strides, 0, 0, call.node.integer("group", 1), dilations)
    for axis, (begin, size) in enumerate(zip(begins, call.after[2:], strict=True), start=2):
        y = y.narrow(axis, begin, size)
    return y


def pad(x: Tensor, begins: tuple[int, ...], ends: tuple[int, ...], value: float = 0.0) -> Tensor:
    """A map or sequence padded along its spatial axes; torch names the last axis first."""
    both = zip(reversed(begins), reversed(ends), strict=True)
    return F.pad(x, [n for pair in both for n in pair], value=value)
