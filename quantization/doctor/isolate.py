"""A float network in which only some layers are quantised."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from edge_agent.bundle.affine import QMAX, QMIN
from quantization.doctor.paired import Int8Layer, ValueGrid
from quantization.graph.graph import Array, Graph, Node


def isolated(graph: Graph, layers: Iterable[Int8Layer]) -> Graph:
    """A float network with the weights and the values of some layers on the int8 grid.

    All else stays as it is, under its own names; only an input that is quantised gets another.
    """
    drawn = _IsolatedWriter(graph)
    owners: dict[Node, Int8Layer] = {}
    for layer in layers:
        owners |= dict.fromkeys(layer.nodes, layer)
        if not layer.nodes and layer.grid is not None:
            drawn.input(layer.value, layer.grid)
    for node in graph.nodes:
        layer_ = owners.get(node)
        drawn.nodes.extend([node] if layer_ is None else [])
        if layer_ is not None:
            drawn.node(node, layer_)
    return drawn.graph()


class _IsolatedWriter:
    """The graph as it is written, one node after the other."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._inputs, self._shapes = list(graph.inputs), dict(graph.shapes)
        self._constants = dict(graph.constants)
        self.nodes: list[Node] = []

    def graph(self) -> Graph:
        return replace(
            self._graph,
            nodes=tuple(self.nodes),
            constants=self._constants,
            shapes=self._shapes,
            inputs=tuple(self._inputs),
        )

    def input(self, value: str, grid: ValueGrid) -> None:
        """The network's input, rounded before anybody reads it."""
        self._inputs = [f"{value}:fed" if name == value else name for name in self._inputs]
        self._shapes[f"{value}:fed"] = self._shapes[value]
        self._round(f"{value}:fed", value, grid)

    def node(self, node: Node, layer: Int8Layer) -> None:
        """A node with its layer's constants; the last one's output is rounded."""
        renamed = {name: f"{layer.value}:{name}" for name in layer.constants}
        self._constants |= {renamed[name]: array for name, array in layer.constants.items()}
        inputs = tuple(renamed.get(name, name) for name in node.inputs)
        if node.output != layer.value or layer.grid is None:
            self.nodes.append(replace(node, inputs=inputs))
            return
        raw = f"{layer.value}:raw"
        self.nodes.append(replace(node, inputs=inputs, outputs=(raw, *node.outputs[1:])))
        self._round(raw, layer.value, layer.grid)

    def _round(self, raw: str, value: str, grid: ValueGrid) -> None:
        """The value of `raw` on a grid."""
        per_channel = len(grid.affines) > 1
        scales = np.array([affine.scale for affine in grid.affines], np.float32)
        zeros = np.array([affine.zero_point for affine in grid.affines], np.int8)
        scale = self._constant(f"{value}:scale", scales if per_channel else scales.reshape(()))
        zero = self._constant(f"{value}:zero", zeros if per_channel else zeros.reshape(()))
        source, rounded = raw, value
        if grid.exact_beyond:
            source, rounded = f"{value}:inside", f"{value}:rounded"
            (affine,) = grid.affines
            ends = [
                self._constant(
                    f"{value}:{name}", np.array((q - affine.zero_point) * affine.scale, np.float32)
                )
                for name, q in (("low", QMIN), ("high", QMAX))
            ]
            self.nodes.append(Node("Clip", f"{value}:clip", (raw, *ends), (source,)))
        attributes = {"axis": 1} if per_channel else {}
        pair = (
            ("QuantizeLinear", source, f"{value}:q"),
            ("DequantizeLinear", f"{value}:q", rounded),
        )
        for op, before, after in pair:
            name = f"{value}:{op}"
            self.nodes.append(Node(op, name, (before, scale, zero), (after,), attributes))
        if grid.exact_beyond:
            rest = f"{value}:rest"
            self.nodes += [
                Node("Sub", rest, (raw, source), (rest,)),
                Node("Add", f"{value}:sum", (rounded, rest), (value,)),
            ]

    def _constant(self, name: str, array: Array) -> str:
        self._constants[name] = array
        return name
