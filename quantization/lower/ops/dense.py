"""Dense layers."""

from ai_edge_litert import schema_py_generated as schema

from quantization.lower.graph import Operation
from quantization.lower.network import Network
from quantization.lower.registry import Weights, operator, refuse


# Per tensor: scales per channel need a newer FULLY_CONNECTED than tflite-runtime 2.14 has.
@operator("Gemm", weights=Weights.PER_TENSOR, fuses=True)
def gemm(operation: Operation, network: Network) -> None:
    """FULLY_CONNECTED: ``x @ W.T + b`` with W (N, K), whose layout is ONNX's own."""
    node, x = operation.node, operation.value()
    weight, bias = operation.weight(1), operation.weight(2)
    if node.integer("transA", 0) or not node.integer("transB", 0):
        refuse(node, "with transA, or without transB, has no lowering")
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = operation.activation.value
    inputs = (
        network.value(x),
        network.weight(weight, (0, 1), network.orders.get(x)),
        network.weight(bias, (0,)),
    )
    output = network.value(operation.output)
    network.emit(schema.BuiltinOperator.FULLY_CONNECTED, 4, inputs, output, options)
