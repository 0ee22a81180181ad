"""Read an ONNX graph as the network that will run.

Where a QDQ graph has a quantise/dequantise pair there is one int8 tensor, and an operation
between such tensors is an int8 operation. All else computes in float32.
"""

from dataclasses import replace

import numpy as np

from quantization.errors import ModelError
from quantization.graph.graph import Graph, Node
from quantization.lower.graph import (
    FLOAT32,
    INT8,
    INT32,
    Operation,
    Quantization,
    TypedGraph,
    TypedTensor,
)
from quantization.operators.activation import (
    Activation,
    activation,
    is_absorbed,
    is_fused,
    within_reach,
)
from quantization.operators.rules import Scale, Trait
from quantization.operators.table import find


def read_typed(graph: Graph) -> TypedGraph:
    """The typed form of a folded float network, or of one with quantise/dequantise pairs.

    A node is an int8 operation if its result goes only into a QuantizeLinear and every tensor
    it reads, its weights among them, is dequantised int8. Any other node computes in float32:
    what it reads of int8 is dequantised once for all of them, and a QuantizeLinear of its
    result is an operation of its own. So a layer that is kept in float, but has no constants
    and only int8 neighbours, is an int8 operation: the values around it are on the int8 grid
    either way.

    Raises:
        UnsupportedOperatorError: if a node's operator has no lowering.
        ModelError: if a value is quantised, but not dequantised again.
    """
    reading = _TypedReader(graph)
    source = reading.source()
    for node in graph.nodes:
        reading.node(node)
    outputs = tuple(reading.output(name) for name in graph.outputs)
    return TypedGraph(tuple(reading.operations), source, outputs)


class _TypedReader:
    """The walk over a graph that gives each of its values a tensor."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        # By the names of their quantised and of their real values.
        self._quantized = _quantized_tensors(graph)
        self._plain: dict[str, TypedTensor] = {}  # float32 and indices
        self._dequantized: dict[TypedTensor, TypedTensor] = {}
        self._taken = {tensor.name for tensor in self._quantized.values()}
        self.operations: list[Operation] = []

    def source(self) -> TypedTensor:
        """The network's input: int8 if nothing reads it in float32."""
        (name,) = self._graph.inputs
        reader = self._graph.sole_consumer(name)
        if reader is not None and reader.op == "QuantizeLinear":
            return self._pair(reader)
        self._plain[name] = self._float(name)
        return self._plain[name]

    def node(self, node: Node) -> None:
        """Append what a node computes; nothing for one that another node includes."""
        if node.op == "QuantizeLinear":
            # Where neither knows its input, an int8 operation or the network's input is its output.
            source = self._tensor(node.inputs[0])
            if source is not None:
                self._cast(node, source, self._pair(node))
        elif node.op != "DequantizeLinear" and not is_absorbed(self._graph, node):
            self._compute(node)

    def output(self, name: str) -> TypedTensor:
        """The tensor of one of the network's outputs."""
        tensor = self._tensor(name)
        assert tensor is not None, "fold refuses outputs that are not computed"
        return tensor

    def _compute(self, node: Node) -> None:
        graph, last, applied = self._graph, node, Activation.NONE
        if is_fused(graph, node):
            (last,) = graph.consumers(node.output)
            applied = activation(graph, last)
        inputs = tuple(self._operand(node, name) for name in node.inputs)
        all_int8 = all(t is None or t.quantization is not None for t in inputs)
        pair = graph.sole_consumer(last.output)
        if find(node).scale is Scale.INDEX:
            output = TypedTensor(last.output, graph.shapes[last.output], INT32)
            self._plain[last.output] = output
        elif all_int8 and pair is not None and pair.op == "QuantizeLinear":
            output = self._pair(pair)
        else:
            inputs = tuple(
                self._real(tensor, name) for tensor, name in zip(inputs, node.inputs, strict=True)
            )
            output = self._plain[last.output] = self._float(last.output)
        parameters = tuple(graph.constants.get(name) for name in node.inputs)
        applied = within_reach(applied, output.affine)
        self.operations.append(Operation(node, inputs, parameters, output, applied))

    def _operand(self, node: Node, name: str) -> TypedTensor | None:
        """What a node reads by a name, if it is a tensor and not a parameter."""
        tensor, entry = self._tensor(name), find(node)
        if tensor is not None or name not in self._graph.constants:
            return tensor
        if entry.weights is None and Trait.OPERANDS not in entry.traits:
            return None
        data = np.asarray(self._graph.constants[name], np.float32)
        return TypedTensor(name, data.shape, FLOAT32, data=data)

    def _real(self, tensor: TypedTensor | None, name: str) -> TypedTensor | None:
        """A tensor as a float operation reads it: what is int8, dequantised."""
        if tensor is None or tensor.quantization is None:
            return tensor
        if tensor.data is not None:
            data = tensor.quantization.dequantize(tensor.data)
            return replace(tensor, dtype=FLOAT32, quantization=None, data=data)
        if tensor not in self._dequantized:
            node = self._graph.producer(name)
            assert node is not None, "a DequantizeLinear computes it"
            self._dequantized[tensor] = self._float(name)
            self._cast(node, tensor, self._dequantized[tensor])
        return self._dequantized[tensor]

    def _cast(self, node: Node, source: TypedTensor, output: TypedTensor) -> None:
        self.operations.append(Operation(node, (source,), (None,), output))

    def _tensor(self, name: str) -> TypedTensor | None:
        return self._quantized.get(name) or self._plain.get(name)

    def _float(self, name: str) -> TypedTensor:
        """A new float32 tensor; one that is int8 as well has the name itself there."""
        own = f"{name}:float" if name in self._taken else name
        return TypedTensor(own, self._graph.shapes[name], FLOAT32)

    def _pair(self, quantize: Node) -> TypedTensor:
        if quantize.output not in self._quantized:
            raise ModelError(f"value {quantize.output!r}: expected to be dequantised, but is not")
        return self._quantized[quantize.output]


def _quantized_tensors(graph: Graph) -> dict[str, TypedTensor]:
    tensors: dict[str, TypedTensor] = {}
    for node in graph.nodes:
        if node.op != "DequantizeLinear":
            continue
        q = node.inputs[0]
        if q not in tensors:
            source = graph.producer(q)
            name = source.inputs[0] if source else q
            if node.output in graph.outputs:
                name = node.output
            data = graph.constants.get(q)
            dtype = INT8 if data is None else data.dtype
            tensors[q] = TypedTensor(name, graph.shapes[q], dtype, _quantization(graph, node), data)
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
