"""Float networks with some layers on the int8 grid, and how far those are from float."""

import numpy as np
import pytest
from support.hurt_nets import Hurt, depthwise_spread, healthy, low_padding, silu_concat
from support.onnx_nets import graph_of, open_session, run_onnx

from edge_agent.bundle.affine import Affine
from quantization.doctor.baseline import FloatBaseline, decibels
from quantization.doctor.isolate import isolated
from quantization.doctor.paired import Int8Layer, ValueGrid, paired, range_of
from quantization.graph.graph import Graph, Node, write
from quantization.quantize import quantize
from quantization.recipe import QuantRecipe


def layers_of(hurt: Hurt) -> tuple[Graph, Graph, tuple[Int8Layer, ...]]:
    graph = graph_of(hurt.model)
    qdq = quantize(graph, [hurt.samples], QuantRecipe()).qdq
    return graph, qdq, paired(graph, qdq)


@pytest.mark.parametrize("hurt", [healthy(), depthwise_spread(), silu_concat(), low_padding()])
def test_all_layers_together_are_the_quantised_network(hurt: Hurt) -> None:
    """With every layer on its grid, the outputs are those of the QDQ model."""
    graph, qdq, layers = layers_of(hurt)
    made = isolated(graph, layers)
    (source,) = made.inputs
    x = hurt.samples[:1]
    (found,) = open_session(write(made)).run(None, {source: x})
    np.testing.assert_allclose(found, run_onnx(write(qdq), x), rtol=1e-4, atol=1e-5)


def test_no_layer_is_the_float_network() -> None:
    """Nothing is rounded that was not asked for."""
    hurt = healthy()
    graph, _, _ = layers_of(hurt)
    x = hurt.samples[:1]
    assert (run_onnx(write(isolated(graph, [])), x) == run_onnx(write(graph), x)).all()


def test_a_layer_is_its_nodes_and_its_scale() -> None:
    """The fused activation belongs to it, and its weights and bias are on the grid."""
    graph, _, layers = layers_of(healthy())
    first = layers[1]
    assert (first.value, first.operators) == ("r1", ("Conv", "Relu"))
    weight, bias = first.nodes[0].inputs[1:]
    assert set(first.constants) == {weight, bias}
    off = np.abs(first.constants[weight] - graph.constants[weight])
    assert 0 < off.max() <= np.abs(graph.constants[weight]).max() / 254 * 1.001
    assert layers[0].operators == ("input",)
    assert layers[0].constants == {}


def test_the_range_of_a_scale_is_what_int8_reaches() -> None:
    """From -128 to 127."""
    covers = range_of(Affine(0.5, -128))
    assert (covers.low, covers.high) == (0, 127.5)


def doubled() -> tuple[Graph, Int8Layer]:
    """A network that returns its input twice as large, and that value as a layer."""
    node = Node("Add", "add", ("input", "input"), ("output",))
    shapes = {"input": (1, 2, 1, 3), "output": (1, 2, 1, 3)}
    graph = Graph((node,), {}, shapes, ("input",), ("output",), 17)
    return graph, Int8Layer("output", (node,), None, {}, "output", "output")


X = np.array([[[[0.1, 3.0, 400.0]], [[-7.0, 0.26, 0.5]]]], np.float32)


def rounded(grid: ValueGrid) -> list[float]:
    graph, layer = doubled()
    made = isolated(graph, [Int8Layer("output", layer.nodes, grid, {}, "output", "output")])
    return run_onnx(write(made), X).reshape(-1).tolist()


def test_a_grid_rounds_and_clips() -> None:
    """To whole numbers from -128 to 127."""
    assert rounded(ValueGrid((Affine(1.0, 0),))) == [0, 6, 127, -14, 1, 1]


def test_a_grid_may_leave_what_is_beyond_alone() -> None:
    """The value of 800 stays, and those within are rounded as before."""
    assert rounded(ValueGrid((Affine(1.0, 0),), exact_beyond=True)) == [0, 6, 800, -14, 1, 1]


def test_a_grid_may_be_one_for_each_channel() -> None:
    """The first channel in steps of 10, the second in quarters."""
    grid = ValueGrid((Affine(10.0, 0), Affine(0.25, 0)))
    assert rounded(grid) == [0, 10, 800, -14, 0.5, 1]


def test_errors_are_shares_of_the_signal() -> None:
    """An output that is off by a tenth everywhere has 1 % of its power as error: 20 dB."""
    graph, _ = doubled()
    baseline = FloatBaseline(graph, np.ones((3, 2, 1, 3), np.float32))
    more = Node("Mul", "more", ("twice", "factor"), ("output",))
    twice = Node("Add", "add", ("input", "input"), ("twice",))
    constants = {"factor": np.array(1.1, np.float32)}
    off = Graph((twice, more), constants, graph.shapes, ("input",), ("output",), 17)
    assert baseline.output_error(off) == pytest.approx(0.01, rel=1e-4)
    assert decibels(baseline.output_error(off)) == pytest.approx(20, abs=0.01)
    assert baseline.output_error(graph) == 0
    assert decibels(0) is None
    assert baseline.mean(off, "output") == pytest.approx([2.2, 2.2])


def test_the_mean_is_that_of_a_channel() -> None:
    """Over samples and places."""
    graph, _ = doubled()
    baseline = FloatBaseline(graph, np.concatenate([X, X + 1]))
    wanted = 2 * np.concatenate([X, X + 1]).mean(axis=(0, 2, 3))
    assert baseline.mean(graph, "output") == pytest.approx(wanted, rel=1e-6)
