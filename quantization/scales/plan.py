"""The plan of a quantisation: which values become int8, and which of them share a scale.

A *layer* is a node with the activation it takes up; it goes by the name of the value it
computes, one of `int8_values`.
"""

from collections.abc import Collection
from dataclasses import dataclass

from edge_agent.bundle.affine import Affine
from quantization.errors import ModelError
from quantization.graph.graph import Graph, Node
from quantization.operators.activation import is_fused
from quantization.operators.rules import Scale, Trait
from quantization.operators.table import find


@dataclass(frozen=True)
class ScaleGroup:
    """Values that have one int8 scale, because only SHARED operators lie between them.

    A value whose scale TFLite fixes never shares it with one that has a range of its own: a
    SHARED operator between them reads it requantised.

    Args:
        values: their names, in execution order.
        fixed: the scale, where TFLite fixes that of one of them.
    """

    values: tuple[str, ...]
    fixed: Affine | None


def int8_values(graph: Graph) -> tuple[str, ...]:
    """The values that become int8 tensors: the input, and every output not fused away."""
    return (
        *graph.inputs,
        *(
            node.output
            for node in graph.nodes
            if not is_fused(graph, node) and find(node).scale is not Scale.INDEX
        ),
    )


def layer_of(graph: Graph, node: Node) -> str:
    """The layer that a node belongs to: the value it computes, its fused activation applied."""
    after = graph.sole_consumer(node.output) if is_fused(graph, node) else None
    return node.output if after is None else after.output


def check_layers(graph: Graph, float_layers: Collection[str]) -> None:
    """That every layer which is to stay in float is one of the graph's.

    Raises:
        ModelError: if one is not.
    """
    known = [value for value in int8_values(graph) if value not in graph.inputs]
    for layer in float_layers:
        if layer not in known:
            raise ModelError(
                f"float layers: expected layers of the network, found {layer!r}; "
                f"it has {', '.join(known)}"
            )


def quantized_values(graph: Graph, float_layers: Collection[str]) -> tuple[str, ...]:
    """The values that are quantised where some layers stay in float.

    The value of such a layer is quantised only where an int8 layer reads it, or as an output
    of the network.
    """
    return tuple(
        value
        for value in int8_values(graph)
        if value not in float_layers
        or value in graph.outputs
        or any(layer_of(graph, reader) not in float_layers for reader in graph.consumers(value))
    )


def activation_inputs(graph: Graph, node: Node) -> tuple[str, ...]:
    """The inputs of a node that are computed at run time."""
    return tuple(i for i in node.inputs if i and i not in graph.constants)


def scale_groups(graph: Graph, float_layers: Collection[str] = ()) -> list[ScaleGroup]:
    """The quantised values, grouped by common scale; a layer in float demands none.

    Raises:
        UnsupportedOperatorError: if an operator is not in the table.
    """
    group = {value: [value] for value in quantized_values(graph, float_layers)}
    fixed = {value: _fixed_scale(graph, value) for value in group}
    for node in graph.nodes:
        if find(node).scale is Scale.SHARED and layer_of(graph, node) not in float_layers:
            for value in _sharing(graph, node, fixed):
                fixed[node.output] = fixed[value]
                merged = [*dict.fromkeys(group[value] + group[node.output])]
                group.update(dict.fromkeys(merged, merged))
    distinct = {id(members): members for members in group.values()}.values()
    in_order = [tuple(value for value in group if value in members) for members in distinct]
    return [ScaleGroup(values, fixed[values[0]]) for values in in_order]


def operands(graph: Graph, node: Node) -> tuple[str, ...]:
    """The constant inputs of a node that become int8 tensors."""
    if Trait.OPERANDS not in find(node).traits:
        return ()
    return tuple(i for i in node.inputs if i in graph.constants)


def _sharing(graph: Graph, node: Node, fixed: dict[str, Affine | None]) -> tuple[str, ...]:
    """Those inputs of a SHARED node whose scale its output can share.

    A constant among the inputs has a range of its own, as it may exceed a fixed scale.
    """
    inputs = activation_inputs(graph, node)
    if len({fixed[value] for value in inputs}) == 1 and not operands(graph, node):
        return inputs
    return tuple(value for value in inputs if fixed[value] is None)


def _fixed_scale(graph: Graph, value: str) -> Affine | None:
    """The scale TFLite fixes for a value, if it fixes one."""
    node = graph.producer(value)
    rule = find(node).scale if node else Scale.CALIBRATED  # a network input has its own
    return rule if isinstance(rule, Affine) else None
