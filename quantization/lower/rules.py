"""What the table says of an operator: its scales, how its output lies, what it may fuse."""

from enum import Enum

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_agent.bundle.affine import Affine
from quantization.graph.graph import Graph, Node

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
