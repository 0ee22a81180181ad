"""Which channels of a network have to be scaled alike, so that it stays the same function.

Multiply a channel by ``1 / s`` where a layer writes it and its weights by ``s`` where layers
read it, and the network computes what it did, provided that everything in between does
nothing but scale with it. Each channel of each value has a *knob*, the number of such an
``s``. Operators tie the knobs of what they read and write; what does not scale with its
input pins them to the knob 0, which is always 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from quantization.graph.graph import Graph, Node, Shape
from quantization.operators.rules import ScalesWithInput
from quantization.operators.table import OPERATORS
from quantization.remedies.layers import weighted_layers
from quantization.scales.plan import activation_inputs

Knobs: TypeAlias = NDArray[np.int64]
"""The knob of each element of a value; an axis of 1 where it is the same for all of that axis."""

PINNED = 0
NEVER = ScalesWithInput.NEVER


@dataclass(frozen=True)
class ChannelTies:
    """The knobs of a network.

    Args:
        knobs: those of each value computed at run time, by its name.
        count: how many there are, with the pinned one.
    """

    knobs: Mapping[str, Knobs]
    count: int


def tie_channels(graph: Graph) -> ChannelTies:
    """The knobs of a folded graph."""
    return _Walk(graph).ties()


class _Walk:
    """The walk over the nodes in execution order."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._parent = np.zeros(1, np.int64)  # of each knob the one it is tied to, lower or itself
        self._knobs: dict[str, Knobs] = {}
        self._layers = {layer.node: layer for layer in weighted_layers(graph)}

    def ties(self) -> ChannelTies:
        for value in self._graph.inputs:
            self._knobs[value] = self._pinned(value)
        for node in self._graph.nodes:
            result = self._result(node)
            if result is None:
                for value in activation_inputs(self._graph, node):
                    self._tie(self._knobs[value], np.array(PINNED))
            for value in node.outputs:
                self._knobs[value] = self._pinned(value) if result is None else result
        for value in self._graph.outputs:
            self._tie(self._knobs[value], np.array(PINNED))
        roots, ids = np.unique(self._roots(np.arange(len(self._parent))), return_inverse=True)
        tied = {value: _compressed(ids[knobs]) for value, knobs in self._knobs.items()}
        return ChannelTies(tied, len(roots))

    def _pinned(self, value: str) -> Knobs:
        return np.full((1,) * len(self._graph.shapes.get(value, ())), PINNED)

    def _result(self, node: Node) -> Knobs | None:
        """The knobs of a node's output; None if it does not scale with its inputs."""
        shapes = [self._graph.shapes.get(v, (-1,)) for v in (*node.inputs[:1], *node.outputs)]
        if len(node.outputs) > 1 or any(-1 in shape for shape in shapes):
            return None
        rule = OPERATORS[node.op].scales_with_input if node.op in OPERATORS else NEVER
        if rule is ScalesWithInput.LAYER:
            return self._layer(node) if node in self._layers else None
        if rule is ScalesWithInput.SUM or rule is ScalesWithInput.PRODUCT:
            return self._arithmetic(node, is_product=rule is ScalesWithInput.PRODUCT)
        if rule is ScalesWithInput.JOINED:
            return self._concat(node)
        if node.inputs[0] not in self._knobs:
            return None
        return _through(self._graph, node, rule, self._knobs[node.inputs[0]])

    def _layer(self, node: Node) -> Knobs | None:
        """New knobs, if those it reads are of channels."""
        read = self._knobs.get(node.inputs[0])
        if read is None or read.size != read.shape[1]:
            return None
        rank, count = read.ndim, len(self._layers[node].bias)
        made = np.arange(len(self._parent), len(self._parent) + count)
        self._parent = np.concatenate((self._parent, made))
        return made.reshape(1, count, *(1,) * (rank - 2))

    def _arithmetic(self, node: Node, *, is_product: bool) -> Knobs | None:
        computed = [self._knobs[i] for i in node.inputs if i in self._knobs]
        if len(computed) == 2 and computed[0].ndim == computed[1].ndim:
            a, b = np.broadcast_arrays(*computed)
            if not is_product:
                self._tie(a, b)
                return _compressed(a)
            for one, other in ((a, b), (b, a)):
                if not one.any():  # of a product, one factor may scale
                    return _compressed(other)
        whole = self._graph.shapes[node.output]
        if is_product and len(computed) == 1:
            (value,) = activation_inputs(self._graph, node)
            return computed[0] if self._graph.shapes[value] == whole else None
        return None

    def _concat(self, node: Node) -> Knobs | None:
        shapes = [self._graph.shapes[value] for value in node.inputs]
        axis = node.integer("axis", 0) % len(shapes[0])
        none = np.full((1,) * len(shapes[0]), PINNED)  # of a constant
        parts = [self._knobs.get(value, none) for value in node.inputs]
        common = np.broadcast_shapes(*(np.delete(part.shape, axis) for part in parts))
        whole = [np.insert(common, axis, shape[axis]) for shape in shapes]
        return np.concatenate([*map(np.broadcast_to, parts, whole)], axis)

    def _tie(self, a: Knobs, b: Knobs) -> None:
        pairs = np.stack(np.broadcast_arrays(a, b)).reshape(2, -1)
        for pair in np.unique(pairs, axis=1).T:
            one, other = sorted(self._roots(pair).tolist())
            self._parent[other] = one

    def _roots(self, knobs: Knobs) -> Knobs:
        while (self._parent[knobs] != knobs).any():
            knobs = self._parent[knobs]
        return knobs


def _compressed(knobs: Knobs) -> Knobs:
    """The knobs with an axis of 1 wherever they are the same along it."""
    for axis in range(knobs.ndim):
        first = knobs.take([0], axis)
        if (knobs == first).all():
            knobs = first
    return knobs


def _through(graph: Graph, node: Node, rule: ScalesWithInput, knobs: Knobs) -> Knobs | None:
    """The knobs of the output of a node that reads one value; None if it does not scale with it."""
    match rule:
        case ScalesWithInput.ELEMENTS:
            return knobs
        case ScalesWithInput.SLOPES:
            return _prelu(graph, node, knobs)
        case ScalesWithInput.WINDOWS:
            return _pool(graph, node, knobs)
        case ScalesWithInput.REDUCED:
            return _reduce(graph, node, knobs)
        case ScalesWithInput.PADDED:
            return _pad(graph, node, knobs)
        case ScalesWithInput.TRANSPOSED:
            return _transpose(graph, node, knobs)
        case ScalesWithInput.RESHAPED:
            return _reshape(graph, node, knobs)
        case ScalesWithInput.SLICED:
            return _slice(graph, node, knobs)
        case ScalesWithInput.NEVER:
            return None
        case (
            ScalesWithInput.LAYER
            | ScalesWithInput.SUM
            | ScalesWithInput.PRODUCT
            | ScalesWithInput.JOINED
        ):
            raise AssertionError(f"{node.op} reads more than one value")
        case _:
            assert_never(rule)


def _prelu(graph: Graph, node: Node, knobs: Knobs) -> Knobs | None:
    same = graph.shapes[node.inputs[0]] == graph.shapes[node.output]
    return knobs if same and node.inputs[1] in graph.constants else None


def _pool(graph: Graph, node: Node, knobs: Knobs) -> Knobs | None:
    kept = graph.shapes[node.inputs[0]][:2] == graph.shapes[node.output][:2]
    return knobs if kept and set(knobs.shape[2:]) <= {1} else None


def _reduce(graph: Graph, node: Node, knobs: Knobs) -> Knobs | None:
    given = graph.constant(node, 1)
    axes = node.integers("axes", ()) if given is None else tuple(given.tolist())
    axes = tuple(a % knobs.ndim for a in axes)
    if not axes or any(knobs.shape[axis] > 1 for axis in axes):
        return None
    return knobs if node.integer("keepdims", 1) else knobs.squeeze(axes)


def _pad(graph: Graph, node: Node, knobs: Knobs) -> Knobs | None:
    pads, value = graph.constant(node, 1), graph.constant(node, 2)
    if pads is None or len(pads) != 2 * knobs.ndim or (value is not None and value.any()):
        return None
    padded = pads.reshape(2, -1).any(axis=0)
    return None if any(padded & (np.array(knobs.shape) > 1)) else knobs


def _transpose(graph: Graph, node: Node, knobs: Knobs) -> Knobs:
    return knobs.transpose(node.integers("perm", tuple(reversed(range(knobs.ndim)))))


def _reshape(graph: Graph, node: Node, knobs: Knobs) -> Knobs:
    shape: Shape = graph.shapes[node.output]
    return _compressed(np.broadcast_to(knobs, graph.shapes[node.inputs[0]]).reshape(shape))


def _slice(graph: Graph, node: Node, knobs: Knobs) -> Knobs | None:
    starts, ends, axes, steps = (graph.constant(node, i) for i in range(1, 5))
    if starts is None or ends is None or axes is None:
        return None
    steps = np.ones_like(starts) if steps is None else steps
    index = [slice(None)] * knobs.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if knobs.shape[axis] > 1:
            if step < 1:
                return None
            index[axis] = slice(int(start), int(end), int(step))
    return knobs[tuple(index)]
