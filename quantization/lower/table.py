"""The table of operators: how each is quantised, how its output lies, what it may be fused with.

`quantization.lower.registry` fills it, together with the function that lowers the operator.
"""

from dataclasses import dataclass
from typing import NoReturn

from edge_agent.bundle.affine import Affine
from quantization.errors import UnsupportedOperatorError
from quantization.graph.graph import Graph, Node
from quantization.lower.rules import Activation, Layout, Scale, Weights, activation

# What `fold` takes out of a graph or rewrites, and so may stand in a model without an entry here.
FOLDED = (
    "BatchNormalization",
    "Constant",
    "Div by a constant",
    "Dropout",
    "GRU",
    "HardSigmoid",
    "LSTM",
    "Neg",
    "ReduceSum",
    "Split",
)


@dataclass(frozen=True)
class Operator:
    """One supported ONNX operator.

    Args:
        scale: the rule of the output's scale, or the scale itself where TFLite fixes it.
        weights: the rule of the weights' scales, for an operator that has weights.
        fuses: whether a following activation becomes part of it.
        layout: how its output lies in memory.
        operands: whether its constant inputs become tensors, like computed ones.
        averages: whether a result may lie between the values it comes from, so that where a
            SHARED scale is not shared it runs at its input's: the output's may not hold those.
    """

    scale: Scale | Affine
    weights: Weights | None
    fuses: bool
    layout: Layout
    operands: bool
    averages: bool


OPERATORS: dict[str, Operator] = {}


def find(node: Node) -> Operator:
    """The entry of a node's operator.

    Raises:
        UnsupportedOperatorError: if there is none.
    """
    if node.op not in OPERATORS:
        refuse(node, "has no lowering")
    return OPERATORS[node.op]


def refuse(node: Node, reason: str) -> NoReturn:
    """Say that a node cannot be lowered, and what can.

    Raises:
        UnsupportedOperatorError: always.
    """
    raise UnsupportedOperatorError(
        f"node {node.name!r}: operator {node.op} {reason}; supported: "
        f"{', '.join(sorted(OPERATORS))}; and, where they fold into these: {', '.join(FOLDED)}"
    )


def is_fused(graph: Graph, node: Node) -> bool:
    """Whether a node's output goes only into an activation that becomes part of the node."""
    after = graph.sole_consumer(node.output)
    return (
        after is not None
        and node.op in OPERATORS
        and OPERATORS[node.op].fuses
        and activation(graph, after) is not Activation.NONE
    )
