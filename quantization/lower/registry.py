"""The table of operators: one entry says how an ONNX operator is quantised and lowered.

An operator is one decorated function in `lower/ops/`. The quantiser takes the scale rule
from the entry and the lowering takes the function: there is no second list to extend.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NoReturn, TypeAlias

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_agent.bundle.affine import Affine
from quantization.errors import UnsupportedOperatorError
from quantization.graph import Graph, Node

if TYPE_CHECKING:
    from quantization.lower.graph import Operation
    from quantization.lower.network import Network

Lower: TypeAlias = "Callable[[Operation, Network], None]"

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


# Operations of a typed graph only: a network to quantise has none, `import_quantized` sees to it.
CASTS = ("QuantizeLinear", "DequantizeLinear")


class Scale(Enum):
    """Where the int8 scale of an operator's output comes from."""

    CALIBRATED = "calibrated"  # its own observed range
    SHARED = "shared"  # the inputs' own: the operator only moves, compares or averages
    INDEX = "index"  # none: the output is int32 indices, which only leave the network


class Layout(Enum):
    """How an operator's output lies in memory, see `layout`."""

    KEPT = "kept"  # as its input does
    CHANNELS_LAST = "channels last"
    TRANSPOSED = "transposed"  # as its input does, under other names of axes
    OWN = "own"  # the operator's lowering decides


class Weights(Enum):
    """The scales of an operator's weights, its second input; the bias is its third."""

    PER_CHANNEL = "per channel"
    PER_SECOND_AXIS = "per second axis"  # (I, O, ...): a transposed convolution's channels
    PER_TENSOR = "per tensor"


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


@dataclass(frozen=True)
class Operator:
    """One supported ONNX operator.

    Args:
        lower: emits the TFLite operators of one node.
        scale: the rule of the output's scale, or the scale itself where TFLite fixes it.
        weights: the rule of the weights' scales, for an operator that has weights.
        fuses: whether a following activation becomes part of it.
        layout: how its output lies in memory.
        operands: whether its constant inputs become tensors, like computed ones.
        averages: whether a result may lie between the values it comes from, so that where a
            SHARED scale is not shared it runs at its input's: the output's may not hold those.
    """

    lower: Lower
    scale: Scale | Affine
    weights: Weights | None
    fuses: bool
    layout: Layout
    operands: bool
    averages: bool


OPERATORS: dict[str, Operator] = {}


def operator(
    name: str,
    *,
    scale: Scale | Affine = Scale.CALIBRATED,
    weights: Weights | None = None,
    fuses: bool = False,
    layout: Layout = Layout.KEPT,
    operands: bool = False,
    averages: bool = False,
) -> Callable[[Lower], Lower]:
    """Enter the decorated function in the table as the lowering of ONNX operator `name`."""

    def enter(lower: Lower) -> Lower:
        OPERATORS[name] = Operator(lower, scale, weights, fuses, layout, operands, averages)
        return lower

    return enter


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


def activation(graph: Graph, node: Node) -> Activation:
    """The activation a node is, as one that TFLite fuses; NONE for any other node."""
    if node.op == "Relu":
        return Activation.RELU
    if node.op == "Clip":
        low, high = (graph.constant(node, i) for i in (1, 2))
        bounds = (
            -np.inf if low is None else float(low.item()),
            np.inf if high is None else float(high.item()),
        )
        return FUSED_BOUNDS.get(bounds, Activation.NONE)
    return Activation.NONE


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


def is_fused(graph: Graph, node: Node) -> bool:
    """Whether a node's output goes only into an activation that becomes part of the node."""
    after = graph.sole_consumer(node.output)
    return (
        after is not None
        and node.op in OPERATORS
        and OPERATORS[node.op].fuses
        and activation(graph, after) is not Activation.NONE
    )
