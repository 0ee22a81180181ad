"""LSTM and GRU taken apart into steps: against ONNX Runtime's own operators, and as int8."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from support.onnx_nets import (
    Array,
    converted,
    float_tensors,
    net,
    node,
    normal,
    open_session,
    operators,
    parsed,
    quanta_apart,
    run_onnx_all,
)
from support.recurrent_nets import recurrent, uniform, weights

from edge_agent.common.arrays import F32
from quantization.errors import UnsupportedOperatorError
from quantization.fold.fold import fold
from quantization.graph.graph import read
from quantization.operators.batching import takes_batches

T, I, H = 5, 3, 4  # noqa: E741  # I is what ONNX calls it
LSTM: dict[str, Any] = {"op": "LSTM"}
GRU_BEFORE: dict[str, Any] = {"op": "GRU", "linear_before_reset": 1}
GRU_AFTER: dict[str, Any] = {"op": "GRU", "linear_before_reset": 0}
KINDS = [LSTM, GRU_BEFORE, GRU_AFTER]
DIRECTIONS = ["forward", "reverse", "bidirectional"]


def layer(
    kind: Mapping[str, Any], steps: int = T, inputs: int = I, hidden: int = H, **more: Any
) -> onnx.ModelProto:
    return recurrent(steps=steps, inputs=inputs, hidden=hidden, **kind, **more)


def states(kind: Mapping[str, Any], directions: int) -> dict[str, Array]:
    """Initial states of both directions, those of an LSTM's cell larger than a tanh."""
    hidden = uniform(directions, 1, H, seed=7)
    both = {"h": hidden, "c": 4 * uniform(directions, 1, H, seed=8)}
    return both if kind["op"] == "LSTM" else {"h": hidden}


def assert_unrolled(model: onnx.ModelProto, shape: tuple[int, ...] = (T, I)) -> onnx.ModelProto:
    """No recurrent operator is left, and every output is what ONNX Runtime's own computes."""
    folded = fold(model)
    assert not {"LSTM", "GRU"} & {n.op_type for n in folded.graph.node}
    x = normal(1, *shape, seed=5)
    for found, wanted in zip(run_onnx_all(folded, x), run_onnx_all(model, x), strict=True):
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
    return folded


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("starts", [True, False])
def test_an_unrolled_layer_computes_what_the_operator_does(
    kind: dict[str, Any], direction: str, biases: bool, starts: bool
) -> None:
    """Y, Y_h and Y_c, with and without biases and initial states, in every direction."""
    given = states(kind, 1 + (direction == "bidirectional")) if starts else {}
    names = ("W", "R", "B" if biases else "", "", *given)
    assert_unrolled(layer(kind, constants=given, names=names, direction=direction))


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_of_one_step_is_unrolled(kind: dict[str, Any]) -> None:
    """There is nothing to join and no product of a state that is still zero."""
    folded = assert_unrolled(layer(kind, steps=1), (1, I))
    assert not {"Gemm", "Concat"} & {n.op_type for n in folded.graph.node}


@pytest.mark.parametrize("kind", KINDS)
def test_one_hidden_value_is_unrolled(kind: dict[str, Any]) -> None:
    """Axes of one element are no reason to mistake one for another."""
    assert_unrolled(layer(kind, inputs=1, hidden=1, direction="bidirectional"), (T, 1))


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_batch_first_is_the_same_layer_transposed(kind: dict[str, Any], direction: str) -> None:
    """With layout 1, which ONNX Runtime lacks, every output is that of layout 0, batch first."""
    given = states(kind, 1 + (direction == "bidirectional"))
    names, turned = ("W", "R", "B", "", *given), {k: v.swapaxes(0, 1) for k, v in given.items()}
    first = layer(kind, constants=turned, names=names, direction=direction, layout=1)
    model = layer(kind, constants=given, names=names, direction=direction)
    x = normal(1, T, I, seed=5)
    every, *last = run_onnx_all(model, x)
    wanted = [every.transpose(2, 0, 1, 3), *(one.swapaxes(0, 1) for one in last)]
    for found, one in zip(run_onnx_all(fold(first), x), wanted, strict=True):
        assert found.shape == one.shape
        np.testing.assert_allclose(found, one, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "outputs"),
    [
        (LSTM, ("Y",)),
        (LSTM, ("", "Y_h")),
        (LSTM, ("", "", "Y_c")),
        (LSTM, ("Y", "", "Y_c")),
        (GRU_BEFORE, ("", "Y_h")),
    ],
)
def test_outputs_that_nobody_reads_may_have_no_name(
    kind: dict[str, Any], outputs: Sequence[str]
) -> None:
    """Exporters leave out the outputs they do not need."""
    assert_unrolled(layer(kind, outputs=outputs, direction="bidirectional"))


def test_two_layers_without_a_first_output_are_both_unrolled() -> None:
    """A node goes by its first output: two of none are still two nodes."""
    w, r, b = weights("GRU", I, H)
    ends = [
        helper.make_node("GRU", ["X", *names], ["", end], name=end, hidden_size=H)
        for names, end in (("WRB", "a"), ("WR", "b"))
    ]
    nodes = [node("Transpose", "input", to="X", perm=[1, 0, 2]), *ends, node("Add", "a", "b")]
    assert_unrolled(net(nodes, (1, T, I), {"W": w, "R": r, "B": b}))


def test_what_says_nothing_new_is_accepted() -> None:
    """The default activations by name, lengths that are all of it, peepholes of zero."""
    given = {"lengths": np.array([T], np.int32), "P": np.zeros((1, 3 * H), np.float32)}
    names = ("W", "R", "B", "lengths", "", "", "P")
    spelt = ["Sigmoid", "Tanh", "Tanh"]
    assert_unrolled(layer(LSTM, constants=given, names=names, activations=spelt, input_forget=0))


def lengths(*values: int) -> dict[str, Any]:
    return {"constants": {"n": np.array(values, np.int32)}, "names": ("W", "R", "B", "n")}


REFUSED = [
    (LSTM, {"clip": 3.0}, "LSTM with clip has no lowering"),
    (LSTM, {"input_forget": 1}, "LSTM with input_forget has no lowering"),
    (
        LSTM,
        {"activations": ["Sigmoid", "Relu", "Tanh"]},
        "LSTM with activations Sigmoid, Relu, Tanh has no lowering, only Sigmoid, Tanh, Tanh",
    ),
    (
        GRU_BEFORE,
        {"activations": ["HardSigmoid", "Tanh"]},
        "GRU with activations HardSigmoid, Tanh has no lowering, only Sigmoid, Tanh",
    ),
    (
        LSTM,
        {
            "constants": {"P": np.ones((1, 3 * H), np.float32)},
            "names": ("W", "R", "B", "", "", "", "P"),
        },
        "LSTM with peepholes has no lowering",
    ),
    (GRU_BEFORE, lengths(3), "GRU with sequence_lens [3] of 5 steps has no lowering"),
    (
        LSTM,
        {"names": ("W", "input", "B")},
        "LSTM needs its input 2 constant, not computed at run time",
    ),
    (
        GRU_BEFORE,
        {"names": ("W", "R", "B", "", "X")},
        "GRU needs its input 5 constant, not computed at run time",
    ),
    (
        GRU_BEFORE,
        {"constants": {"W": normal(1, 3 * H, I + 1)}},
        "GRU with its input 1 of shape (1, 12, 4) has no lowering, only (1, 12, 3)",
    ),
    (
        LSTM,
        {"constants": {"B": normal(1, 4 * H)}},
        "LSTM with its input 3 of shape (1, 16) has no lowering, only (1, 32)",
    ),
    (
        LSTM,
        {"constants": {"R": np.float32(1)}},
        "LSTM with its input 1 of shape (1, 16, 3) has no lowering, only (1, 0, 3)",
    ),
    (LSTM, {"direction": "both"}, "LSTM with direction 'both' has no lowering"),
]


@pytest.mark.parametrize(("kind", "more", "reason"), REFUSED, ids=[r[-1] for r in REFUSED])
def test_what_cannot_be_unrolled_is_refused(
    kind: dict[str, Any], more: dict[str, Any], reason: str
) -> None:
    """The error names the node, the operator and why."""
    with pytest.raises(UnsupportedOperatorError) as raised:
        fold(layer(kind, outputs=("Y",), **more))
    assert str(raised.value).startswith(f"node 'layer': operator {reason}; supported: Add, ")


@pytest.mark.parametrize(("perm", "found"), [([1, 2, 0], "(5, 3, 1)"), ([0, 1, 2], "(1, 5, 3)")])
def test_a_batch_is_refused(perm: list[int], found: str) -> None:
    """One sample is one sequence: what else the second axis might be is not guessed."""
    w, r, _ = weights("GRU", 3, H)
    first = node("Transpose", "input", to="X", perm=perm)
    gru = helper.make_node("GRU", ["X", "W", "R"], ["output"], name="layer", hidden_size=H)
    with pytest.raises(UnsupportedOperatorError) as raised:
        fold(net([first, gru], (1, 5, 3), {"W": w, "R": r}))
    assert str(raised.value).startswith(
        f"node 'layer': operator GRU on a value of shape {found} has no lowering, only (T, 1, I);"
    )


def test_a_length_that_the_values_decide_is_refused() -> None:
    """How many steps there are has to be known before any is written."""
    w, r, _ = weights("GRU", 3, H)
    nodes = [
        node("ReduceMax", "input", to="largest", axes=[0, 2], keepdims=0),
        node("Greater", "largest", "one", to="which"),
        node("Transpose", "input", to="times", perm=[1, 0, 2]),
        node("Compress", "times", "which", to="X", axis=0),
        helper.make_node("GRU", ["X", "W", "R"], ["output"], name="layer", hidden_size=H),
    ]
    constants: dict[str, Array] = {"W": w, "R": r, "one": np.array(1, np.float32)}
    with pytest.raises(UnsupportedOperatorError) as raised:
        fold(net(nodes, (1, 5, 3), constants))
    assert str(raised.value).startswith(
        "node 'layer': operator GRU on a value of shape (?, 1, 3) has no lowering, only (T, 1, I);"
    )


@pytest.mark.parametrize(
    ("kind", "direction", "expected"),
    [
        # The inputs as a map, two products of all of them, each as a row; then one step of a
        # state that is still zero, two of one that is not, and what joins them.
        (
            LSTM,
            "forward",
            {"CONV_2D": 2, "FULLY_CONNECTED": 4, "LOGISTIC": 3, "TANH": 6, "SUB": 2, "MUL": 8,
             "ADD": 6, "SLICE": 14, "CONCATENATION": 1, "RESHAPE": 5},
        ),
        (
            GRU_BEFORE,
            "reverse",
            {"CONV_2D": 2, "FULLY_CONNECTED": 4, "LOGISTIC": 3, "TANH": 3, "SUB": 2, "MUL": 6,
             "ADD": 7, "SLICE": 12, "CONCATENATION": 1, "RESHAPE": 5},
        ),
    ],
)  # fmt: skip
def test_the_operators_of_three_steps(
    kind: dict[str, Any], direction: str, expected: dict[str, int]
) -> None:
    """All inputs are multiplied at once; no TRANSPOSE, nothing computed of zeros."""
    made = converted(layer(kind, steps=3, outputs=("Y",), direction=direction))
    found = operators(made.tflite)
    assert {op: found.count(op) for op in found} == expected
    assert not float_tensors(made.tflite)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_in_the_file_once(kind: dict[str, Any]) -> None:
    """Each constant is one buffer, and a longer sequence adds what its operators take."""
    hidden = 96
    files = [
        converted(layer(kind, steps=n, hidden=hidden, outputs=("", "Y_h"))).tflite for n in (4, 12)
    ]
    for file in files:
        sizes = [len(b.data) for b in parsed(file).buffers if b.data is not None]
        recurrences = sorted(s for s in sizes if s >= hidden * hidden)
        assert recurrences == [hidden**2, (2 + (kind is LSTM)) * hidden**2]
    assert (len(files[1]) - len(files[0])) / 8 < 5000 < hidden**2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_litert_computes_the_quantised_network(kind: dict[str, Any], direction: str) -> None:
    """Every output of the file is within two quanta of the QDQ model, and near the float one."""
    model = layer(kind, steps=9, inputs=6, hidden=8, direction=direction)
    made = converted(model, normal(64, 9, 6))
    x = normal(4, 9, 6, seed=7)
    assert quanta_apart(made, x) <= 2
    wanted, found = _run_each(model, x), _run_each(made.qdq, x)
    assert 10 * np.log10(np.square(wanted).sum() / np.square(found - wanted).sum()) > 25  # dB


@pytest.mark.parametrize("kind", KINDS)
def test_int8_remembers(kind: dict[str, Any]) -> None:
    """What the first step stores is there after 40 more: no gate at 255/256 wears it away.

    As a factor of the memory, the int8 sigmoid's highest value takes 255 quanta to 215.
    """
    steps, b = 41, np.zeros((1, 2 * 4 if kind is LSTM else 2 * 3, H), np.float32)
    w = np.zeros((1, 4 * H if kind is LSTM else 3 * H, H), np.float32)
    eye = np.eye(H, dtype=np.float32)
    if kind is LSTM:  # stores while the input is far from 0, and forgets nothing
        w[0, 3 * H :] = eye
        b[0, :3] = 20
        names: tuple[str, ...] = ("", "", "Y_c")
    else:  # copies while the last input, 1 at the first step only, closes the update gate
        w[0, :H, -1], w[0, 2 * H :] = -40, eye
        b[0, 0] = 20
        names = ("", "Y_h")
    model = layer(
        kind,
        steps=steps,
        inputs=H,
        outputs=names,
        constants={"W": w, "R": np.zeros_like(w), "B": b.reshape(1, -1)},
    )
    x = np.zeros((16, steps, H), np.float32)
    x[:, 0] = np.random.default_rng(0).uniform(0, 1, (16, H))
    x[:, 0, -1] = 1
    made = converted(model, x)
    wanted, found = _run_each(model, x), _run_each(made.qdq, x)
    assert np.abs(wanted).max() > 0.7
    assert np.abs(found - wanted).max() < 3 * made.output.scale


def _run_each(model: onnx.ModelProto, x: F32) -> F32:
    session = open_session(model)
    return np.concatenate([session.run(None, {"input": one[None]})[0] for one in x])


def test_calibration_takes_sequences_in_batches() -> None:
    """Layers upon layers keep the batch in front: y, its last step, and either last state."""
    w, r, b = weights("LSTM", I, H, 2)
    again = weights("LSTM", 2 * H, H, 2, seed=3)
    nodes = [
        node("Transpose", "input", to="X", perm=[1, 0, 2]),
        helper.make_node("LSTM", ["X", *"WRB"], ["y"], hidden_size=H, direction="bidirectional"),
        node("Transpose", "y", to="turned", perm=[0, 2, 1, 3]),
        node("Reshape", "turned", "shape", to="x"),
        helper.make_node(
            "LSTM", ["x", *"VSC"], ["z", "h"], hidden_size=H, direction="bidirectional"
        ),
        node("Transpose", "z", to="zt", perm=[2, 0, 1, 3]),
        node("Reshape", "zt", "rows", to="sequence"),
        node("Gather", "sequence", "last", to="end", axis=1),
        node("Gather", "h", "zero", to="there", axis=0),
        node("Gather", "h", "last", to="back", axis=0),
    ]
    constants = {
        **dict(zip("WRBVSC", [w, r, b, *again], strict=True)),
        "shape": np.array([T, 1, 2 * H]),
        "rows": np.array([1, T, 2 * H]),
        "last": np.array(-1),
        "zero": np.array(0),
    }
    model = net(nodes, (1, T, I), constants, outputs=("sequence", "end", "there", "back"))
    assert takes_batches(read(assert_unrolled(model)))
