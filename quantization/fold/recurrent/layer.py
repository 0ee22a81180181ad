"""`RecurrentLayer`: one LSTM or GRU node, read; forms that cannot be unrolled are refused."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from edge_agent.common.arrays import F32
from quantization.graph.graph import Array, Graph, Node, Shape
from quantization.operators.table import refuse

# The activations of one direction that have an unrolled form: ONNX's defaults.
ACTIVATIONS = {"LSTM": ("sigmoid", "tanh", "tanh"), "GRU": ("sigmoid", "tanh")}
GATES = {"LSTM": 4, "GRU": 3}
DIRECTIONS = {
    "forward": ("forward",),
    "reverse": ("reverse",),
    "bidirectional": ("forward", "reverse"),
}
# Positions of the inputs that both operators have, and of those that only LSTM has.
WEIGHTS, RECURRENCE, BIASES, LENGTHS, HIDDEN, CELL, PEEPHOLES = range(1, 8)


@dataclass(frozen=True, eq=False)
class Direction:
    """One pass over the sequence. G gates, I inputs, H hidden values.

    Args:
        name: `forward` or `reverse`.
        weights: (G * H, I), of the inputs.
        recurrence: (G * H, H), of the hidden values of the step before.
        biases: (G * H,), added to the product of the inputs.
        recurrent_biases: (G * H,), added to that of the hidden values.
        hidden: (H,), before the first step.
        cell: (H,), before the first step; of a GRU, which has none, zeros.
    """

    name: str
    weights: F32
    recurrence: F32
    biases: F32
    recurrent_biases: F32
    hidden: F32
    cell: F32


@dataclass(frozen=True, eq=False)
class RecurrentLayer:
    """One LSTM or GRU over a sequence of static length with a batch of 1.

    Args:
        node: the ONNX node.
        steps: the length of the sequence.
        inputs: values of one step.
        hidden: hidden values of one direction.
        batch_first: whether sequences are (1, T, ...) and not (T, 1, ...).
        directions: the passes, in ONNX's order.
    """

    node: Node
    steps: int
    inputs: int
    hidden: int
    batch_first: bool
    directions: tuple[Direction, ...]


def read_recurrent(graph: Graph, node: Node) -> RecurrentLayer:
    """What an LSTM or GRU node says.

    Raises:
        UnsupportedOperatorError: if it cannot be unrolled: it has peepholes, a clip, coupled
            gates, other activations than the default ones, sequences shorter than their
            input, a batch, or anything computed that has to be constant.
    """
    batch_first = bool(node.integer("layout", 0))
    shape = graph.shapes.get(node.inputs[0], ())
    if len(shape) != 3 or min(shape) < 1 or shape[0 if batch_first else 1] != 1:
        found = ", ".join("?" if d == -1 else str(d) for d in shape)
        expected = "(1, T, I)" if batch_first else "(T, 1, I)"
        refuse(node, f"on a value of shape ({found}) has no lowering, only {expected}")
    steps = shape[1 if batch_first else 0]
    names = DIRECTIONS.get(node.text("direction", "forward"), ())
    _check_attributes(node, len(names))
    _check_lengths(graph, node, steps)
    peepholes = _constant(graph, node, PEEPHOLES)
    if peepholes is not None and peepholes.any():
        refuse(node, "with peepholes has no lowering")
    directions = _directions(graph, node, names, shape[2])
    hidden = directions[0].recurrence.shape[1]
    return RecurrentLayer(node, steps, shape[2], hidden, batch_first, directions)


def _directions(
    graph: Graph, node: Node, names: tuple[str, ...], inputs: int
) -> tuple[Direction, ...]:
    """The weights of each direction, of the shapes that ONNX gives them."""
    count, recurrence = len(names), _constant(graph, node, RECURRENCE)
    hidden = 0 if recurrence is None or not recurrence.ndim else recurrence.shape[-1]
    rows = GATES[node.op] * hidden
    array = partial(_shaped, graph, node)
    weights = array(WEIGHTS, (count, rows, inputs), required=True)
    recurrence = array(RECURRENCE, (count, rows, hidden), required=True)
    biases = array(BIASES, (count, 2 * rows))
    # A batch of 1 may stand on either side of the directions.
    states = [array(i, (count, hidden)) for i in (HIDDEN, CELL)]
    return tuple(
        Direction(
            name,
            weights[i],
            recurrence[i],
            biases[i, :rows],
            biases[i, rows:],
            *(state[i] for state in states),
        )
        for i, name in enumerate(names)
    )


def _shaped(graph: Graph, node: Node, index: int, shape: Shape, required: bool = False) -> F32:
    """A constant input of a shape, axes of one element left out of account; zeros if absent."""
    array = _constant(graph, node, index)
    if array is None and not required:
        return np.zeros(shape, np.float32)
    found = () if array is None else array.shape
    if array is None or [d for d in found if d != 1] != [d for d in shape if d != 1]:
        refuse(node, f"with its input {index} of shape {found} has no lowering, only {shape}")
    return array.astype(np.float32).reshape(shape)


def _constant(graph: Graph, node: Node, index: int) -> Array | None:
    """The array at an input; None if there is none; refuses one that is computed."""
    if index >= len(node.inputs) or not node.inputs[index]:
        return None
    array = graph.constant(node, index)
    if array is None:
        refuse(node, f"needs its input {index} constant, not computed at run time")
    return array


def _check_attributes(node: Node, directions: int) -> None:
    if not directions:
        refuse(node, f"with direction {node.text('direction', '')!r} has no lowering")
    wanted = ACTIVATIONS[node.op] * directions
    given = [_text(a) for a in node.attributes.get("activations", wanted)]
    if tuple(a.lower() for a in given) != wanted:
        only = ", ".join(a.capitalize() for a in ACTIVATIONS[node.op])
        refuse(node, f"with activations {', '.join(given)} has no lowering, only {only}")
    if "clip" in node.attributes:
        refuse(node, "with clip has no lowering")
    if node.integer("input_forget", 0):
        refuse(node, "with input_forget has no lowering")


def _check_lengths(graph: Graph, node: Node, steps: int) -> None:
    lengths = _constant(graph, node, LENGTHS)
    if lengths is not None and (lengths != steps).any():
        refuse(node, f"with sequence_lens {lengths.tolist()} of {steps} steps has no lowering")


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
