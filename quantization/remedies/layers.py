"""The nodes with weights, as the remedies that change weights see them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from quantization.graph.graph import Array, Graph, Node
from quantization.operators.table import OPERATORS


@dataclass(frozen=True, eq=False)
class WeightedLayer:
    """A convolution or dense layer.

    Args:
        node: Conv, ConvTranspose or Gemm.
        weight: in ONNX's layout: (O, I / groups, ...), (I, O, ...) or (N, K).
        bias: (O,).
        groups: that its channels fall into.
    """

    node: Node
    weight: Array
    bias: Array
    groups: int

    @property
    def outputs_axis(self) -> int:
        """The axis of the weights that runs over the output channels."""
        return 1 if self.node.op == "ConvTranspose" else 0

    @property
    def filters(self) -> Array:
        """The weights with the output channels first."""
        return np.moveaxis(self.weight, self.outputs_axis, 0)

    @property
    def rows(self) -> Array:
        """The weights (G, O, n) of G groups of O output channels; not of a ConvTranspose."""
        return self.weight.reshape(self.groups, len(self.weight) // self.groups, -1)

    @property
    def inputs(self) -> int:
        """How many channels it reads."""
        if self.node.op == "ConvTranspose":
            return len(self.weight)
        return int(self.weight.shape[1]) * self.groups


def weighted_layers(graph: Graph) -> Iterator[WeightedLayer]:
    """The layers of a folded graph that have constant weights, in execution order.

    A transposed convolution with groups is none: nothing lowers it.
    """
    for node in graph.nodes:
        entry = OPERATORS.get(node.op)
        weight, bias = graph.constant(node, 1), graph.constant(node, 2)
        if entry is None or entry.weights is None or weight is None or bias is None:
            continue
        groups = node.integer("group", 1)
        if node.op != "ConvTranspose" or groups == 1:
            yield WeightedLayer(node, weight, bias, groups)


def with_weights(graph: Graph, changed: Mapping[Node, tuple[Array, Array]]) -> Graph:
    """The graph with other weights and biases at some of its layers.

    They get names of the layer's own: two layers that shared their weights may differ now.
    """
    constants, shapes = dict(graph.constants), dict(graph.shapes)
    nodes = []
    for node in graph.nodes:
        if node in changed:
            names = []
            for kind, array in zip(("weight", "bias"), changed[node], strict=True):
                name = f"{node.output}:{kind}"
                while name in graph.constants and graph.consumers(name) != [node]:
                    name += "'"  # the model itself gave the name to something else
                names.append(name)
                constants[name] = np.asarray(array, np.float32)
                shapes[name] = array.shape
            node = replace(node, inputs=(node.inputs[0], *names))
        nodes.append(node)
    return replace(graph, nodes=tuple(nodes), constants=constants, shapes=shapes)
