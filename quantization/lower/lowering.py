"""The lowering in four steps: read, lay out, emit, write."""

from dataclasses import dataclass

import onnx

from edge_agent.bundle.affine import Affine
from quantization.lower import layout
from quantization.lower.flatbuffer import serialize
from quantization.lower.graph import QuantizedGraph, read_quantized
from quantization.lower.network import Network
from quantization.lower.ops import find


@dataclass(frozen=True)
class Lowered:
    """A TFLite model.

    Args:
        tflite: the file: int8 in (1, H, W, C), int8 out.
        input: scale and zero point of its input.
        output: scale and zero point of its output.
    """

    tflite: bytes
    input: Affine
    output: Affine


def lower(qdq: onnx.ModelProto) -> Lowered:
    """The TFLite file of a folded model with quantise/dequantise pairs.

    Equal models give equal bytes.

    Raises:
        UnsupportedOperatorError: if a node, or the form of one, has no lowering.
        ModelError: if a value on the way is not quantised.
    """
    graph = read_quantized(qdq)
    network = emit(graph)
    tflite = serialize(network, network.value(graph.input), network.value(graph.output))
    return Lowered(tflite, graph.input.quantization.affine, graph.output.quantization.affine)


def emit(graph: QuantizedGraph) -> Network:
    """The TFLite network of a quantised graph."""
    network = Network(layout.element_orders(graph))
    network.value(graph.input)  # tensor 0
    for operation in graph.operations:
        find(operation.node).lower(operation, network)
    return network
