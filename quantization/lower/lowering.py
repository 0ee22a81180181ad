"""The lowering in four steps: read, lay out, emit, write."""

from dataclasses import dataclass, replace

import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema

from edge_agent.bundle.affine import Affine
from quantization.graph import Shape
from quantization.lower import layout
from quantization.lower.flatbuffer import serialize
from quantization.lower.graph import Operation, Quantization, QuantizedGraph, Tensor, read_quantized
from quantization.lower.network import Network
from quantization.lower.ops import find
from quantization.lower.registry import Scale


@dataclass(frozen=True)
class Port:
    """One end of a TFLite network.

    Args:
        name: of the ONNX value it is.
        shape: in TFLite's order of axes.
        order: for each TFLite axis, the ONNX axis it holds.
        affine: scale and zero point; None for int32 indices.
    """

    name: str
    shape: Shape
    order: layout.Order
    affine: Affine | None


@dataclass(frozen=True)
class Lowered:
    """A TFLite model.

    Args:
        tflite: the file: int8 in and out; a feature map is (1, H, W, C).
        source: its input.
        results: its outputs, in ONNX's order.
    """

    tflite: bytes
    source: Port
    results: tuple[Port, ...]

    @property
    def input(self) -> Affine:
        """Scale and zero point of its input."""
        assert self.source.affine is not None, "an input is int8"
        return self.source.affine

    @property
    def output(self) -> Affine:
        """Scale and zero point of its first output."""
        affine = self.results[0].affine
        if affine is None:
            raise ValueError(f"output {self.results[0].name!r}: indices have no scale")
        return affine


def lower(qdq: onnx.ModelProto) -> Lowered:
    """The TFLite file of a folded model with quantise/dequantise pairs.

    Equal models give equal bytes.

    Raises:
        UnsupportedOperatorError: if a node, or the form of one, has no lowering.
        ModelError: if a value on the way is not quantised.
    """
    graph = read_quantized(qdq)
    network = emit(graph)
    ends = [_end(network, tensor) for tensor in graph.outputs]
    source = network.value(graph.input)
    tflite = serialize(network, source, [index for index, _ in ends])
    return Lowered(
        tflite, _port(graph.input, network.orders[graph.input]), tuple(port for _, port in ends)
    )


def emit(graph: QuantizedGraph) -> Network:
    """The TFLite network of a quantised graph."""
    network = Network(graph)
    network.write(graph.input, layout.wish(graph, graph.input))  # tensor 0
    requantized: dict[tuple[Tensor, Affine], Tensor] = {}
    for operation in graph.operations:
        if operation.node.op == "QuantizeLinear":
            _quantize(network, operation.value(), operation.output)
            continue
        entry = find(operation.node)
        if entry.scale is Scale.SHARED:
            operation = _at_one_scale(operation, network, requantized)
        result = operation.output
        if isinstance(entry.scale, Affine) and result.quantization.affine != entry.scale:
            fixed = replace(result, name=f"{result.name}:fixed", quantization=_of(entry.scale))
            entry.lower(replace(operation, output=fixed), network)
            _quantize(network, fixed, result)
        else:
            entry.lower(operation, network)
    return network


def _at_one_scale(
    operation: Operation, network: Network, requantized: dict[tuple[Tensor, Affine], Tensor]
) -> Operation:
    """The operation with its inputs at its output's scale."""
    wanted = operation.output.quantization.affine
    inputs = []
    for tensor in operation.inputs:
        if tensor is not None and tensor.quantization.affine != wanted:
            key = (tensor, wanted)
            if key not in requantized:
                requantized[key] = _requantized(network, tensor, wanted)
            tensor = requantized[key]
        inputs.append(tensor)
    return replace(operation, inputs=tuple(inputs))


def _requantized(network: Network, tensor: Tensor, wanted: Affine) -> Tensor:
    """A tensor at another scale."""
    data = None
    if tensor.data is not None:
        data = wanted.quantize(tensor.quantization.affine.dequantize(tensor.data))
    name = f"{tensor.name}:requantised"
    made = replace(tensor, name=name, quantization=_of(wanted), data=data)
    if data is None:
        _quantize(network, tensor, made)
    return made


def _quantize(network: Network, x: Tensor, y: Tensor) -> None:
    """Emit a QUANTIZE of an int8 tensor to another scale."""
    order = network.orders[x]
    inputs, output = [network.value(x)], network.write(y, order)
    if x in network.elements:
        network.elements[y] = network.elements[x]
    options = schema.QuantizeOptionsT()
    network.emit(schema.BuiltinOperator.QUANTIZE, 2, inputs, output, options)


def _of(affine: Affine) -> Quantization:
    return Quantization(
        np.array([affine.scale], np.float32), np.array([affine.zero_point], np.int64)
    )


def _end(network: Network, tensor: Tensor) -> tuple[int, Port]:
    """An output: a feature map as it lies if that is channels last, else in ONNX's own order."""
    rank, order = len(tensor.shape), network.orders[tensor]
    if rank != 4 or order != layout.channels_last(rank):
        order = layout.as_onnx(rank)
    return network.value(tensor, order), _port(tensor, order)


def _port(tensor: Tensor, order: layout.Order) -> Port:
    affine = None if tensor.is_index else tensor.quantization.affine
    return Port(tensor.name, layout.shape(tensor.shape, order), order, affine)
