"""The rewrite that takes an LSTM or a GRU over a sequence apart, into its steps.

TFLite has no GRU; the integer form of its own LSTM wants a 16-bit cell state and scales of
values that no ONNX value is. Unrolled, a network is computed, checked and quantised by what
is there for every other one; the weights of all steps are the same constants.
"""

from functools import partial

from edge_agent.common.arrays import F32
from quantization.fold.recurrent.cells import State, gru, lstm
from quantization.fold.recurrent.form import Direction, Recurrent, read_recurrent
from quantization.fold.recurrent.written import Written
from quantization.graph.graph import Graph, Node


def unroll(graph: Graph, node: Node) -> Graph | None:
    """LSTM and GRU as one product of all inputs, and then the operators of step after step.

    Raises:
        UnsupportedOperatorError: if the node has a form that is not unrolled; see
            `read_recurrent`.
    """
    if node.op not in ("LSTM", "GRU"):
        return None
    layer = read_recurrent(graph, node)
    written = Written(next(o for o in node.outputs if o))
    inputs = _inputs_as_map(written, layer)
    states = {direction: _pass(written, layer, direction, inputs) for direction in layer.directions}
    _write_outputs(written, layer, states)
    return graph.expand(node, written.nodes, written.constants, written.shapes)


def _inputs_as_map(written: Written, layer: Recurrent) -> str:
    """The inputs as a map (1, I, 1, T)."""
    perm = (0, 2, 1) if layer.batch_first else (1, 2, 0)
    shape = (1, layer.inputs, layer.steps)
    channels = written.node("Transpose", "channels", layer.node.inputs[:1], shape, perm=perm)
    return written.reshape("map", channels, (1, layer.inputs, 1, layer.steps))


def _project(
    written: Written, layer: Recurrent, inputs: str, name: str, weights: F32, biases: F32
) -> str:
    """The product of all inputs by weights (N, I), as one row (1, T * N).

    A convolution of size 1, as that has a scale for each row of the weights.
    """
    outputs, steps = len(weights), layer.steps
    filters = written.constant(f"{name}:weights", weights[:, :, None, None])
    operands = (inputs, filters, written.constant(f"{name}:biases", biases))
    product = written.node("Conv", f"{name}:inputs", operands, (1, outputs, 1, steps))
    shape, perm = (1, 1, steps, outputs), (0, 2, 3, 1)
    turned = written.node("Transpose", f"{name}:turned", (product,), shape, perm=perm)
    return written.reshape(f"{name}:row", turned, (1, steps * outputs))


def _pass(written: Written, layer: Recurrent, direction: Direction, inputs: str) -> list[State]:
    """The states after each time of the sequence, in its order."""
    project = partial(_project, written, layer, inputs)
    if layer.node.op == "LSTM":
        cell = lstm(written, direction, project)
    else:
        before = bool(layer.node.integer("linear_before_reset", 0))
        cell = gru(written, direction, project, linear_before=before)
    state = State(
        written.constant(f"{direction.name}:hidden", direction.hidden[None]),
        written.constant(f"{direction.name}:cell", direction.cell[None]),
    )
    states = []
    times = range(layer.steps)
    for time in reversed(times) if direction.name == "reverse" else times:
        state = cell(f"{direction.name}:{time}", time, state)
        states.append(state)
    return states[::-1] if direction.name == "reverse" else states


def _write_outputs(
    written: Written, layer: Recurrent, states: dict[Direction, list[State]]
) -> None:
    """ONNX's outputs: every hidden state, the last one, the last cell."""
    count, steps, hidden = len(layer.directions), layer.steps, layer.hidden
    last = {d: s[0 if d.name == "reverse" else -1] for d, s in states.items()}
    every, at_end, cells = (*layer.node.outputs, "", "")[:3]
    if every:
        sequences = [
            written.reshape(
                f"{d.name}:sequence",
                written.join(f"{d.name}:joined", [s.hidden for s in passed], (1, steps * hidden)),
                (1, steps, hidden),
            )
            for d, passed in states.items()
        ]
        both = written.join("sequence", sequences, (1, steps, count * hidden))
        if not layer.batch_first:
            shape = (steps, 1, count * hidden)
            both = written.node("Transpose", "times", (both,), shape, perm=(1, 0, 2))
        ends = (1, steps, count, hidden) if layer.batch_first else (steps, count, 1, hidden)
        written.renamed(both, every, ends)
    shape = (1, count, hidden) if layer.batch_first else (count, 1, hidden)
    for output, name, values in (
        (at_end, "last", [s.hidden for s in last.values()]),
        (cells, "last cell", [s.cell for s in last.values()]),
    ):
        if output:
            written.renamed(written.join(name, values, (1, count * hidden)), output, shape)
