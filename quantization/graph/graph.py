"""An ONNX graph as frozen, typed values: what every step of the quantiser takes and gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from quantization.errors import ModelError

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]

# DequantizeLinear takes a scale per channel, and Clip, Pad and Squeeze their parameters as
# inputs, from opset 13 on: older files would need a second form of each.
MIN_OPSET = 13


@dataclass(frozen=True, eq=False)
class Node:
    """One ONNX node; compared by identity. An absent optional input is named ``""``."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def output(self) -> str:
        """The first output: the only one of every operator supported here."""
        return self.outputs[0]

    def integer(self, name: str, default: int) -> int:
        """An integer attribute, or ONNX's default for it."""
        return int(self.attributes.get(name, default))

    def integers(self, name: str, default: Sequence[int]) -> tuple[int, ...]:
        """An attribute that is a list of integers, or ONNX's default for it."""
        return tuple(int(i) for i in self.attributes.get(name, default))

    def real(self, name: str, default: float) -> float:
        """A real attribute, or ONNX's default for it."""
        return float(self.attributes.get(name, default))

    def text(self, name: str, default: str) -> str:
        """A string attribute, or ONNX's default for it."""
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: nodes in execution order, and the arrays they hold.

    Args:
        nodes: topologically sorted, as ONNX demands.
        constants: every array known before the network runs, by value name.
        shapes: the inferred shape of each value; -1 for a dimension that is not known.
        inputs: names of the values fed at run time.
        outputs: names of the values the network returns.
        opset: version of ONNX's default operator set.
        integers: names of the outputs that are int64.
    """

    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    shapes: Mapping[str, Shape]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    opset: int
    integers: frozenset[str] = frozenset()

    @cached_property
    def _producers(self) -> dict[str, Node]:
        return {output: node for node in self.nodes for output in node.outputs}

    @cached_property
    def _consumers(self) -> dict[str, list[Node]]:
        users: dict[str, list[Node]] = {}
        for node in self.nodes:
            for value in dict.fromkeys(node.inputs):
                users.setdefault(value, []).append(node)
        return users

    def producer(self, value: str) -> Node | None:
        """The node that computes a value; None for a network input or a constant."""
        return self._producers.get(value)

    def consumers(self, value: str) -> list[Node]:
        """The nodes that read a value, in order, each once."""
        return self._consumers.get(value, [])

    def sole_consumer(self, value: str) -> Node | None:
        """The one node that reads a value, or None if it is read elsewhere as well."""
        users = self.consumers(value)
        return users[0] if len(users) == 1 and value not in self.outputs else None

    def constant(self, node: Node, index: int) -> Array | None:
        """The array at one input of a node; None if it is absent or computed."""
        return self.constants.get(node.inputs[index]) if index < len(node.inputs) else None

    def swap(
        self, old: Sequence[Node], new: Node | None, constants: Mapping[str, Array] | None = None
    ) -> "Graph":
        """This graph with `new` in the place of the last of `old`, and `constants` added."""
        nodes: list[Node] = []
        for node in self.nodes:
            if node is old[-1] and new is not None:
                nodes.append(new)
            elif node not in old:
                nodes.append(node)
        return replace(self, nodes=tuple(nodes), constants={**self.constants, **(constants or {})})

    def expand(
        self,
        old: Node,
        new: Sequence[Node],
        constants: Mapping[str, Array],
        shapes: Mapping[str, Shape] | None = None,
    ) -> "Graph":
        """This graph with several nodes in the place of one, and what they need added."""
        at = self.nodes.index(old)
        return replace(
            self,
            nodes=(*self.nodes[:at], *new, *self.nodes[at + 1 :]),
            constants={**self.constants, **constants},
            shapes={**self.shapes, **(shapes or {})},
        )

    def bypass(self, node: Node) -> "Graph":
        """This graph without a node that returns its first input unchanged."""
        kept, gone = node.inputs[0], node.output
        if gone in self.outputs:  # a network keeps the names of its outputs
            kept, gone = gone, kept
        names = {gone: kept}
        nodes = tuple(
            replace(
                n,
                inputs=tuple(names.get(i, i) for i in n.inputs),
                outputs=tuple(names.get(o, o) for o in n.outputs),
            )
            for n in self.nodes
            if n is not node
        )
        return replace(self, nodes=nodes)


def read(model: onnx.ModelProto) -> Graph:
    """The graph of an ONNX model, with shapes inferred.

    Raises:
        ModelError: if the model is not valid ONNX, older than opset 13, or fed with
            anything but float32.
    """
    try:
        onnx.checker.check_model(model)
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"not a valid ONNX model: {error}") from error
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    if opset < MIN_OPSET:
        raise ModelError(f"opset: expected {MIN_OPSET} or newer, found {opset}")
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    fed = [value for value in model.graph.input if value.name not in constants]
    _check_float(fed)
    nodes: list[Node] = []
    for proto in model.graph.node:
        if proto.op_type == "Constant":
            constants[proto.output[0]] = _constant(proto)
        else:
            nodes.append(_node(proto))
    values = (*model.graph.input, *model.graph.value_info, *model.graph.output)
    shapes = {v.name: _shape(v) for v in values if v.type.tensor_type.HasField("shape")}
    return Graph(
        nodes=tuple(nodes),
        constants=constants,
        shapes={**shapes, **{name: array.shape for name, array in constants.items()}},
        inputs=tuple(v.name for v in fed),
        outputs=tuple(v.name for v in model.graph.output),
        opset=opset,
        integers=frozenset(
            v.name
            for v in model.graph.output
            if v.type.tensor_type.elem_type == onnx.TensorProto.INT64
        ),
    )


def inferred(graph: Graph) -> Graph:
    """A graph with all its shapes, and checked: as if it were written and read again.

    Raises:
        ModelError: if it is no valid ONNX.
    """
    return read(write(graph))


def without_unread(graph: Graph) -> Graph:
    """A graph without the constants that nobody reads."""
    used = {value for node in graph.nodes for value in node.inputs} | set(graph.outputs)
    constants = {name: array for name, array in graph.constants.items() if name in used}
    return replace(graph, constants=constants)


def write(graph: Graph) -> onnx.ModelProto:
    """The ONNX model of a graph: float32 in and out, constants nobody reads left out."""
    return onnx.helper.make_model(
        onnx.helper.make_graph(
            [
                onnx.helper.make_node(n.op, n.inputs, n.outputs, name=n.name, **n.attributes)
                for n in graph.nodes
            ],
            "network",
            [_value_info(graph, name) for name in graph.inputs],
            [_value_info(graph, name) for name in graph.outputs],
            [
                numpy_helper.from_array(np.asarray(array, order="C"), name)
                for name, array in without_unread(graph).constants.items()
            ],
        ),
        producer_name="edgeward",
        # A runtime refuses files of a newer IR than its own: ONNX Runtime 1.20 knows IR 10.
        ir_version=10,
        opset_imports=[onnx.helper.make_opsetid("", graph.opset)],
    )


def _check_float(inputs: Sequence[onnx.ValueInfoProto]) -> None:
    for value in inputs:
        kind = value.type.tensor_type.elem_type
        if kind != onnx.TensorProto.FLOAT:
            found = onnx.TensorProto.DataType.Name(kind).lower()
            raise ModelError(f"input {value.name!r}: expected float, found {found}")


def _node(proto: onnx.NodeProto) -> Node:
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute}
    op = proto.op_type if proto.domain in ("", "ai.onnx") else f"{proto.domain}.{proto.op_type}"
    name = proto.name or f"{proto.op_type} of {proto.output[0]!r}"
    return Node(op, name, tuple(proto.input), tuple(proto.output), attributes)


def _constant(proto: onnx.NodeProto) -> Array:
    """The array of a Constant node, whichever of its attributes holds it."""
    attribute = proto.attribute[0]
    value = onnx.helper.get_attribute_value(attribute)
    if attribute.name == "value":
        return numpy_helper.to_array(value)
    if attribute.name in ("value_float", "value_floats"):
        return np.asarray(value, np.float32)
    if attribute.name in ("value_int", "value_ints"):
        return np.asarray(value, np.int64)
    raise ModelError(
        f"constant {proto.output[0]!r}: expected numbers, found attribute {attribute.name!r}"
    )


def _shape(value: onnx.ValueInfoProto) -> Shape:
    dims = value.type.tensor_type.shape.dim
    return tuple(d.dim_value if d.HasField("dim_value") else -1 for d in dims)


def _value_info(graph: Graph, name: str) -> onnx.ValueInfoProto:
    shape = graph.shapes.get(name)
    dims = None if shape is None else [None if d == -1 else d for d in shape]
    kind = onnx.TensorProto.INT64 if name in graph.integers else onnx.TensorProto.FLOAT
    return onnx.helper.make_tensor_value_info(name, kind, dims)
