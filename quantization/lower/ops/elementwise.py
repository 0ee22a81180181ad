"""Operators that act on each element, or on one axis, and leave the layout alone."""

from ai_edge_litert import schema_py_generated as schema

from edge_agent.bundle.affine import QMIN, Affine
from quantization.lower import layout
from quantization.lower.graph import Operation
from quantization.lower.network import Network
from quantization.lower.registry import operator, refuse


@operator("Add", fuses=True)
def add(operation: Operation, network: Network) -> None:
    """ADD of two values of one shape: a residual connection."""
    a, b = operation.value(0), operation.value(1)
    if a.shape != b.shape:
        refuse(operation.node, f"of shapes {a.shape} and {b.shape} has no lowering, only of equal")
    options = schema.AddOptionsT()
    options.fusedActivationFunction = operation.activation.value
    output = network.value(operation.output)
    network.emit(
        schema.BuiltinOperator.ADD, 2, [network.value(a), network.value(b)], output, options
    )


@operator("Relu")
def relu(operation: Operation, network: Network) -> None:
    """RELU, where nothing before it could take it up."""
    inputs, output = [network.value(operation.value())], network.value(operation.output)
    network.emit(schema.BuiltinOperator.RELU, 2, inputs, output)


@operator("Clip")
def clip(operation: Operation, network: Network) -> None:
    """RELU or RELU6, by its bounds."""
    low, high = operation.parameter(1), operation.parameter(2)
    bounds = (None if low is None else low.item(), None if high is None else high.item())
    codes = {
        (0, 6): schema.BuiltinOperator.RELU6,
        (0, None): schema.BuiltinOperator.RELU,
        (0, float("inf")): schema.BuiltinOperator.RELU,
    }
    if bounds not in codes:
        refuse(operation.node, f"with bounds {bounds} has no lowering, only (0, 6) and (0, None)")
    inputs, output = [network.value(operation.value())], network.value(operation.output)
    network.emit(codes[bounds], 2, inputs, output)


# The TFLite specification fixes the output to [0, 255/256].
@operator("Softmax", scale=Affine(1 / 256, QMIN))
def softmax(operation: Operation, network: Network) -> None:
    """SOFTMAX over the last TFLite axis, which of a feature map is ONNX's axis of channels."""
    x, axis = operation.value(), operation.node.integer("axis", -1)
    rank = len(x.shape)
    if layout.axis(axis, rank) != rank - 1:
        refuse(operation.node, f"over axis {axis} of a value of rank {rank} has no lowering")
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    inputs, output = [network.value(x)], network.value(operation.output)
    network.emit(schema.BuiltinOperator.SOFTMAX, 2, inputs, output, options)
