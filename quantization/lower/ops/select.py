"""Operators that put values together or take some of them out."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantization.lower import layout
from quantization.lower.draft import TfliteDraft
from quantization.lower.graph import Operation
from quantization.lower.ops.padding import emit_pad
from quantization.lower.registry import lowers
from quantization.operators.table import refuse

# STRIDED_SLICE and PAD of tflite-runtime 2.14 walk over this many axes.
MAX_RANK = 5
MIRRORED = {"reflect": schema.MirrorPadMode.REFLECT}


@lowers("Concat")
def concat(operation: Operation, network: TfliteDraft) -> None:
    """CONCATENATION, in the order of the first computed input."""
    tensors = [operation.operand(i) for i in range(len(operation.inputs))]
    order = next(network.orders[t] for t in tensors if t.data is None)
    options = schema.ConcatenationOptionsT()
    options.axis = layout.axis(operation.node.integer("axis", 0), order)
    inputs = [network.value(t, order) for t in tensors]
    output = network.write(operation.output, order)
    network.emit(schema.BuiltinOperator.CONCATENATION, 2, inputs, output, options)


@lowers("Pad")
def pad(operation: Operation, network: TfliteDraft) -> None:
    """PAD or PADV2 with a constant, MIRROR_PAD for `reflect`."""
    node, x, y = operation.node, operation.value(), operation.output
    given, fill, axes = (operation.parameter(i) for i in (1, 2, 3))
    rank, mode = len(x.shape), node.text("mode", "constant")
    if given is None or (len(node.inputs) > 3 and node.inputs[3] and axes is None):
        refuse(node, "with pads or axes that are computed has no lowering")
    if (given < 0).any():
        refuse(node, f"with the negative pads {given.tolist()} has no lowering")
    if mode not in ("constant", *MIRRORED) or rank > MAX_RANK:
        refuse(node, f"with mode {mode!r} on rank {rank} has no lowering")
    pads = np.zeros((rank, 2), np.int64)
    pads[np.arange(rank) if axes is None else axes] = given.reshape(2, -1).T
    order = network.orders[x]
    both = layout.per_axis(pads, order)  # (rank, 2): before, after
    source = network.value(x)
    if mode == "constant":
        value = x.stored(0.0 if fill is None else float(fill.item()))
        emit_pad(network, source, both, network.write(y, order), value, x)
        return
    options = schema.MirrorPadOptionsT()
    options.mode = MIRRORED[mode]
    inputs = [source, network.constant("pads", both.astype(np.int32))]
    network.emit(schema.BuiltinOperator.MIRROR_PAD, 2, inputs, network.write(y, order), options)


@lowers("Slice")
def slice_(operation: Operation, network: TfliteDraft) -> None:
    """SLICE, or STRIDED_SLICE where it skips elements."""
    node, x, y = operation.node, operation.value(), operation.output
    rank, order = len(x.shape), network.orders[operation.value()]
    starts, ends, axes, steps = (operation.parameter(i) for i in (1, 2, 3, 4))
    if (
        starts is None
        or ends is None
        or any(
            name and given is None
            for name, given in zip(node.inputs[3:], (axes, steps), strict=False)
        )
    ):
        refuse(node, "with bounds that are computed has no lowering")
    if rank > MAX_RANK:
        refuse(node, f"of rank {rank} has no lowering, only up to {MAX_RANK}")
    axes = np.arange(len(starts)) if axes is None else axes
    steps = np.ones(len(starts), np.int64) if steps is None else steps
    if (steps < 1).any():
        refuse(node, f"with steps {steps.tolist()} has no lowering, only forwards")
    begin, step = np.zeros(rank, np.int64), np.ones(rank, np.int64)
    for axis, start, by in zip(axes, starts, steps, strict=True):
        size = x.shape[axis]
        begin[axis] = np.clip(start + size if start < 0 else start, 0, size)
        step[axis] = by
    emit_slice(
        network,
        network.value(x),
        network.write(y, order),
        *(layout.per_axis(values, order) for values in (begin, step, np.array(y.shape))),
    )


def emit_slice(
    network: TfliteDraft,
    source: int,
    output: int,
    begin: layout.Elements,
    step: layout.Elements,
    size: layout.Elements,
) -> None:
    """Emit what takes `size` elements from `begin` on by `step` along each TFLite axis."""
    if (step == 1).all():
        inputs = [
            source,
            network.constant("begin", begin.astype(np.int32)),
            network.constant("size", size.astype(np.int32)),
        ]
        options = schema.SliceOptionsT()
        network.emit(schema.BuiltinOperator.SLICE, 2, inputs, output, options)
        return
    end = begin + (size - 1) * step + 1
    bounds = zip(("begin", "end", "strides"), (begin, end, step), strict=True)
    inputs = [source, *(network.constant(n, v.astype(np.int32)) for n, v in bounds)]
    code = schema.BuiltinOperator.STRIDED_SLICE
    network.emit(code, 2, inputs, output, schema.StridedSliceOptionsT())


@lowers("Gather")
def gather(operation: Operation, network: TfliteDraft) -> None:
    """GATHER by constant indices; a single index drops its axis."""
    node, x, y = operation.node, operation.value(), operation.output
    indices, axis = operation.parameter(1), node.integer("axis", 0) % len(operation.value().shape)
    if indices is None or indices.ndim > 1:
        refuse(node, "has no lowering except by a constant index or a constant list of them")
    order = network.orders[x]
    positions = np.where(indices < 0, indices + x.shape[axis], indices).astype(np.int32)
    options = schema.GatherOptionsT()
    options.axis = layout.axis(axis, order)
    inputs = [network.value(x), network.constant("indices", positions)]
    output = network.write(y, order if indices.ndim else layout.without(order, (axis,)))
    network.emit(schema.BuiltinOperator.GATHER, 2, inputs, output, options)
