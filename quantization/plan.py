"""The plan of a quantisation: which values become int8, and which of them share a scale."""

from dataclasses import dataclass

from edge_agent.bundle.affine import Affine
from quantization.graph import Graph, Node
from quantization.lower.ops import find
from quantization.lower.registry import Scale, is_fused


@dataclass(frozen=True)
class Group:
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


def activation_inputs(graph: Graph, node: Node) -> tuple[str, ...]:
    """The inputs of a node that are computed at run time."""
    return tuple(i for i in node.inputs if i and i not in graph.constants)


def scale_groups(graph: Graph) -> list[Group]:
    """The int8 values, grouped by common scale.

    Raises:
        UnsupportedOperatorError: if an operator is not in the table.
    """
    group = {value: [value] for value in int8_values(graph)}
    fixed = {value: _fixed_scale(graph, value) for value in group}
    for node in graph.nodes:
        if find(node).scale is Scale.SHARED:
            for value in _sharing(graph, node, fixed):
                fixed[node.output] = fixed[value]
                merged = [*dict.fromkeys(group[value] + group[node.output])]
                group.update(dict.fromkeys(merged, merged))
    distinct = {id(members): members for members in group.values()}.values()
    in_order = [tuple(value for value in group if value in members) for members in distinct]
    return [Group(values, fixed[values[0]]) for values in in_order]


def operands(graph: Graph, node: Node) -> tuple[str, ...]:
    """The constant inputs of a node that become int8 tensors."""
    entry = find(node)
    return tuple(i for i in node.inputs if i in graph.constants) if entry.operands else ()


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
