"""Reductions over axes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantization.lower import layout
from quantization.lower.draft import TfliteDraft
from quantization.lower.graph import Operation
from quantization.lower.registry import lowers
from quantization.operators.table import refuse

# The kernels of tflite-runtime 2.14 reduce up to this many axes.
MAX_RANK = 4


@lowers("GlobalAveragePool")
def global_average_pool(operation: Operation, network: TfliteDraft) -> None:
    """MEAN over height and width."""
    axes = range(2, len(operation.value().shape))
    _emit(operation, network, schema.BuiltinOperator.MEAN, tuple(axes), keep=True)


@lowers("GlobalMaxPool")
def global_max_pool(operation: Operation, network: TfliteDraft) -> None:
    """REDUCE_MAX over height and width."""
    axes = range(2, len(operation.value().shape))
    _emit(operation, network, schema.BuiltinOperator.REDUCE_MAX, tuple(axes), keep=True)


@lowers("ReduceMean")
def reduce_mean(operation: Operation, network: TfliteDraft) -> None:
    """MEAN."""
    _reduce(operation, network, schema.BuiltinOperator.MEAN)


@lowers("ReduceMax")
def reduce_max(operation: Operation, network: TfliteDraft) -> None:
    """REDUCE_MAX."""
    _reduce(operation, network, schema.BuiltinOperator.REDUCE_MAX)


@lowers("ArgMax")
def arg_max(operation: Operation, network: TfliteDraft) -> None:
    """ARG_MAX, whose int32 indices leave the network."""
    node, x, y = operation.node, operation.value(), operation.output
    if node.integer("select_last_index", 0):
        refuse(node, "with select_last_index has no lowering")
    axis, order = node.integer("axis", 0) % len(x.shape), network.orders[x]
    left = layout.without(order, (axis,))
    shape = layout.shape(tuple(n for i, n in enumerate(x.shape) if i != axis), left)
    options = schema.ArgMaxOptionsT()
    options.outputType = schema.TensorType.INT32
    inputs = [
        network.value(x),
        network.constant("axis", np.array(layout.axis(axis, order), np.int32)),
    ]
    # ARG_MAX drops the axis; where ONNX keeps it, the tensor is written without it first.
    kept = order if node.integer("keepdims", 1) else left
    output = network.write(y, kept, shape)
    network.emit(schema.BuiltinOperator.ARG_MAX, 2, inputs, output, options)


def _reduce(operation: Operation, network: TfliteDraft, code: int) -> None:
    """The axes are an attribute in older opsets and an input since."""
    node, rank = operation.node, len(operation.value().shape)
    given = operation.parameter(1)
    if given is None and len(node.inputs) > 1 and node.inputs[1]:
        refuse(node, "over axes that are computed has no lowering")
    axes: Sequence[Any] = node.integers("axes", ()) if given is None else given.tolist()
    if not axes and node.integer("noop_with_empty_axes", 0):
        refuse(node, "over no axes has no lowering")
    over = tuple(sorted(int(a) % rank for a in axes)) or tuple(range(rank))
    _emit(operation, network, code, over, keep=bool(node.integer("keepdims", 1)))


def _emit(
    operation: Operation, network: TfliteDraft, code: int, axes: tuple[int, ...], *, keep: bool
) -> None:
    x = operation.value()
    if len(x.shape) > MAX_RANK:
        refuse(operation.node, f"of rank {len(x.shape)} has no lowering, only up to {MAX_RANK}")
    order = network.orders[x]
    moved = sorted(layout.axis(a, order) for a in axes)
    options = schema.ReducerOptionsT()
    options.keepDims = keep
    inputs = [network.value(x), network.constant("axes", np.array(moved, np.int32))]
    output = network.write(operation.output, order if keep else layout.without(order, axes))
    network.emit(code, 2, inputs, output, options)
