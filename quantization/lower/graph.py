"""The quantised network: a QDQ ONNX graph read as integer tensors and operations on them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx
from numpy.typing import NDArray

from edge_agent.arrays import F32
from edge_agent.bundle.affine import Affine
from quantization.errors import ModelError
from quantization.graph import Array, Graph, Node, Shape, read
from quantization.lower.registry import (
    OPERATORS,
    Activation,
    Scale,
    activation,
    is_fused,
    refuse,
)


@dataclass(frozen=True)
class Quantization:
    """What an integer tensor's values mean: ``real = scale * (q - zero_point)``.

    Args:
        scales: one for the tensor, or one per index of `axis`.
        zero_points: as many.
        axis: the ONNX axis the scales run along; None for one scale.
    """

    scales: F32
    zero_points: NDArray[np.int64]
    axis: int | None = None

    @property
    def affine(self) -> Affine:
        """The one scale and zero point of an activation."""
        return Affine(float(self.scales[0]), int(self.zero_points[0]))


@dataclass(frozen=True, eq=False)
class Tensor:
    """An integer tensor of the network, in ONNX's axis order.

    Args:
        name: of the ONNX value it is.
        shape: static.
        quantization: of its values.
        data: its values, if it is a constant.
        is_index: whether its values are int32 indices, which mean themselves.
    """

    name: str
    shape: Shape
    quantization: Quantization
    data: Array | None = None
    is_index: bool = False


@dataclass(frozen=True, eq=False)
class Operation:
    """One node with the integer tensors it reads and writes.

    Args:
        node: its operator, name and attributes.
        inputs: for each input of the node, its tensor; None where it is not a tensor of
            the network but a parameter, or absent.
        parameters: for each input of the node, its array if it is a parameter.
        output: the tensor it writes.
        activation: what it applies to its result first.
    """

    node: Node
    inputs: tuple[Tensor | None, ...]
    parameters: tuple[Array | None, ...]
    output: Tensor
    activation: Activation

    def value(self, index: int = 0) -> Tensor:
        """The activation at an input; refuses the node if it is anything else."""
        tensor = self.inputs[index] if index < len(self.inputs) else None
        if tensor is None or tensor.data is not None:
            refuse(self.node, f"needs its input {index} computed at run time, not constant")
        return tensor

    def weight(self, index: int) -> Tensor:
        """The integer constant at an input; refuses the node if it is anything else."""
        tensor = self.inputs[index] if index < len(self.inputs) else None
        if tensor is None or tensor.data is None:
            refuse(self.node, f"needs its input {index} constant, not computed at run time")
        return tensor

    def operand(self, index: int) -> Tensor:
        """The int8 tensor at an input, computed or constant; refuses anything else."""
        tensor = self.inputs[index] if index < len(self.inputs) else None
        if tensor is None:
            refuse(self.node, f"needs its input {index} to be float32")
        return tensor

    def parameter(self, index: int) -> Array | None:
        """The plain array at an input, such as the axes of a reduction; None if absent."""
        return self.parameters[index] if index < len(self.parameters) else None


@dataclass(frozen=True)
class QuantizedGraph:
    """The operations of a network in execution order, its input and its outputs."""

    operations: tuple[Operation, ...]
    input: Tensor
    outputs: tuple[Tensor, ...]

    @cached_property
    def _consumers(self) -> dict[Tensor, list[Operation]]:
        readers: dict[Tensor, list[Operation]] = {}
        for operation in self.operations:
            for tensor in dict.fromkeys(t for t in operation.inputs if t is not None):
                readers.setdefault(tensor, []).append(operation)
        return readers

    def consumers(self, tensor: Tensor) -> list[Operation]:
        """The operations that read a tensor."""
        return self._consumers.get(tensor, [])


def read_quantized(model: onnx.ModelProto) -> QuantizedGraph:
    """The quantised network of a QDQ ONNX model.

    Raises:
        ModelError: if a value that TFLite would hold in memory has no quantise/dequantise
            pair, so that the network could not run in int8 throughout.
    """
    graph = read(model)
    tensors = _tensors(graph)
    operations = []
    for node in graph.nodes:
        if node.op == "QuantizeLinear" and node.inputs[0] in tensors:
            operations.append(_requantization(node, tensors))
        elif node.op not in ("QuantizeLinear", "DequantizeLinear") and not _is_absorbed(
            graph, node
        ):
            operations.append(_operation(graph, node, tensors))
    source = graph.sole_consumer(graph.inputs[0])
    if source is None or source.op != "QuantizeLinear":
        raise ModelError(f"input {graph.inputs[0]!r}: expected to be quantised first, but is not")
    return QuantizedGraph(
        tuple(operations),
        _find(tensors, source.output),
        tuple(_find(tensors, output) for output in graph.outputs),
    )


def _tensors(graph: Graph) -> dict[str, Tensor]:
    """The integer tensors, by the names of their quantised and of their real values."""
    tensors: dict[str, Tensor] = {}
    for node in graph.nodes:
        if node.op != "DequantizeLinear":
            continue
        q = node.inputs[0]
        if q not in tensors:
            source = graph.producer(q)
            name = source.inputs[0] if source else q
            if node.output in graph.outputs:
                name = node.output
            tensors[q] = Tensor(
                name, graph.shapes[q], _quantization(graph, node), graph.constants.get(q)
            )
        tensors[node.output] = tensors[q]
    return tensors


def _quantization(graph: Graph, node: Node) -> Quantization:
    scale, zero = graph.constant(node, 1), graph.constant(node, 2)
    if scale is None:
        raise ModelError(f"node {node.name!r}: expected a constant scale, found a computed one")
    scales = np.asarray(scale, np.float32).reshape(-1)
    zeros = np.zeros(len(scales)) if zero is None else zero
    rank = len(graph.shapes[node.inputs[0]])
    axis = node.integer("axis", 1) % rank if scale.ndim else None
    return Quantization(scales, np.asarray(zeros, np.int64).reshape(-1), axis)


def _is_absorbed(graph: Graph, node: Node) -> bool:
    """Whether a node is the activation of the node before it."""
    before = graph.producer(node.inputs[0])
    return before is not None and is_fused(graph, before)


def _operation(graph: Graph, node: Node, tensors: dict[str, Tensor]) -> Operation:
    last, applied = node, Activation.NONE
    if is_fused(graph, node):
        (last,) = graph.consumers(node.output)
        applied = activation(graph, last)
    if OPERATORS[node.op].scale is Scale.INDEX:
        output = tensors[last.output] = _index(graph, last)
    else:
        output = _quantized_output(graph, last, tensors)
    return Operation(
        node=node,
        inputs=tuple(tensors.get(i) for i in node.inputs),
        parameters=tuple(graph.constants.get(i) for i in node.inputs),
        output=output,
        activation=applied,
    )


def _quantized_output(graph: Graph, node: Node, tensors: dict[str, Tensor]) -> Tensor:
    pair = graph.sole_consumer(node.output)
    if pair is None or pair.op != "QuantizeLinear":
        raise ModelError(
            f"node {node.name!r} ({node.op}): its output {node.output!r} is not quantised, "
            "so the network would not run in int8 throughout"
        )
    return _find(tensors, pair.output)


def _index(graph: Graph, node: Node) -> Tensor:
    itself = Quantization(np.ones(1, np.float32), np.zeros(1, np.int64))
    return Tensor(node.output, graph.shapes[node.output], itself, is_index=True)


def _requantization(node: Node, tensors: dict[str, Tensor]) -> Operation:
    """A value that is quantised again, at another scale."""
    return Operation(
        node=node,
        inputs=(tensors[node.inputs[0]],),
        parameters=(None,),
        output=_find(tensors, node.output),
        activation=Activation.NONE,
    )


def _find(tensors: dict[str, Tensor], name: str) -> Tensor:
    if name not in tensors:
        raise ModelError(f"value {name!r}: expected to be dequantised, but is not")
    return tensors[name]
