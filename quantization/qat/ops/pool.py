"""Pooling over maps (N, C, H, W) and sequences (N, C, L)."""

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from quantization.qat.ops.conv import pad
from quantization.qat.registry import GridRule, NodeCall, operator
from quantization.qat.rounding import Rounding

LOWEST = -np.inf  # what loses every comparison


@operator("MaxPool", GridRule.MOVED)
def max_pool(call: NodeCall, x: Tensor) -> Tensor:
    """The largest value under each window."""
    kernel, strides = call.spatial("kernel_shape", 1), call.spatial("strides", 1)
    dilations = call.spatial("dilations", 1)
    begins, ends = _reached(call)
    if begins == ends and all(2 * b <= k for b, k in zip(begins, kernel, strict=True)):
        padding = begins
    else:
        x, padding = pad(x, begins, ends, LOWEST), (0,) * len(begins)
    pool = F.max_pool1d if x.ndim == 3 else F.max_pool2d
    pooled: Tensor = pool(x, kernel, strides, padding, dilations)
    return pooled


@operator("AveragePool", GridRule.LINEAR, Rounding.AWAY)
def average_pool(call: NodeCall, x: Tensor) -> Tensor:
    """The mean under each window, over the padding as well if it is to be counted."""
    begins, ends = _reached(call)
    sums = _sums(call, pad(x, begins, ends) if any((*begins, *ends)) else x)
    return sums / _counts(call, x.new_ones((1, 1, *call.before[2:])), begins, ends)


@operator("GlobalAveragePool", GridRule.LINEAR)
def global_average_pool(_call: NodeCall, x: Tensor) -> Tensor:
    """The mean of each channel."""
    # Unlike the gradient of `mean`, this one's lies in memory as the map does.
    return F.adaptive_avg_pool1d(x, 1) if x.ndim == 3 else F.adaptive_avg_pool2d(x, 1)


@operator("GlobalMaxPool", GridRule.MOVED)
def global_max_pool(_call: NodeCall, x: Tensor) -> Tensor:
    """The largest value of each channel."""
    return x.amax(tuple(range(2, x.ndim)), keepdim=True)


def _sums(call: NodeCall, x: Tensor) -> Tensor:
    """The sum under each window of a map or sequence that is padded already."""
    kernel, strides = call.spatial("kernel_shape", 1), call.spatial("strides", 1)
    if x.ndim == 3:
        x, kernel, strides = x.unsqueeze(2), (1, *kernel), (1, *strides)
    sums = F.avg_pool2d(x, kernel, strides, divisor_override=1)
    return sums.squeeze(2) if len(call.before) == 3 else sums


def _counts(call: NodeCall, ones: Tensor, begins: tuple[int, ...], ends: tuple[int, ...]) -> Tensor:
    """How many elements each window takes the mean of, given one that is 1 throughout."""
    nothing = (0,) * len(begins)
    if call.node.integer("count_include_pad", 0):
        _, declared = call.pads()
        # What windows reach beyond the declared padding (ceil_mode) is not counted.
        counted = tuple(min(e, d) for e, d in zip(ends, declared, strict=True))
        ones = pad(ones, begins, counted, 1.0)
        begins, ends = nothing, tuple(e - c for e, c in zip(ends, counted, strict=True))
    return _sums(call, pad(ones, begins, ends))


def _reached(call: NodeCall) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The padding before and after each axis that the windows reach into.

    The size of the output says how many windows there are, whatever `ceil_mode` is.
    """
    begins, _ = call.pads()
    kernel, strides = call.spatial("kernel_shape", 1), call.spatial("strides", 1)
    dilations = call.spatial("dilations", 1)
    ends = tuple(
        max((windows - 1) * s + (k - 1) * d + 1 - size - begin, 0)
        for windows, s, k, d, size, begin in zip(
            call.after[2:], strides, kernel, dilations, call.before[2:], begins, strict=True
        )
    )
    return begins, ends
