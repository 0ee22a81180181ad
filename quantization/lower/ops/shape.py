"""Operators that move int8 values without computing new ones."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantization.lower import layout
from quantization.lower.graph import Operation
from quantization.lower.network import Network
from quantization.lower.ops.padding import emit_pad
from quantization.lower.registry import Scale, operator, refuse


@operator("Flatten", scale=Scale.SHARED)
def flatten(operation: Operation, network: Network) -> None:
    """RESHAPE to (1, K); see `layout` for the order of the K elements."""
    x, y = operation.value(), operation.output
    if operation.node.integer("axis", 1) != 1:
        refuse(operation.node, "over another axis than 1 has no lowering")
    source = network.value(x)
    if layout.is_reordered(x.shape) and y not in network.orders:
        back = np.array(layout.NCHW, np.int32)
        channels_first = network.intermediate(f"{y.name}:nchw", x.shape, x.quantization)
        inputs = [source, network.constant("nchw", back)]
        options = schema.TransposeOptionsT()
        network.emit(schema.BuiltinOperator.TRANSPOSE, 2, inputs, channels_first, options)
        source = channels_first
    options = schema.ReshapeOptionsT()
    options.newShape = list(y.shape)
    inputs = [source, network.constant("shape", np.array(y.shape, np.int32))]
    network.emit(schema.BuiltinOperator.RESHAPE, 1, inputs, network.value(y), options)


@operator("Pad", scale=Scale.SHARED)
def pad(operation: Operation, network: Network) -> None:
    """PAD with zeros, where no convolution behind it could take it up."""
    node, pads, fill = operation.node, operation.parameter(1), operation.parameter(2)
    if pads is None or operation.parameter(3) is not None:
        refuse(node, "without constant pads, or with axes, has no lowering")
    if node.text("mode", "constant") != "constant" or (fill is not None and fill.any()):
        refuse(node, "has no lowering except with constant zeros")
    if (pads < 0).any():
        refuse(node, f"with the negative pads {pads.tolist()} has no lowering")
    rank = len(operation.value().shape)
    both = pads.reshape(2, rank).T[list(layout.axes(rank))]  # (rank, 2): before, after
    emit_pad(operation, network, both, network.value(operation.output))


@operator("Concat", scale=Scale.SHARED)
def concat(operation: Operation, network: Network) -> None:
    """CONCATENATION."""
    rank = len(operation.output.shape)
    options = schema.ConcatenationOptionsT()
    options.axis = layout.axis(operation.node.integer("axis", 0), rank)
    inputs = [network.value(operation.value(i)) for i in range(len(operation.inputs))]
    output = network.value(operation.output)
    network.emit(schema.BuiltinOperator.CONCATENATION, 2, inputs, output, options)
