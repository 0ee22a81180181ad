"""Layout: in which order the TFLite file holds the axes of each ONNX value.

An `Order` names, for each TFLite axis of a tensor, the ONNX axis it holds. Convolutions and
poolings want channels last; everything else keeps the order its input has. So ONNX's
Transpose is only another name for the same tensor, and a TRANSPOSE is emitted only where a
reader wants an order that the tensor does not have.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from quantization.graph.graph import Array, Shape

Order: TypeAlias = tuple[int, ...]
Elements: TypeAlias = NDArray[np.int64]


def as_onnx(rank: int) -> Order:
    """ONNX's own order."""
    return tuple(range(rank))


def channels_last(rank: int) -> Order:
    """N, then the spatial axes, then channels; ONNX's own order below rank 3."""
    return (0, *range(2, rank), 1) if rank > 2 else as_onnx(rank)


def shape(onnx_shape: Shape, order: Order) -> Shape:
    """The TFLite shape of a value."""
    return tuple(onnx_shape[axis] for axis in order)


def axis(onnx_axis: int, order: Order) -> int:
    """The TFLite axis that holds an ONNX axis (which may be negative)."""
    return order.index(onnx_axis % len(order))


def per_axis(values: Array, order: Order) -> Array:
    """An array with one row per ONNX axis, in TFLite's order of axes."""
    return values[list(order)]


def last(order: Order, onnx_axis: int) -> Order:
    """The order with one ONNX axis moved to the end."""
    moved = onnx_axis % len(order)
    return (*(a for a in order if a != moved), moved)


def of_transposed(order: Order, permutation: Order) -> Order:
    """The order of ONNX's Transpose of a tensor, which is the same tensor.

    Axis `j` of the transposed value is axis ``permutation[j]`` of the value.
    """
    return tuple(permutation.index(axis) for axis in order)


def before_transpose(order: Order, permutation: Order) -> Order:
    """The order a value must have for its Transpose to have `order`."""
    return tuple(permutation[axis] for axis in order)


def without(order: Order, removed: tuple[int, ...]) -> Order:
    """The order of a value that has lost some ONNX axes."""
    left = [axis for axis in range(len(order)) if axis not in removed]
    return tuple(left.index(axis) for axis in order if axis not in removed)


def significant(onnx_shape: Shape, order: Order) -> Order:
    """The order without the axes of one element, whose place does not matter."""
    return tuple(axis for axis in order if onnx_shape[axis] != 1)


def is_same_memory(onnx_shape: Shape, a: Order, b: Order) -> bool:
    """Whether the elements of a value lie alike in both orders."""
    return significant(onnx_shape, a) == significant(onnx_shape, b)


def through_reshape(before: Shape, after: Shape, order: Order, wish: Order) -> Order | None:
    """The order of a reshaped value if the TFLite tensor, too, is only reshaped.

    ONNX's axes fall into groups with as many elements before as after. A tensor can be
    reshaped as it lies if the axes of each group lie together and in ONNX's order.

    Args:
        before: ONNX's shape.
        after: ONNX's shape, of as many elements.
        order: of the tensor.
        wish: the order to return if axes of one element leave a choice.
    """
    lying, result = list(significant(before, order)), []
    groups = _groups(before, after)
    while lying:
        group, made = next(g for g in groups if lying[0] in g[0])
        if lying[: len(group)] != group:
            return None
        result += made
        lying = lying[len(group) :]
    for choice in (wish, channels_last(len(after)), as_onnx(len(after))):
        if list(significant(after, choice)) == result:
            return choice
    return (*(axis for axis, size in enumerate(after) if size == 1), *result)


def before_reshape(before: Shape, after: Shape, wish: Order) -> Order:
    """The order a tensor needs so that its reshape has the order `wish`; else ONNX's own."""
    found = through_reshape(after, before, wish, channels_last(len(before)))
    return as_onnx(len(before)) if found is None else found


def _groups(before: Shape, after: Shape) -> list[tuple[list[int], list[int]]]:
    """The smallest groups of axes, those of one element left out, with equal products."""
    left = [axis for axis, size in enumerate(before) if size != 1]
    right = [axis for axis, size in enumerate(after) if size != 1]
    groups = []
    while left or right:
        a, b = [left.pop(0)], [right.pop(0)]
        while (m := _elements(before, a)) != (n := _elements(after, b)):
            if m < n:
                a.append(left.pop(0))
            else:
                b.append(right.pop(0))
        groups.append((a, b))
    return groups


def _elements(sizes: Shape, axes: list[int]) -> int:
    return int(np.prod([sizes[axis] for axis in axes]))


def flattened_elements(onnx_shape: Shape, order: Order) -> Elements:
    """Where each element (K,) of a flattened TFLite tensor stands in ONNX's flattened one."""
    return np.arange(np.prod(onnx_shape)).reshape(onnx_shape).transpose(order).reshape(-1)
