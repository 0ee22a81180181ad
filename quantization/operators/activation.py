"""The activations that TFLite fuses into the operator before them."""

from enum import Enum

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_agent.bundle.affine import Affine
from quantization.graph.graph import Graph, Node
from quantization.operators.rules import Trait
from quantization.operators.table import OPERATORS

NO_BOUNDS = (-np.inf, np.inf)


class Activation(Enum):
    """What an operator applies to its result before it becomes int8."""

    NONE = schema.ActivationFunctionType.NONE
    RELU = schema.ActivationFunctionType.RELU
    RELU6 = schema.ActivationFunctionType.RELU6
    RELU_N1_TO_1 = schema.ActivationFunctionType.RELU_N1_TO_1


FUSED_BOUNDS = {
    (0.0, np.inf): Activation.RELU,
    (0.0, 6.0): Activation.RELU6,
    (-1.0, 1.0): Activation.RELU_N1_TO_1,
}


def bounds(graph: Graph, node: Node) -> tuple[float, float]:
    """Where a Relu or a Clip cuts its input off; infinite where it does not, as any other node."""
    if node.op == "Relu":
        return 0.0, np.inf
    if node.op != "Clip":
        return NO_BOUNDS
    low, high = graph.constant(node, 1), graph.constant(node, 2)
    return (
        -np.inf if low is None else float(low.item()),
        np.inf if high is None else float(high.item()),
    )


def activation(graph: Graph, node: Node) -> Activation:
    """The activation a node is, as one that TFLite fuses; NONE for any other node."""
    return FUSED_BOUNDS.get(bounds(graph, node), Activation.NONE)


def is_fused(graph: Graph, node: Node) -> bool:
    """Whether a node's output goes only into an activation that becomes part of the node."""
    after = graph.sole_consumer(node.output)
    return (
        after is not None
        and node.op in OPERATORS
        and Trait.FUSES in OPERATORS[node.op].traits
        and activation(graph, after) is not Activation.NONE
    )


def is_absorbed(graph: Graph, node: Node) -> bool:
    """Whether a node is an activation that has become part of the node before it."""
    before = graph.producer(node.inputs[0])
    return before is not None and is_fused(graph, before)


def within_reach(applied: Activation, affine: Affine | None) -> Activation:
    """What of an activation shows in an output of that scale; all of it in float.

    The kernels keep its bounds in int32, in steps of the output's scale (kernel_util.cc,
    CalculateActivationRangeQuantized); one that does not fit makes tflite-runtime 2.14 refuse the
    file. So far beyond int8 it bounds nothing, and without it the operator computes the same.
    """
    bound = {Activation.RELU6: 6.0, Activation.RELU_N1_TO_1: 1.0}.get(applied)
    if affine is None or bound is None or bound / affine.scale < np.iinfo(np.int32).max:
        return applied
    return Activation.RELU if applied is Activation.RELU6 else Activation.NONE
