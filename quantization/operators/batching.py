"""Whether a folded network, made for one sample, also computes a batch of them."""

from typing import assert_never

from quantization.graph.graph import Graph, Node
from quantization.operators.rules import PerSample, Trait
from quantization.operators.table import OPERATORS


def takes_batches(graph: Graph) -> bool:
    """Whether the first axis of every value is the samples' and stays that."""
    return all(_is_per_sample(graph, node) for node in graph.nodes)


def _is_per_sample(graph: Graph, node: Node) -> bool:
    """Whether a node keeps samples apart; False of an operator that has no row."""
    entry, shape = OPERATORS.get(node.op), graph.shapes.get(node.inputs[0], ())
    if entry is None or not shape or graph.shapes.get(node.output, ())[:1] != (1,):
        return False
    rank, rule = len(shape), entry.per_sample
    if rule is PerSample.BROADCAST or rule is PerSample.MATRICES:
        return _broadcasts(graph, node, least=3 if rule is PerSample.MATRICES else 0)
    if shape[0] != 1:
        return False
    match rule:
        case PerSample.ALWAYS:
            return True
        case PerSample.NEVER:
            return False
        case PerSample.ALONG_AXIS | PerSample.ALONG_LAST_AXIS:
            default = 0 if rule is PerSample.ALONG_AXIS else -1
            if Trait.OPERANDS in entry.traits and any(i in graph.constants for i in node.inputs):
                return False  # a constant among its operands has no batch
            return node.integer("axis", default) % rank != 0
        case PerSample.TRANSPOSED:
            return node.integers("perm", (1,))[0] == 0
        case PerSample.RESIZED:
            scales = graph.constant(node, 2)
            return scales is not None and scales.size == rank and scales[0] == 1
        case PerSample.RESHAPED:
            target = graph.constant(node, 1)
            return target is not None and target.size > 0 and target[0] == 0
        case PerSample.REDUCED:
            given = graph.constant(node, 1)
            axes = node.integers("axes", ()) if given is None else tuple(given.tolist())
            return bool(axes) and all(a % rank for a in axes)
        case PerSample.SLICED:
            given = graph.constant(node, 3)
            return given is not None and all(a % rank for a in given.tolist())
        case PerSample.PADDED:
            pads = graph.constant(node, 1)
            if pads is None or len(pads) != 2 * rank:
                return False
            return bool(pads[0] == pads[rank] == 0)
        case _:
            assert_never(rule)


def _broadcasts(graph: Graph, node: Node, least: int) -> bool:
    """Whether the operands' first axes are the samples', or are not there.

    Args:
        graph: whose node it is.
        node: of two operands.
        least: how many axes a computed operand has to have.
    """
    rank = len(graph.shapes[node.output])
    for name in node.inputs[:2]:
        shape = graph.shapes.get(name, ())
        if name in graph.constants:
            if len(shape) == rank and shape[0] != 1:
                return False
        elif len(shape) != rank or shape[0] != 1 or rank < least:
            return False
    return True
