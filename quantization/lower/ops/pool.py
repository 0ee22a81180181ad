"""Pooling."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantization.lower.draft import TfliteDraft
from quantization.lower.graph import Operation
from quantization.lower.ops.padding import explicit_padding, padded_input
from quantization.lower.ops.select import emit_slice
from quantization.lower.registry import lowers
from quantization.lower.window import (
    AxisWindows,
    nhwc,
    plane,
    read_map,
    steps,
    windows,
    write_map,
)
from quantization.operators.table import refuse


@lowers("MaxPool")
def max_pool(operation: Operation, network: TfliteDraft) -> None:
    """MAX_POOL_2D."""
    if len(operation.node.outputs) > 1:
        refuse(operation.node, "with its second output, the indices, has no lowering")
    both = _windows(operation)
    source, padding = padded_input(operation, network, both, lowest=True)
    output = write_map(network, operation.output)
    strides = steps(operation, "strides")
    _emit(network, schema.BuiltinOperator.MAX_POOL_2D, source, padding, both, strides, output)


@lowers("AveragePool")
def average_pool(operation: Operation, network: TfliteDraft) -> None:
    """AVERAGE_POOL_2D: its SAME leaves padding out of the mean, a PAD before it counts it."""
    node, x, both = operation.node, operation.value(), _windows(operation)
    pads = node.integers("pads", (0,) * 2 * len(x.shape[2:]))
    declared_ends = plane(pads[len(pads) // 2 :], 0)
    strides = steps(operation, "strides")
    if all(w.is_valid for w in both):
        source, padding = read_map(network, x), schema.Padding.VALID
    elif not node.integer("count_include_pad", 0):
        source, padding = read_map(network, x), schema.Padding.SAME
        if not all(w.is_same for w in both):
            _every_window(operation, network, source, both, strides)
            return
    elif any(w.end > declared for w, declared in zip(both, declared_ends, strict=True)):
        refuse(node, "with windows past the counted padding (ceil_mode) has no lowering")
    else:
        source, padding = explicit_padding(operation, network, both), schema.Padding.VALID
    output = write_map(network, operation.output)
    _emit(network, schema.BuiltinOperator.AVERAGE_POOL_2D, source, padding, both, strides, output)


def _every_window(
    operation: Operation,
    network: TfliteDraft,
    source: int,
    both: tuple[AxisWindows, AxisWindows],
    strides: tuple[int, ...],
) -> None:
    """Where padding is neither SAME nor counted: SAME by steps of 1, and of that every stride-th.

    It computes means that nobody reads, but each by the elements it really covers.
    """
    x, y = operation.value(), operation.output
    for w in both:
        # SAME by steps of 1 centres a window on each element.
        first = (w.kernel - 1) // 2 - w.begin
        if first < 0 or first + (w.windows - 1) * w.stride >= w.size:
            refuse(
                operation.node, "with uncounted padding of more than half a window has no lowering"
            )
    means = network.intermediate(f"{y.name}:everywhere", nhwc(x.shape), x)
    code, padding = schema.BuiltinOperator.AVERAGE_POOL_2D, schema.Padding.SAME
    _emit(network, code, source, padding, both, (1, 1), means)
    begin = [0, *((w.kernel - 1) // 2 - w.begin for w in both), 0]
    step = [1, *strides, 1]
    size = nhwc(y.shape)
    arrays = (np.array(values, np.int64) for values in (begin, step, size))
    emit_slice(network, means, write_map(network, y), *arrays)


def _windows(operation: Operation) -> tuple[AxisWindows, AxisWindows]:
    node = operation.node
    kernel = node.integers("kernel_shape", ())
    if len(kernel) not in (1, 2):
        refuse(node, f"with a kernel of {len(kernel)} dimensions has no lowering")
    if set(node.integers("dilations", (1,))) != {1}:
        refuse(node, "with dilations has no lowering")
    return windows(operation, kernel)


def _emit(
    network: TfliteDraft,
    code: int,
    source: int,
    padding: int,
    both: tuple[AxisWindows, AxisWindows],
    strides: tuple[int, ...],
    output: int,
) -> None:
    options = schema.Pool2DOptionsT()
    options.padding = padding
    options.filterHeight, options.filterWidth = (w.kernel for w in both)
    options.strideH, options.strideW = strides
    network.emit(code, 2, [source], output, options)
