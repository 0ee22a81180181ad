"""Convolutions."""

from ai_edge_litert import schema_py_generated as schema

from quantization.lower.draft import TfliteDraft
from quantization.lower.graph import Operation
from quantization.lower.ops.padding import padded_input
from quantization.lower.registry import lowers
from quantization.lower.window import plane, steps, windows, write_map
from quantization.operators.table import refuse


@lowers("Conv")
def conv(operation: Operation, network: TfliteDraft) -> None:
    """CONV_2D, or DEPTHWISE_CONV_2D where every input channel has filters of its own."""
    node, x = operation.node, operation.value()
    weight, bias = operation.weight(1), operation.weight(2)  # (O, C / groups, kh, kw), (O,)
    if len(weight.shape) not in (3, 4):
        refuse(node, f"with weights of shape {weight.shape} has no lowering, only 1-D and 2-D")
    outputs, inputs = weight.shape[:2]
    kernel = plane(weight.shape[2:])
    groups = node.integer("group", 1)
    source, padding = padded_input(operation, network, windows(operation, kernel))
    depthwise = groups > 1 and inputs == 1
    options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
    options.padding = padding
    options.strideH, options.strideW = steps(operation, "strides")
    options.dilationHFactor, options.dilationWFactor = steps(operation, "dilations")
    options.fusedActivationFunction = operation.activation.value
    spatial = tuple(range(2, len(weight.shape)))
    if depthwise:
        options.depthMultiplier = outputs // x.shape[1]
        filters = network.weight(weight, (1, *spatial, 0), shape=(1, *kernel, outputs))
        code, version = schema.BuiltinOperator.DEPTHWISE_CONV_2D, 3
    else:
        filters = network.weight(weight, (0, *spatial, 1), shape=(outputs, *kernel, inputs))
        # Version 6 is the first that knows groups.
        code, version = schema.BuiltinOperator.CONV_2D, 3 if groups == 1 else 6
    tensors = (source, filters, network.weight(bias, (0,)))
    network.emit(code, version, tensors, write_map(network, operation.output), options)
