"""Convolutions: windows of the input times a filter, summed; int8 in and out, NHWC.

``y = clamp(z_y + M * (bias + sum((x - z_x) * w)))`` with ``M = s_x * s_w / s_y``, one per
output channel: TensorFlow Lite 8-bit quantization specification, CONV_2D and
DEPTHWISE_CONV_2D.
"""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.lib.stride_tricks import sliding_window_view

from edge_agent.common.arrays import I8
from quantization.graph.graph import Array
from quantization.reference.fixed_point import (
    I64,
    Multiplier,
    multiply_channels,
    quantize_multiplier,
)
from quantization.reference.kernels.output import centred, to_int8
from quantization.reference.model import ReferenceOperator
from quantization.reference.registry import kernel, option, refuse, require_int8


def same_padding(size: int, kernel_size: int, stride: int, windows: int) -> tuple[int, int]:
    """SAME's padding before and after an axis; the odd element comes after."""
    needed = max((windows - 1) * stride + kernel_size - size, 0)
    return needed // 2, needed - needed // 2


def windows(
    x: Array, size: tuple[int, int], operator: ReferenceOperator, fill: Array | int = 0
) -> Array:
    """The windows under a filter: (N, H, W, C) as (N, OH, OW, C, KH, KW).

    Args:
        x: the input.
        size: KH, KW, without dilation.
        operator: whose padding, strides and dilations to use.
        fill: what stands outside the input, where SAME reaches there.
    """
    strides = option(operator, "strideH", 1), option(operator, "strideW", 1)
    dilations = (
        getattr(operator.options, "dilationHFactor", 1),
        getattr(operator.options, "dilationWFactor", 1),
    )
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilations, strict=True)]
    pads = [(0, 0)] * 4
    if option(operator, "padding", schema.Padding.SAME) == schema.Padding.SAME:
        for i in range(2):
            count = -(-x.shape[1 + i] // strides[i])
            pads[1 + i] = same_padding(x.shape[1 + i], reach[i], strides[i], count)
    padded = np.pad(x, pads, constant_values=fill)
    every = sliding_window_view(padded, reach, axis=(1, 2))  # (N, OH, OW, C, reach, reach)
    return every[:, :: strides[0], :: strides[1], :, :: dilations[0], :: dilations[1]]


def channel_factors(
    operator: ReferenceOperator, channels: int, source: int = 0
) -> list[Multiplier]:
    """``M = s_x * s_w / s_y`` for each output channel, computed in double."""
    x, weights, y = operator.input(source), operator.input(1), operator.output
    if np.any(weights.zero_points):
        refuse(operator, "with weights whose zero point is not 0 has no reference")
    scales = np.broadcast_to(weights.scales, channels)
    return [quantize_multiplier(float(x.scale) * float(s) / float(y.scale)) for s in scales]


@kernel("CONV_2D")
def conv_2d(operator: ReferenceOperator, x: I8, weights: I8, bias: Array | None = None) -> I8:
    """Of x (N, H, W, C), weights (O, KH, KW, C / groups), bias (O,) int32."""
    require_int8(operator, 0, 1)
    _, height, width, depth = weights.shape
    groups = x.shape[3] // depth
    # Padding is real 0, and so is what is left of it once the zero point is taken off.
    patches = windows(centred(x, operator.input(0)), (height, width), operator)
    sums = np.concatenate(
        [
            _correlate(patches[:, :, :, g * depth : (g + 1) * depth], filters)
            for g, filters in enumerate(np.split(weights, groups))
        ],
        axis=-1,
    )
    return _finish(operator, sums, bias)


@kernel("DEPTHWISE_CONV_2D")
def depthwise_conv_2d(
    operator: ReferenceOperator, x: I8, weights: I8, bias: Array | None = None
) -> I8:
    """X (N, H, W, C), weights (1, KH, KW, C * M): channel c has the outputs c * M to c * M + M."""
    require_int8(operator, 0, 1)
    _, height, width, outputs = weights.shape
    channels = x.shape[3]
    patches = windows(centred(x, operator.input(0)), (height, width), operator)
    filters = weights.reshape(height, width, channels, outputs // channels).astype(np.int64)
    sums = np.zeros((*patches.shape[:4], outputs // channels), np.int64)  # (N, OH, OW, C, M)
    for i in range(height):
        for j in range(width):
            sums += patches[..., i, j, None] * filters[i, j]
    return _finish(operator, sums.reshape(*sums.shape[:3], outputs), bias)


@kernel("TRANSPOSE_CONV")
def transpose_conv(
    operator: ReferenceOperator, shape: Array, weights: I8, x: I8, bias: Array | None = None
) -> I8:
    """The gradient of a convolution: each x (N, H, W, C) adds its filters to the output.

    Weights are (O, KH, KW, C); `shape` is the output's, from which the padding follows.
    """
    require_int8(operator, 1, 2)
    (count, out_height, out_width, outputs) = (int(n) for n in shape)
    _, height, width, _ = weights.shape
    strides = option(operator, "strideH", 1), option(operator, "strideW", 1)
    spread = np.tensordot(
        centred(x, operator.input(2)).astype(np.float64), weights.astype(np.float64), ((3,), (3,))
    ).astype(np.int64)  # (N, H, W, O, KH, KW)
    room = [(n - 1) * s + k for n, s, k in zip(x.shape[1:3], strides, (height, width), strict=True)]
    before = [0, 0]
    if option(operator, "padding", schema.Padding.SAME) == schema.Padding.SAME:
        for i, (size, k) in enumerate(((out_height, height), (out_width, width))):
            before[i] = same_padding(size, k, strides[i], -(-size // strides[i]))[0]
    full = [max(room[i], before[i] + (out_height, out_width)[i]) for i in range(2)]
    sums = np.zeros((count, *full, outputs), np.int64)
    for i in range(height):
        for j in range(width):
            rows = slice(i, i + (x.shape[1] - 1) * strides[0] + 1, strides[0])
            columns = slice(j, j + (x.shape[2] - 1) * strides[1] + 1, strides[1])
            sums[:, rows, columns] += spread[..., i, j]
    cropped = sums[:, before[0] : before[0] + out_height, before[1] : before[1] + out_width]
    return _finish(operator, cropped, bias, source=2)


def _correlate(patches: I64, filters: I8) -> I64:
    """The sum over each window: (N, OH, OW, C, KH, KW) with (O, KH, KW, C) to (N, OH, OW, O)."""
    # In double NumPy has a fast matrix product, and integers this small are exact in it.
    sums = np.tensordot(
        patches.astype(np.float64),
        filters.astype(np.float64),
        (
            (3, 4, 5),
            (3, 1, 2),
        ),
    )
    result: I64 = sums.astype(np.int64)
    return result


def _finish(operator: ReferenceOperator, sums: I64, bias: Array | None, source: int = 0) -> I8:
    if bias is not None:
        sums = sums + bias
    factors = channel_factors(operator, sums.shape[-1], source)
    return to_int8(multiply_channels(sums, factors), operator)
