"""Dense layers and products of matrices."""

from ai_edge_litert import schema_py_generated as schema

from quantization.lower import layout
from quantization.lower.draft import TfliteDraft
from quantization.lower.graph import Operation, TypedTensor
from quantization.lower.registry import lowers
from quantization.operators.table import refuse


# Per tensor: scales per channel need a newer FULLY_CONNECTED than tflite-runtime 2.14 has.
@lowers("Gemm")
def gemm(operation: Operation, network: TfliteDraft) -> None:
    """FULLY_CONNECTED: ``x @ W.T + b`` with W (N, K), whose layout is ONNX's own."""
    node, x = operation.node, operation.value()
    weight, bias = operation.weight(1), operation.weight(2)
    if node.integer("transA", 0) or not node.integer("transB", 0):
        refuse(node, "with transA, or without transB, has no lowering")
    elements = network.elements.get(x)
    if weight.quantization is not None and weight.quantization.axis is not None:
        _per_channel(operation, network, weight, bias, elements)
        return
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = operation.activation.value
    inputs = (
        network.value(x, (0, 1)),
        network.weight(weight, (0, 1), elements),
        network.weight(bias, (0,)),
    )
    output = network.write(operation.output, (0, 1))
    network.emit(schema.BuiltinOperator.FULLY_CONNECTED, 4, inputs, output, options)


def _per_channel(
    operation: Operation,
    network: TfliteDraft,
    weight: TypedTensor,
    bias: TypedTensor,
    elements: layout.Elements | None,
) -> None:
    """CONV_2D of rows as 1 x 1 maps, which has the scales per channel that a model brought."""
    x, y = operation.value(), operation.output
    (rows, inputs), outputs = x.shape, weight.shape[0]
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    options.fusedActivationFunction = operation.activation.value
    tensors = (
        network.value(x, (0, 1), (rows, 1, 1, inputs)),
        network.weight(weight, (0, 1), elements, (outputs, 1, 1, inputs)),
        network.weight(bias, (0,)),
    )
    output = network.write(y, (0, 1), (rows, 1, 1, outputs))
    network.emit(schema.BuiltinOperator.CONV_2D, 3, tensors, output, options)


@lowers("MatMul")
def matmul(operation: Operation, network: TfliteDraft) -> None:
    """BATCH_MATMUL over the last two axes."""
    a, b = operation.operand(0), operation.operand(1)
    if min(len(a.shape), len(b.shape)) < 2 or len(operation.output.shape) > 4:
        refuse(operation.node, f"of shapes {a.shape} and {b.shape} has no lowering")
    rank = len(operation.output.shape)
    inputs = [_stacked(network, tensor, rank) for tensor in (a, b)]
    options = schema.BatchMatMulOptionsT()
    output = network.write(operation.output, layout.as_onnx(rank))
    network.emit(schema.BuiltinOperator.BATCH_MATMUL, 2, inputs, output, options)


def _stacked(network: TfliteDraft, tensor: TypedTensor, rank: int) -> int:
    """A stack of matrices with as many axes as the result has."""
    shape = (1,) * (rank - len(tensor.shape)) + tensor.shape
    return network.value(tensor, layout.as_onnx(len(tensor.shape)), shape)
