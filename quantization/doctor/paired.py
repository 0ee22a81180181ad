"""The layers of a float network beside their quantised form: which scale, which weights."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edge_agent.bundle.affine import QMAX, QMIN, Affine
from quantization.errors import ModelError
from quantization.graph.graph import Array, Graph, Node
from quantization.operators.table import PAIR
from quantization.scales.plan import int8_values, layer_of
from quantization.scales.ranges import Range


@dataclass(frozen=True)
class ValueGrid:
    """Where a value is rounded to.

    Args:
        affines: one for the value, or one for each of its channels, its axis 1.
        exact_beyond: whether what lies outside of the range stays as it is, instead of being
            clipped: no device can do that, but it tells what the outside costs.
    """

    affines: tuple[Affine, ...]
    exact_beyond: bool = False


@dataclass(frozen=True, eq=False)
class Int8Layer:
    """One layer: a value of the float network, what computes it, and how both are quantised.

    Args:
        value: its name in the float network.
        nodes: what computes it, in order; none for the network's input.
        grid: of the value; None where it stays in float.
        constants: of the nodes' constants those that are quantised, by name: their real
            values on the int8 grid.
        raw: in the quantised network, the name of the value before it is rounded.
        real: in the quantised network, its name after rounding; `raw` where it stays in float.
    """

    value: str
    nodes: tuple[Node, ...]
    grid: ValueGrid | None
    constants: Mapping[str, Array]
    raw: str
    real: str

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators that compute it."""
        return tuple(node.op for node in self.nodes) or ("input",)

    @property
    def affine(self) -> Affine | None:
        """The one scale of the value."""
        return None if self.grid is None else self.grid.affines[0]

    @property
    def covers(self) -> Range | None:
        """What its int8 values reach."""
        return None if self.affine is None else range_of(self.affine)


def range_of(affine: Affine) -> Range:
    """The real values that int8 reaches."""
    low, high = ((q - affine.zero_point) * affine.scale for q in (QMIN, QMAX))
    return Range(low, high)


def paired(graph: Graph, qdq: Graph) -> tuple[Int8Layer, ...]:
    """The layers of a folded float network, with what its quantised form made of each.

    Args:
        graph: the float network.
        qdq: the same with quantise/dequantise pairs, as `insert_qdq` writes it: the same
            nodes in the same order but for the pairs, under whatever names.

    Raises:
        ModelError: if the one is not the other's quantised form.
    """
    computing = [node for node in qdq.nodes if node.op not in PAIR]
    wanted, found = ([node.op for node in nodes] for nodes in (graph.nodes, computing))
    if wanted != found:
        raise ModelError(
            "quantised network: expected the operators of the float one, "
            f"{', '.join(wanted)}; found {', '.join(found)}"
        )
    quantised = dict(zip(graph.nodes, computing, strict=True))
    members: dict[str, list[Node]] = {value: [] for value in int8_values(graph)}
    for node in graph.nodes:
        members.get(layer_of(graph, node), []).append(node)
    return tuple(_layer(qdq, value, tuple(nodes), quantised) for value, nodes in members.items())


def _layer(
    qdq: Graph, value: str, nodes: tuple[Node, ...], quantised: Mapping[Node, Node]
) -> Int8Layer:
    raw = quantised[nodes[-1]].output if nodes else value
    grid, real = None, raw
    for reader in qdq.consumers(raw):
        if reader.op == "QuantizeLinear":
            scale, zero = qdq.constant(reader, 1), qdq.constant(reader, 2)
            (after,) = qdq.consumers(reader.output)
            if scale is None or zero is None:
                raise ModelError(f"node {reader.name!r}: expected a constant scale")
            grid, real = ValueGrid((Affine(float(scale), int(zero)),)), after.output
    constants = {}
    for node in nodes:
        for name, written in zip(node.inputs, quantised[node].inputs, strict=True):
            array = _dequantized(qdq, written)
            if array is not None:
                constants[name] = array
    return Int8Layer(value, nodes, grid, constants, raw, real)


def _dequantized(qdq: Graph, name: str) -> Array | None:
    """The real values of a constant that is kept as integers; None of anything else."""
    node = qdq.producer(name)
    q = qdq.constant(node, 0) if node is not None and node.op == "DequantizeLinear" else None
    if node is None or q is None:
        return None
    scale, zero = qdq.constants[node.inputs[1]], qdq.constants[node.inputs[2]]
    axis = node.integer("axis", 1)
    spread = (-1,) + (1,) * (q.ndim - 1 - axis) if scale.size > 1 else ()
    centred = q.astype(np.float64) - zero.astype(np.float64).reshape(spread)
    real: Array = (centred * scale.astype(np.float64).reshape(spread)).astype(np.float32)
    return real
