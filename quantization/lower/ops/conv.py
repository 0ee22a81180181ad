"""Convolutions."""

from ai_edge_litert import schema_py_generated as schema

from quantization.lower.graph import Operation
from quantization.lower.network import Network
from quantization.lower.ops.padding import padded_input
from quantization.lower.registry import Weights, operator, refuse
from quantization.lower.window import windows


@operator("Conv", weights=Weights.PER_CHANNEL, fuses=True)
def conv(operation: Operation, network: Network) -> None:
    """CONV_2D, or DEPTHWISE_CONV_2D where every input channel has filters of its own."""
    node, x = operation.node, operation.value()
    weight, bias = operation.weight(1), operation.weight(2)  # (O, C / groups, kh, kw), (O,)
    if len(weight.shape) != 4:
        refuse(node, f"with weights of shape {weight.shape} has no lowering, only 2-D")
    outputs, inputs, kernel_height, kernel_width = weight.shape
    groups = node.integer("group", 1)
    source, padding = padded_input(
        operation, network, windows(operation, (kernel_height, kernel_width))
    )
    depthwise = groups > 1 and inputs == 1
    options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
    options.padding = padding
    options.strideH, options.strideW = node.integers("strides", (1, 1))
    options.dilationHFactor, options.dilationWFactor = node.integers("dilations", (1, 1))
    options.fusedActivationFunction = operation.activation.value
    if depthwise:
        options.depthMultiplier = outputs // x.shape[1]
        filters = network.weight(weight, (1, 2, 3, 0))  # (1, kh, kw, O)
        code, version = schema.BuiltinOperator.DEPTHWISE_CONV_2D, 3
    else:
        filters = network.weight(weight, (0, 2, 3, 1))  # (O, kh, kw, C / groups)
        # Version 6 is the first that knows groups.
        code, version = schema.BuiltinOperator.CONV_2D, 3 if groups == 1 else 6
    tensors = (source, filters, network.weight(bias, (0,)))
    network.emit(code, version, tensors, network.value(operation.output), options)
