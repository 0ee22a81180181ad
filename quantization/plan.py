"""The plan of a quantisation: which values become int8, and which of them share a scale."""

from dataclasses import dataclass

from edge_agent.bundle.affine import Affine
from quantization.errors import UnsupportedOperatorError
from quantization.graph import Graph, Node
from quantization.lower.ops import find
from quantization.lower.registry import Scale, is_fused


@dataclass(frozen=True)
class Group:
    """Values that have one int8 scale, because only SHARED operators lie between them.

    Args:
        values: their names, in execution order.
        fixed: the scale, where TFLite fixes that of one of them.
    """

    values: tuple[str, ...]
    fixed: Affine | None


def int8_values(graph: Graph) -> tuple[str, ...]:
    """The values that become int8 tensors: the input, and every output not fused away."""
    return (*graph.inputs, *(n.output for n in graph.nodes if not is_fused(graph, n)))


def activation_inputs(graph: Graph, node: Node) -> tuple[str, ...]:
    """The inputs of a node that are computed at run time."""
    return tuple(i for i in node.inputs if i and i not in graph.constants)


def scale_groups(graph: Graph) -> list[Group]:
    """The int8 values, grouped by common scale.

    Raises:
        UnsupportedOperatorError: if an operator is not in the table, or a value whose
            scale TFLite fixes meets a value with a range of its own in one group.
    """
    group = {value: [value] for value in int8_values(graph)}
    for node in graph.nodes:
        if find(node).scale is Scale.SHARED:
            for value in activation_inputs(graph, node):
                merged = [*dict.fromkeys(group[value] + group[node.output])]
                group.update(dict.fromkeys(merged, merged))
    distinct = {id(members): members for members in group.values()}.values()
    in_order = [tuple(value for value in group if value in members) for members in distinct]
    return [Group(values, _fixed_scale(graph, values)) for values in in_order]


def _fixed_scale(graph: Graph, values: tuple[str, ...]) -> Affine | None:
    """The scale TFLite fixes for a group, if it fixes one."""
    rules: set[Affine | Scale] = set()
    for value in values:
        node = graph.producer(value)
        rules.add(find(node).scale if node else Scale.CALIBRATED)  # a network input has its own
    rules.discard(Scale.SHARED)
    fixed = next((rule for rule in rules if isinstance(rule, Affine)), None)
    if fixed is not None and len(rules) > 1:
        raise UnsupportedOperatorError(
            f"values {', '.join(map(repr, values))} share one scale, but TFLite fixes that of "
            "some of them"
        )
    return fixed
