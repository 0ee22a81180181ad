"""The rewrite that takes an LSTM or a GRU over a sequence apart, into its steps.

TFLite has no GRU; the integer form of its own LSTM wants a 16-bit cell state and scales of
values that no ONNX value is. Unrolled, a network is computed, checked and quantised by what
is there for every other one; the weights of all steps are the same constants.
"""

from functools import partial

from edge_agent.common.arrays import F32
from quantization.fold.recurrent.cells import CellState, gru, lstm
from quantization.fold.recurrent.layer import Direction, RecurrentLayer, read_recurrent
from quantization.fold.recurrent.writer import NodeWriter
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
    writer = NodeWriter(next(o for o in node.outputs if o))
    inputs = _inputs_as_map(writer, layer)
    states = {direction: _pass(writer, layer, direction, inputs) for direction in layer.directions}
    _write_outputs(writer, layer, states)
    return graph.expand(node, writer.nodes, writer.constants, writer.shapes)


def _inputs_as_map(writer: NodeWriter, layer: RecurrentLayer) -> str:
    """The inputs as a map (1, I, 1, T)."""
    perm = (0, 2, 1) if layer.batch_first else (1, 2, 0)
    shape = (1, layer.inputs, layer.steps)
    channels = writer.node("Transpose", "channels", layer.node.inputs[:1], shape, perm=perm)
    return writer.reshape("map", channels, (1, layer.inputs, 1, layer.steps))


def _project(
    writer: NodeWriter, layer: RecurrentLayer, inputs: str, name: str, weights: F32, biases: F32
) -> str:
    """The product of all inputs by weights (N, I), as one row (1, T * N).

    A convolution of size 1, as that has a scale for each row of the weights.
    """
    outputs, steps = len(weights), layer.steps
    filters = writer.constant(f"{name}:weights", weights[:, :, None, None])
    operands = (inputs, filters, writer.constant(f"{name}:biases", biases))
    product = writer.node("Conv", f"{name}:inputs", operands, (1, outputs, 1, steps))
    shape, perm = (1, 1, steps, outputs), (0, 2, 3, 1)
    turned = writer.node("Transpose", f"{name}:turned", (product,), shape, perm=perm)
    return writer.reshape(f"{name}:row", turned, (1, steps * outputs))


def _pass(
    writer: NodeWriter, layer: RecurrentLayer, direction: Direction, inputs: str
) -> list[CellState]:
    """The states after each time of the sequence, in its order."""
    project = partial(_project, writer, layer, inputs)
    if layer.node.op == "LSTM":
        cell = lstm(writer, direction, project)
    else:
        before = bool(layer.node.integer("linear_before_reset", 0))
        cell = gru(writer, direction, project, linear_before=before)
    state = CellState(
        writer.constant(f"{direction.name}:hidden", direction.hidden[None]),
        writer.constant(f"{direction.name}:cell", direction.cell[None]),
    )
    states = []
    times = range(layer.steps)
    for time in reversed(times) if direction.name == "reverse" else times:
        state = cell(f"{direction.name}:{time}", time, state)
        states.append(state)
    return states[::-1] if direction.name == "reverse" else states


def _write_outputs(
    writer: NodeWriter, layer: RecurrentLayer, states: dict[Direction, list[CellState]]
) -> None:
    """ONNX's outputs: every hidden state, the last one, the last cell."""
    count, steps, hidden = len(layer.directions), layer.steps, layer.hidden
    last = {d: s[0 if d.name == "reverse" else -1] for d, s in states.items()}
    every, at_end, cells = (*layer.node.outputs, "", "")[:3]
    if every:
        sequences = [
            writer.reshape(
                f"{d.name}:sequence",
                writer.join(f"{d.name}:joined", [s.hidden for s in passed], (1, steps * hidden)),
                (1, steps, hidden),
            )
            for d, passed in states.items()
        ]
        both = writer.join("sequence", sequences, (1, steps, count * hidden))
        if not layer.batch_first:
            shape = (steps, 1, count * hidden)
            both = writer.node("Transpose", "times", (both,), shape, perm=(1, 0, 2))
        ends = (1, steps, count, hidden) if layer.batch_first else (steps, count, 1, hidden)
        writer.renamed(both, every, ends)
    shape = (1, count, hidden) if layer.batch_first else (count, 1, hidden)
    for output, name, values in (
        (at_end, "last", [s.hidden for s in last.values()]),
        (cells, "last cell", [s.cell for s in last.values()]),
    ):
        if output:
            writer.renamed(writer.join(name, values, (1, count * hidden)), output, shape)
