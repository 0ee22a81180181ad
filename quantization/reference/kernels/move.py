"""Operators that move values and compute none: the int8 they write is the int8 they read."""

import numpy as np

from edge_agent.common.arrays import I8
from quantization.graph.graph import Array
from quantization.reference.model import ReferenceOperator
from quantization.reference.registry import kernel, option, refuse


@kernel("RESHAPE")
def reshape(operator: ReferenceOperator, x: Array, shape: Array | None = None) -> Array:
    """The same values in the same order in another shape: the file's, for the output."""
    return x.reshape(operator.output.shape)


@kernel("SQUEEZE")
def squeeze(operator: ReferenceOperator, x: Array) -> Array:
    """Without axes of size 1."""
    return x.reshape(operator.output.shape)


@kernel("EXPAND_DIMS")
def expand_dims(operator: ReferenceOperator, x: Array, axis: Array) -> Array:
    """With one more axis of size 1."""
    return x.reshape(operator.output.shape)


@kernel("TRANSPOSE")
def transpose(operator: ReferenceOperator, x: Array, order: Array) -> Array:
    """Axes in another order."""
    return x.transpose(order)


@kernel("PAD")
def pad(operator: ReferenceOperator, x: Array, pads: Array) -> Array:
    """`pads` (rank, 2) elements before and after each axis, of real 0: the zero point."""
    return np.pad(x, pads, constant_values=operator.output.zero_point)


@kernel("PADV2")
def pad_v2(operator: ReferenceOperator, x: Array, pads: Array, value: Array) -> Array:
    """As PAD, with a value of its own."""
    return np.pad(x, pads, constant_values=value.item())


@kernel("CONCATENATION")
def concatenation(operator: ReferenceOperator, *parts: I8) -> I8:
    """Inputs one behind the other along an axis; all of one scale."""
    y = operator.output
    for i in range(len(parts)):
        x = operator.input(i)
        if y.dtype == np.int8 and (x.scale, x.zero_point) != (y.scale, y.zero_point):
            refuse(
                operator,
                f"of {x.name!r} (scale {x.scale}, zero point {x.zero_point}) into another scale "
                f"({y.scale}, {y.zero_point}) has no reference",
            )
    return np.concatenate(parts, axis=option(operator, "axis", 0))


@kernel("SPLIT")
def split(operator: ReferenceOperator, axis: Array, x: Array) -> tuple[Array, ...]:
    """As many equal parts along an axis as there are outputs."""
    return tuple(np.split(x, len(operator.outputs), axis=int(axis.item())))


@kernel("SLICE")
def slice_(operator: ReferenceOperator, x: Array, begin: Array, size: Array) -> Array:
    """`size` elements from `begin` along each axis; -1 for all that follow."""
    ranges = zip(begin.tolist(), size.tolist(), strict=True)
    return x[tuple(slice(b, None if n == -1 else b + n) for b, n in ranges)]


@kernel("STRIDED_SLICE")
def strided_slice(
    operator: ReferenceOperator, x: Array, begin: Array, end: Array, strides: Array
) -> Array:
    """A Python slice along each of the first axes; bits of the masks leave its ends open."""
    if option(operator, "ellipsisMask", 0) or option(operator, "newAxisMask", 0):
        refuse(operator, "with an ellipsis or a new axis has no reference")
    index: list[int | slice] = []
    for i, (first, last, step) in enumerate(
        zip(begin.tolist(), end.tolist(), strides.tolist(), strict=True)
    ):
        if option(operator, "shrinkAxisMask", 0) >> i & 1:
            index.append(0 if option(operator, "beginMask", 0) >> i & 1 else first)
            continue
        start = None if option(operator, "beginMask", 0) >> i & 1 else first
        stop = None if option(operator, "endMask", 0) >> i & 1 else last
        index.append(slice(start, stop, step))
    return x[tuple(index)]


@kernel("GATHER")
def gather(operator: ReferenceOperator, x: Array, indices: Array) -> Array:
    """The values at `indices` along an axis."""
    if option(operator, "batchDims", 0):
        refuse(operator, "with batch dimensions has no reference")
    return np.take(x, indices, axis=option(operator, "axis", 0))


@kernel("DEPTH_TO_SPACE")
def depth_to_space(operator: ReferenceOperator, x: Array) -> Array:
    """Channels as blocks of space: (N, H, W, b * b * C) to (N, H * b, W * b, C)."""
    n, h, w, _ = x.shape
    b = operator.options.blockSize
    blocks = x.reshape(n, h, w, b, b, -1).transpose(0, 1, 3, 2, 4, 5)
    return blocks.reshape(n, h * b, w * b, -1)


@kernel("SPACE_TO_DEPTH")
def space_to_depth(operator: ReferenceOperator, x: Array) -> Array:
    """Blocks of space as channels: (N, H * b, W * b, C) to (N, H, W, b * b * C)."""
    n, h, w, c = x.shape
    b = operator.options.blockSize
    blocks = x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5)
    return blocks.reshape(n, h // b, w // b, b * b * c)
