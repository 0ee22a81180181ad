"""The tape that runs a network from stop to stop, with room for much or nothing."""

import numpy as np
import onnx
import pytest
from support.onnx_nets import net, node, normal, run_onnx_all

from edge_agent.common.arrays import F32
from quantization.graph.graph import Graph, read
from quantization.remedies.tape import Tape

SAMPLES = normal(10, 2, 4, 4)
STOPS = ["input", "a", "a", "sum", "output"]


def model() -> onnx.ModelProto:
    nodes = [
        node("Conv", "input", "w1", to="a"),
        node("Relu", "a", to="b"),
        node("Conv", "b", "w2", to="c"),
        node("Add", "c", "a", to="sum"),
        node("Conv", "sum", "w1", to="output"),
    ]
    weights = {"w1": normal(2, 2, 1, 1), "w2": normal(2, 2, 1, 1, seed=1)}
    return net(nodes, (1, 2, 4, 4), weights, outputs=("output", "a", "sum"))


def walked(tape: Tape, samples: F32) -> list[F32]:
    """The value at each stop."""
    values = []
    for _ in STOPS:
        size = tape.advance()
        parts = [tape.run(slice(i, i + size)) for i in range(0, len(samples), size)]
        values.append(np.concatenate(parts))
    return values


@pytest.mark.parametrize("room", [0, 10 * 2 * 16 * 4, 2**30])
@pytest.mark.parametrize("batched", [True, False])
def test_every_stop_has_its_value_whatever_is_held(room: int, batched: bool) -> None:
    """With room for nothing, for one value or for all, the values are the network's own."""
    tape = Tape(read(model()), SAMPLES, STOPS, batched=batched, room=room)
    found = dict(zip(STOPS, walked(tape, SAMPLES), strict=True))
    np.testing.assert_array_equal(found["input"], SAMPLES)
    for number, x in enumerate(SAMPLES):
        for name, wanted in zip(
            ("output", "a", "sum"), run_onnx_all(model(), x[None]), strict=True
        ):
            np.testing.assert_allclose(found[name][number : number + 1], wanted, atol=1e-6)


VALUE_BYTES = SAMPLES.nbytes


@pytest.mark.parametrize(
    ("room", "wanted"),
    [
        (VALUE_BYTES, [("input",), ("input",), ("a",), ("a",), ("sum",)]),
        (VALUE_BYTES - 1, [("input",)] * 5),
    ],
)
def test_only_what_later_stops_need_and_room_allows_is_held(
    room: int, wanted: list[tuple[str, ...]]
) -> None:
    """The samples go once a layer's value is held in their place; without room they stay."""
    tape = Tape(read(model()), SAMPLES, STOPS, batched=True, room=room)
    held = []
    for _ in STOPS:
        tape.advance()
        held.append(tape.held)
        tape.run(slice(None))
    assert held == wanted


def test_the_graph_may_change_behind_the_last_stop() -> None:
    """Weights exchanged between two stops count from there on."""
    graph = read(model())
    tape = Tape(graph, SAMPLES, STOPS[1:], batched=True)
    for _ in range(2):
        tape.advance()
        a = tape.run(slice(None))
    constants = {**graph.constants, "w2": np.zeros((2, 2, 1, 1), np.float32)}
    tape.graph = Graph(
        graph.nodes, constants, graph.shapes, graph.inputs, graph.outputs, graph.opset
    )
    tape.advance()
    np.testing.assert_array_equal(tape.run(slice(None)), a)
