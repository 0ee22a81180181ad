"""The lowering in three steps: read the typed graph, emit TFLite operators, write the file."""

from dataclasses import dataclass, replace

import numpy as np
import onnx

from edge_agent.bundle.affine import Affine
from quantization.errors import ModelError
from quantization.graph.graph import Graph, Shape, read
from quantization.lower import layout, wishes
from quantization.lower.draft import TfliteDraft
from quantization.lower.flatbuffer import serialize
from quantization.lower.graph import FLOAT32, Operation, Quantization, TypedGraph, TypedTensor
from quantization.lower.ops import LOWERINGS
from quantization.lower.ops.cast import emit_cast
from quantization.lower.reading import read_typed
from quantization.operators.rules import Scale
from quantization.operators.table import PAIR, find, runs_at_input_scale


@dataclass(frozen=True)
class TflitePort:
    """One end of a TFLite network.

    Args:
        name: of the ONNX value it is.
        shape: in TFLite's order of axes.
        order: for each TFLite axis, the ONNX axis it holds.
        dtype: int8, float32, or int32 of indices.
        affine: scale and zero point of int8.
    """

    name: str
    shape: Shape
    order: layout.Order
    dtype: str
    affine: Affine | None


@dataclass(frozen=True)
class TfliteFile:
    """A TFLite model.

    Args:
        tflite: the file; a feature map is (1, H, W, C).
        source: its input.
        results: its outputs, in ONNX's order.
        in_float: the nodes that compute in float32, by name.
    """

    tflite: bytes
    source: TflitePort
    results: tuple[TflitePort, ...]
    in_float: tuple[str, ...]

    @property
    def input(self) -> Affine:
        """Scale and zero point of its input."""
        return _scale("input", self.source)

    @property
    def output(self) -> Affine:
        """Scale and zero point of its first output."""
        return _scale("output", self.results[0])


def _scale(end: str, port: TflitePort) -> Affine:
    if port.affine is None:
        raise ModelError(f"{end} {port.name!r}: expected int8 and its scale, found {port.dtype}")
    return port.affine


def lower(model: onnx.ModelProto) -> TfliteFile:
    """The TFLite file of a folded model; takes what `lower_graph` takes, and raises the same.

    Raises:
        ModelError: also if the model is not valid ONNX.
    """
    return lower_graph(read(model))


def lower_graph(graph: Graph) -> TfliteFile:
    """The TFLite file of a folded network, float or with quantise/dequantise pairs.

    What stands between such pairs runs in int8, all else in float32; see `read_typed`. Equal
    networks give equal bytes.

    Raises:
        UnsupportedOperatorError: if a node, or the form of one, has no lowering.
        ModelError: if a value is quantised, but not dequantised again.
    """
    typed = read_typed(graph)
    network = emit(typed)
    ends = [_end(network, tensor) for tensor in typed.outputs]
    source = network.value(typed.input)
    return TfliteFile(
        tflite=serialize(network, source, [index for index, _ in ends]),
        source=_port(typed.input, network.orders[typed.input]),
        results=tuple(port for _, port in ends),
        in_float=tuple(o.node.name for o in typed.operations if _is_float(o)),
    )


def emit(graph: TypedGraph) -> TfliteDraft:
    """The TFLite network of a typed graph."""
    network = TfliteDraft(graph)
    network.write(graph.input, wishes.wish(graph, graph.input))  # tensor 0
    requantized: dict[tuple[TypedTensor, Affine], TypedTensor] = {}
    for operation in graph.operations:
        if operation.node.op in PAIR:
            emit_cast(network, operation.value(), operation.output)
            continue
        entry, result = find(operation.node), operation.output
        own = entry.scale if isinstance(entry.scale, Affine) else None
        if runs_at_input_scale(operation.node):
            own = operation.value().affine
        elif entry.scale is Scale.SHARED and result.affine is not None:
            operation = _at_one_scale(operation, result.affine, network, requantized)
        if own is not None and result.affine not in (None, own):
            fixed = replace(result, name=f"{result.name}:fixed", quantization=_of(own))
            LOWERINGS[operation.node.op](replace(operation, output=fixed), network)
            emit_cast(network, fixed, result)
        else:
            LOWERINGS[operation.node.op](operation, network)
    return network


def _at_one_scale(
    operation: Operation,
    wanted: Affine,
    network: TfliteDraft,
    requantized: dict[tuple[TypedTensor, Affine], TypedTensor],
) -> Operation:
    """The operation with its inputs at its output's scale."""
    inputs = []
    for tensor in operation.inputs:
        if tensor is not None and tensor.affine not in (None, wanted):
            key = (tensor, wanted)
            if key not in requantized:
                requantized[key] = _requantized(network, tensor, wanted)
            tensor = requantized[key]
        inputs.append(tensor)
    return replace(operation, inputs=tuple(inputs))


def _requantized(network: TfliteDraft, tensor: TypedTensor, wanted: Affine) -> TypedTensor:
    """A tensor at another scale."""
    data = None
    if tensor.data is not None and tensor.affine is not None:
        data = wanted.quantize(tensor.affine.dequantize(tensor.data))
    name = f"{tensor.name}:requantised"
    made = replace(tensor, name=name, quantization=_of(wanted), data=data)
    if data is None:
        emit_cast(network, tensor, made)
    return made


def _of(affine: Affine) -> Quantization:
    return Quantization(
        np.array([affine.scale], np.float32), np.array([affine.zero_point], np.int64)
    )


def _end(network: TfliteDraft, tensor: TypedTensor) -> tuple[int, TflitePort]:
    """An output: a feature map as it lies if that is channels last, else in ONNX's own order."""
    rank, order = len(tensor.shape), network.orders[tensor]
    if rank != 4 or order != layout.channels_last(rank):
        order = layout.as_onnx(rank)
    return network.value(tensor, order), _port(tensor, order)


def _port(tensor: TypedTensor, order: layout.Order) -> TflitePort:
    shape = layout.shape(tensor.shape, order)
    return TflitePort(tensor.name, shape, order, str(tensor.dtype), tensor.affine)


def _is_float(operation: Operation) -> bool:
    return operation.output.dtype == FLOAT32 and operation.node.op not in PAIR
