"""The table of operators: one row for each that has a lowering, with all that is known of it.

Folding, scales, remedies and lowering take their facts from here, so that an operator which is
forgotten in one of them is an error. `quantization.lower.ops` has the function that lowers each.
"""

from typing import NoReturn

from edge_agent.bundle.affine import QMAX, QMIN, Affine
from quantization.errors import UnsupportedOperatorError
from quantization.graph.graph import Node
from quantization.operators.rules import (
    Moves,
    Operator,
    OutputLayout,
    PerSample,
    Scale,
    ScalesWithInput,
    Trait,
    Weights,
)

# What `fold` takes out of a graph or rewrites, and so may stand in a model without a row here.
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
# Nodes of a quantised network that say where int8 is; a network to quantise has none.
PAIR = ("QuantizeLinear", "DequantizeLinear")

# The TFLite specification fixes the outputs of these.
SIGMOID_SCALE = SOFTMAX_SCALE = Affine(1 / 256, QMIN)
TANH_SCALE = Affine(1 / 128, 0)
LOG_SOFTMAX_SCALE = Affine(16 / 256, QMAX)


def _row(
    scale: Scale | Affine,
    layout: OutputLayout,
    weights: Weights | None,
    per_sample: PerSample,
    scales_with_input: ScalesWithInput,
    moves: Moves,
    *traits: Trait,
) -> Operator:
    return Operator(scale, layout, weights, per_sample, scales_with_input, moves, frozenset(traits))


# fmt: off
OPERATORS: dict[str, Operator] = {
    # Activations, each element by itself.
    "Identity": _row(
        Scale.CALIBRATED, OutputLayout.KEPT, None, PerSample.ALWAYS,
        ScalesWithInput.ELEMENTS, Moves.NEVER,
    ),
    "Relu": _row(
        Scale.CALIBRATED, OutputLayout.KEPT, None, PerSample.ALWAYS,
        ScalesWithInput.ELEMENTS, Moves.NEVER, Trait.CUTS,
    ),
    "Clip": _row(
        Scale.CALIBRATED, OutputLayout.KEPT, None, PerSample.ALWAYS,
        ScalesWithInput.ELEMENTS, Moves.NEVER, Trait.CUTS,
    ),
    "LeakyRelu": _row(
        Scale.CALIBRATED, OutputLayout.KEPT, None, PerSample.ALWAYS,
        ScalesWithInput.ELEMENTS, Moves.NEVER,
    ),
    "HardSwish": _row(
        Scale.CALIBRATED, OutputLayout.KEPT, None, PerSample.ALWAYS,
        ScalesWithInput.NEVER, Moves.NEVER,
    ),
    "Sigmoid": _row(
        SIGMOID_SCALE, OutputLayout.KEPT, None, PerSample.ALWAYS,
        ScalesWithInput.NEVER, Moves.NEVER,
    ),
    "Tanh": _row(
        TANH_SCALE, OutputLayout.KEPT, None, PerSample.ALWAYS,
        ScalesWithInput.NEVER, Moves.NEVER,
    ),
    # Shares along an axis.
    "Softmax": _row(
        SOFTMAX_SCALE, OutputLayout.OWN, None, PerSample.ALONG_LAST_AXIS,
        ScalesWithInput.NEVER, Moves.NEVER,
    ),
    "LogSoftmax": _row(
        LOG_SOFTMAX_SCALE, OutputLayout.OWN, None, PerSample.ALONG_LAST_AXIS,
        ScalesWithInput.NEVER, Moves.NEVER,
    ),
    # Arithmetic on two values, either of which may be constant or broadcast.
    "Add": _row(
        Scale.CALIBRATED, OutputLayout.KEPT, None, PerSample.BROADCAST,
        ScalesWithInput.SUM, Moves.NEVER, Trait.FUSES, Trait.OPERANDS,
    ),
    "Sub": _row(
        Scale.CALIBRATED, OutputLayout.KEPT, None, PerSample.BROADCAST,
        ScalesWithInput.SUM, Moves.NEVER, Trait.FUSES, Trait.OPERANDS,
    ),
    "Mul": _row(
        Scale.CALIBRATED, OutputLayout.KEPT, None, PerSample.BROADCAST,
        ScalesWithInput.PRODUCT, Moves.NEVER, Trait.FUSES, Trait.OPERANDS,
    ),
    "PRelu": _row(
        Scale.CALIBRATED, OutputLayout.KEPT, None, PerSample.BROADCAST,
        ScalesWithInput.SLOPES, Moves.NEVER, Trait.OPERANDS,
    ),
    "MatMul": _row(
        Scale.CALIBRATED, OutputLayout.OWN, None, PerSample.MATRICES,
        ScalesWithInput.NEVER, Moves.NEVER, Trait.OPERANDS,
    ),
    # Layers with weights. A dense layer's have one scale: several need a newer FULLY_CONNECTED than
    # tflite-runtime 2.14 has.
    "Conv": _row(
        Scale.CALIBRATED, OutputLayout.CHANNELS_LAST, Weights.PER_CHANNEL, PerSample.ALWAYS,
        ScalesWithInput.LAYER, Moves.NEVER, Trait.FUSES, Trait.WINDOWED,
    ),
    "ConvTranspose": _row(
        Scale.CALIBRATED, OutputLayout.CHANNELS_LAST, Weights.PER_SECOND_AXIS, PerSample.ALWAYS,
        ScalesWithInput.LAYER, Moves.NEVER,
    ),
    "Gemm": _row(
        Scale.CALIBRATED, OutputLayout.OWN, Weights.PER_TENSOR, PerSample.ALWAYS,
        ScalesWithInput.LAYER, Moves.NEVER, Trait.FUSES,
    ),
    # Pooling and reductions.
    "MaxPool": _row(
        Scale.SHARED, OutputLayout.CHANNELS_LAST, None, PerSample.ALWAYS,
        ScalesWithInput.WINDOWS, Moves.NEVER, Trait.WINDOWED,
    ),
    "AveragePool": _row(
        Scale.SHARED, OutputLayout.CHANNELS_LAST, None, PerSample.ALWAYS,
        ScalesWithInput.WINDOWS, Moves.NEVER, Trait.AVERAGES, Trait.WINDOWED,
    ),
    "GlobalMaxPool": _row(
        Scale.SHARED, OutputLayout.OWN, None, PerSample.ALWAYS,
        ScalesWithInput.WINDOWS, Moves.NEVER,
    ),
    "GlobalAveragePool": _row(
        Scale.CALIBRATED, OutputLayout.OWN, None, PerSample.ALWAYS,
        ScalesWithInput.WINDOWS, Moves.NEVER, Trait.AVERAGES,
    ),
    "ReduceMax": _row(
        Scale.SHARED, OutputLayout.OWN, None, PerSample.REDUCED,
        ScalesWithInput.REDUCED, Moves.NEVER,
    ),
    "ReduceMean": _row(
        Scale.CALIBRATED, OutputLayout.OWN, None, PerSample.REDUCED,
        ScalesWithInput.REDUCED, Moves.NEVER, Trait.AVERAGES,
    ),
    "ArgMax": _row(
        Scale.INDEX, OutputLayout.OWN, None, PerSample.ALONG_AXIS,
        ScalesWithInput.NEVER, Moves.NEVER,
    ),
    # What puts values together, takes some of them out, or orders them anew.
    "Concat": _row(
        Scale.SHARED, OutputLayout.KEPT, None, PerSample.ALONG_AXIS,
        ScalesWithInput.JOINED, Moves.NEVER, Trait.OPERANDS,
    ),
    "Pad": _row(
        Scale.SHARED, OutputLayout.KEPT, None, PerSample.PADDED,
        ScalesWithInput.PADDED, Moves.NEVER,
    ),
    "Slice": _row(
        Scale.SHARED, OutputLayout.KEPT, None, PerSample.SLICED,
        ScalesWithInput.SLICED, Moves.NEVER,
    ),
    "Gather": _row(
        Scale.SHARED, OutputLayout.KEPT, None, PerSample.ALONG_AXIS,
        ScalesWithInput.NEVER, Moves.PICKS,
    ),
    "Reshape": _row(
        Scale.SHARED, OutputLayout.OWN, None, PerSample.RESHAPED,
        ScalesWithInput.RESHAPED, Moves.RESHAPES,
    ),
    "Flatten": _row(
        Scale.SHARED, OutputLayout.OWN, None, PerSample.ALWAYS,
        ScalesWithInput.RESHAPED, Moves.RESHAPES,
    ),
    "Squeeze": _row(
        Scale.SHARED, OutputLayout.OWN, None, PerSample.NEVER,
        ScalesWithInput.RESHAPED, Moves.RESHAPES,
    ),
    "Unsqueeze": _row(
        Scale.SHARED, OutputLayout.OWN, None, PerSample.NEVER,
        ScalesWithInput.RESHAPED, Moves.RESHAPES,
    ),
    "Transpose": _row(
        Scale.SHARED, OutputLayout.TRANSPOSED, None, PerSample.TRANSPOSED,
        ScalesWithInput.TRANSPOSED, Moves.TRANSPOSES,
    ),
    "DepthToSpace": _row(
        Scale.SHARED, OutputLayout.CHANNELS_LAST, None, PerSample.ALWAYS,
        ScalesWithInput.NEVER, Moves.NEVER,
    ),
    "SpaceToDepth": _row(
        Scale.SHARED, OutputLayout.CHANNELS_LAST, None, PerSample.ALWAYS,
        ScalesWithInput.NEVER, Moves.NEVER,
    ),
    "Resize": _row(
        Scale.SHARED, OutputLayout.CHANNELS_LAST, None, PerSample.RESIZED,
        ScalesWithInput.WINDOWS, Moves.NEVER, Trait.AVERAGES,
    ),
}
# fmt: on


def find(node: Node) -> Operator:
    """The row of a node's operator.

    Raises:
        UnsupportedOperatorError: if there is none.
    """
    if node.op not in OPERATORS:
        refuse(node, "has no lowering")
    return OPERATORS[node.op]


def averages(node: Node) -> bool:
    """Whether a node's result may lie between the values it comes from, and so is rounded anew.

    A Resize to the nearest element only copies.

    Raises:
        UnsupportedOperatorError: if the node's operator has no row.
    """
    is_nearest = node.op == "Resize" and node.text("mode", "nearest") == "nearest"
    return Trait.AVERAGES in find(node).traits and not is_nearest


def runs_at_input_scale(node: Node) -> bool:
    """Whether a SHARED node whose scale is not shared runs at its input's and is requantised then.

    What averages does, as its output's scale may not hold the values that it averages. So does a
    Resize to the nearest element, of which either order gives the same values. All others have
    their inputs brought to their output's scale first.

    Raises:
        UnsupportedOperatorError: if the node's operator has no row.
    """
    entry = find(node)
    return entry.scale is Scale.SHARED and Trait.AVERAGES in entry.traits


def refuse(node: Node, reason: str) -> NoReturn:
    """Say that a node cannot be lowered, and what can.

    Raises:
        UnsupportedOperatorError: always.
    """
    raise UnsupportedOperatorError(
        f"node {node.name!r}: operator {node.op} {reason}; supported: "
        f"{', '.join(sorted(OPERATORS))}; and, where they fold into these: {', '.join(FOLDED)}"
    )
