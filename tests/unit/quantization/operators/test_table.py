"""The operator table: every row is lowered, and what it is lowered to the device knows."""

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.hurt_nets import healthy
from support.onnx_nets import graph_of, net, node, normal
from support.operator_cases import CASES
from support.recurrent_nets import recurrent

import quantization.lower.ops
from edge_agent.bundle.tflite.schema import OPERATORS as ON_DEVICES
from quantization.doctor import diagnose
from quantization.graph.graph import Node, read
from quantization.lower.ops import LOWERINGS
from quantization.lower.registry import lowers
from quantization.operators.activation import bounds
from quantization.operators.batching import takes_batches
from quantization.operators.rules import Scale, Trait
from quantization.operators.table import FOLDED, OPERATORS, averages, find, runs_at_input_scale
from quantization.quantize import quantize
from quantization.recipe import QuantRecipe
from quantization.reference import KERNELS

LOWERED_IN = Path(quantization.lower.ops.__file__).parents[1]


def emitted() -> Iterator[str]:
    """The TFLite operators that any module of the lowering names."""
    for path in sorted(LOWERED_IN.rglob("*.py")):
        for found in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(found, ast.Attribute)
                and isinstance(found.value, ast.Attribute)
                and found.value.attr == "BuiltinOperator"
            ):
                yield found.attr


def test_every_row_has_a_lowering_and_every_lowering_a_row() -> None:
    """Nobody adds an operator to one of the two and forgets the other."""
    assert set(LOWERINGS) == set(OPERATORS)


def test_a_lowering_without_a_row_is_refused() -> None:
    """Must fire: as soon as its module is imported."""
    with pytest.raises(AssertionError, match=r"Erf has no row in quantization\.operators\.table"):
        lowers("Erf")


def test_devices_know_every_operator_that_is_written() -> None:
    """A device refuses a file with an operator that its schema lacks."""
    written = set(emitted())
    assert {"CONV_2D", "TRANSPOSE", "QUANTIZE", "RELU6"} < written
    assert written <= {signature.name for signature in ON_DEVICES.values()}


def test_the_reference_knows_every_operator_that_is_written_but_four() -> None:
    """It refuses these by name; whoever writes another without a definition has to say so here."""
    assert set(emitted()) - set(KERNELS) == {"BATCH_MATMUL", "MAXIMUM", "MINIMUM", "MIRROR_PAD"}


def test_what_is_said_to_fold_does_fold() -> None:
    """Each operator that an error promises to fold is in a model that is left without it."""
    models = [case.model() for case in CASES]
    models += [recurrent("LSTM", 2, 3, 4), recurrent("GRU", 2, 3, 4)]
    constant = node("Constant", to="c", value_float=2.0)
    models.append(net([constant, node("Mul", "input", "c")], (1, 3)))
    models.append(net([node("Dropout", "input", to="d"), node("Relu", "d")], (1, 3)))
    promised = {name.split()[0] for name in FOLDED}
    gone = set[str]()
    for model in models:
        before = {n.op_type for n in model.graph.node}
        if before & promised:
            gone |= before - {n.op for n in graph_of(model).nodes}
    assert promised <= gone
    assert not promised & set(OPERATORS)


RESIZED = net(
    [
        node("Conv", "input", "w", to="c"),
        node(
            "Resize", "c", "", "scales", to="r", mode="nearest", nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        ),
        node("Conv", "r", "w"),
    ],
    (1, 3, 4, 4),
    {"w": normal(3, 3, 1, 1), "scales": np.array([1, 1, 2, 2], np.float32)},
)  # fmt: skip
LINEAR = RESIZED.__deepcopy__()
for _attribute in LINEAR.graph.node[1].attribute:
    if _attribute.name == "mode":
        _attribute.s = b"linear"


@pytest.mark.parametrize(("mode", "rounds"), [("nearest", False), ("linear", True)])
def test_the_doctor_blames_a_resize_only_if_it_computes(mode: str, rounds: bool) -> None:
    """Copied values lie on the int8 grid already, means between them do not: one rule says so."""
    folded = graph_of(LINEAR if mode == "linear" else RESIZED)
    (resize,) = (n for n in folded.nodes if n.op == "Resize")
    assert averages(resize) is rounds
    samples = normal(8, 3, 4, 4)
    qdq = quantize(folded, [samples], QuantRecipe()).qdq
    cost = {layer.name: layer.alone_db for layer in diagnose(folded, qdq, samples).layers}
    assert (cost["r"] is not None) is rounds
    assert cost["c"] is not None


def test_only_what_averages_runs_at_its_inputs_scale() -> None:
    """And of that, only what else would share a scale: a global mean has its own."""
    nodes = {op: Node(op, op, ("x",), ("y",)) for op in OPERATORS}
    at_input = {op for op, made in nodes.items() if runs_at_input_scale(made)}
    assert at_input == {"AveragePool", "Resize"}
    assert not any(averages(made) for op, made in nodes.items() if op in ("MaxPool", "Conv"))
    assert averages(nodes["GlobalAveragePool"])


def test_what_cuts_has_bounds_and_nothing_else_has() -> None:
    """The trait and the function that reads the bounds agree."""
    graph = graph_of(healthy().model)
    relu = next(n for n in graph.nodes if n.op == "Relu")
    assert bounds(graph, relu) == (0, np.inf)
    cutting = {op for op, entry in OPERATORS.items() if Trait.CUTS in entry.traits}
    assert cutting == {"Clip", "Relu"}
    others = [n for n in graph.nodes if n.op not in cutting]
    assert all(bounds(graph, n) == (-np.inf, np.inf) for n in others)


def test_weights_need_a_calibrated_scale() -> None:
    """A sum of products has no input's scale, nor one that TFLite fixes."""
    layers = {op: entry for op, entry in OPERATORS.items() if entry.weights is not None}
    assert set(layers) == {"Conv", "ConvTranspose", "Gemm"}
    assert all(entry.scale is Scale.CALIBRATED for entry in layers.values())


def test_an_operator_without_a_row_takes_no_batches() -> None:
    """Nothing is known of it, so calibration would give it one sample at a time."""
    graph = read(net([node("Erf", "input")], (1, 3)))
    assert not takes_batches(graph)
    assert takes_batches(read(net([node("Relu", "input")], (1, 3))))
    assert find(Node("Relu", "r", ("x",), ("y",))) is OPERATORS["Relu"]
