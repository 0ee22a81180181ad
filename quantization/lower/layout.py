"""Layout: ONNX's channels-first axes as TFLite's channels-last ones.

Every tensor of rank 4 is NHWC in the TFLite file and every other rank keeps ONNX's order,
so that no operator between two feature maps needs a transpose. Where a feature map is
flattened, its elements come out in another order than in ONNX: a dense layer behind it
takes that order into its weights (`element_orders`), and only something else behind it
needs the transpose that the model itself then implies.
"""

import numpy as np
from numpy.typing import NDArray

from quantization.graph import Array, Shape
from quantization.lower.graph import QuantizedGraph, Tensor

NHWC = (0, 2, 3, 1)
NCHW = (0, 3, 1, 2)

Order = NDArray[np.int64]


def axes(rank: int) -> tuple[int, ...]:
    """For each TFLite axis of an activation, the ONNX axis it holds."""
    return NHWC if rank == len(NHWC) else tuple(range(rank))


def shape(onnx_shape: Shape) -> Shape:
    """The TFLite shape of an activation."""
    return tuple(onnx_shape[axis] for axis in axes(len(onnx_shape)))


def axis(onnx_axis: int, rank: int) -> int:
    """The TFLite axis of an activation that holds an ONNX axis (which may be negative)."""
    return axes(rank).index(onnx_axis % rank)


def per_axis(values: Array, rank: int) -> Array:
    """An array with one row per ONNX axis, in TFLite's order of axes."""
    return values[list(axes(rank))]


def is_reordered(onnx_shape: Shape) -> bool:
    """Whether flattening the TFLite tensor gives another order of elements than ONNX's."""
    return len(onnx_shape) == len(NHWC) and onnx_shape[1] > 1 and onnx_shape[2] * onnx_shape[3] > 1


def flattened_order(onnx_shape: Shape) -> Order:
    """Where each element (K,) of a flattened NHWC tensor stands in ONNX's flattened one."""
    return np.arange(np.prod(onnx_shape)).reshape(onnx_shape).transpose(NHWC).reshape(-1)


def element_orders(graph: QuantizedGraph) -> dict[Tensor, Order]:
    """The flattened tensors that stay in NHWC order, because only dense layers read them."""
    orders: dict[Tensor, Order] = {}
    for operation in graph.operations:
        if operation.node.op == "Flatten":
            source = operation.value()
            readers = graph.consumers(operation.output)
            dense = bool(readers) and all(r.node.op == "Gemm" for r in readers)
            if is_reordered(source.shape) and dense and operation.output is not graph.output:
                orders[operation.output] = flattened_order(source.shape)
    return orders
