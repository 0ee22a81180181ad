"""Pooling and means."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantization.lower import layout
from quantization.lower.graph import Operation
from quantization.lower.network import Network
from quantization.lower.ops.padding import explicit_padding, padded_input
from quantization.lower.registry import Scale, operator, refuse
from quantization.lower.window import Window, windows


@operator("MaxPool", scale=Scale.SHARED)
def max_pool(operation: Operation, network: Network) -> None:
    """MAX_POOL_2D."""
    if len(operation.node.outputs) > 1:
        refuse(operation.node, "with its second output, the indices, has no lowering")
    if set(operation.node.integers("dilations", (1, 1))) != {1}:
        refuse(operation.node, "with dilations has no lowering")
    both = _windows(operation)
    source, padding = padded_input(operation, network, both, lowest=True)
    _emit(operation, network, schema.BuiltinOperator.MAX_POOL_2D, source, padding)


@operator("AveragePool", scale=Scale.SHARED)
def average_pool(operation: Operation, network: Network) -> None:
    """AVERAGE_POOL_2D: its SAME leaves padding out of the mean, a PAD before it counts it."""
    node, both = operation.node, _windows(operation)
    declared_ends = node.integers("pads", (0, 0, 0, 0))[2:]
    if all(w.is_valid for w in both):
        source, padding = network.value(operation.value()), schema.Padding.VALID
    elif not node.integer("count_include_pad", 0) and all(w.is_same for w in both):
        source, padding = network.value(operation.value()), schema.Padding.SAME
    elif not node.integer("count_include_pad", 0):
        refuse(node, "with padding that is neither SAME nor counted has no lowering")
    elif any(w.end > declared for w, declared in zip(both, declared_ends, strict=True)):
        refuse(node, "with windows past the counted padding (ceil_mode) has no lowering")
    else:
        source, padding = explicit_padding(operation, network, both), schema.Padding.VALID
    _emit(operation, network, schema.BuiltinOperator.AVERAGE_POOL_2D, source, padding)


@operator("GlobalAveragePool")
def global_average_pool(operation: Operation, network: Network) -> None:
    """MEAN over height and width."""
    _mean(operation, network, tuple(range(2, len(operation.value().shape))), keep=True)


@operator("ReduceMean")
def reduce_mean(operation: Operation, network: Network) -> None:
    """MEAN; the axes are an attribute before opset 18 and an input since."""
    node, rank = operation.node, len(operation.value().shape)
    given = operation.parameter(1)
    axes = node.integers("axes", ()) if given is None else tuple(int(a) for a in given)
    keep = bool(node.integer("keepdims", 1))
    axes = tuple(a % rank for a in axes) or tuple(range(rank))
    left = [a for a in layout.axes(rank) if a not in axes]
    if 0 in axes or not (keep or left == sorted(left)):
        refuse(node, f"over axes {axes} of a value of rank {rank} has no lowering")
    _mean(operation, network, axes, keep=keep)


def _windows(operation: Operation) -> tuple[Window, Window]:
    kernel = operation.node.integers("kernel_shape", ())
    if len(kernel) != 2:
        refuse(operation.node, f"with a kernel of {len(kernel)} dimensions has no lowering")
    return windows(operation, (kernel[0], kernel[1]))


def _emit(operation: Operation, network: Network, code: int, source: int, padding: int) -> None:
    options = schema.Pool2DOptionsT()
    options.padding = padding
    options.filterHeight, options.filterWidth = operation.node.integers("kernel_shape", ())
    options.strideH, options.strideW = operation.node.integers("strides", (1, 1))
    network.emit(code, 2, [source], network.value(operation.output), options)


def _mean(operation: Operation, network: Network, axes: tuple[int, ...], *, keep: bool) -> None:
    x = operation.value()
    moved = sorted(layout.axis(a, len(x.shape)) for a in axes)
    options = schema.ReducerOptionsT()
    options.keepDims = keep
    inputs = [network.value(x), network.constant("axes", np.array(moved, np.int32))]
    network.emit(schema.BuiltinOperator.MEAN, 2, inputs, network.value(operation.output), options)
