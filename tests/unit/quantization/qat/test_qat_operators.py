"""Each operator in torch against ONNX Runtime, in real numbers; and what is refused."""

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from support.onnx_nets import graph_of, net, node, normal, open_session
from support.operator_cases import CASES, Case

from quantization.errors import QuantizationError, UnsupportedOperatorError
from quantization.graph.graph import Node, write
from quantization.operators.rules import Scale
from quantization.operators.table import OPERATORS as LOWERED
from quantization.qat import FakeQuantNetwork
from quantization.qat.ops import OPERATORS, find
from quantization.qat.steps import TrainingPlan, plan_training
from quantization.recipe import QuantRecipe
from quantization.scales.calibrate import calibrate
from quantization.scales.plan import int8_values

# Their one output is made of indices, or has no axis of samples.
REFUSED = {"ArgMax", "ArgMax of channels", "ReduceMean of all", "Flatten at another axis"}
TRAINED = [case for case in CASES if case.name not in REFUSED]


def in_float(made: TrainingPlan, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Every value of a network whose layers all stay in float, for a batch."""
    constants = {n: torch.from_numpy(np.array(a)) for n, a in made.graph.constants.items()}
    values = {made.source: x}
    for step in made.steps:
        read_now = [*step.inputs, *(step.layer or ())]
        inputs = [constants[n] if n in constants else values[n] for n in read_now]
        y = step.operator.compute(step.call, *inputs)
        values[step.output] = y.clamp(*step.call.bounds)
    return values


def planned(model: onnx.ModelProto) -> TrainingPlan:
    graph = graph_of(model)
    return plan_training(graph, int8_values(graph))


@pytest.mark.parametrize("case", TRAINED, ids=[case.name for case in TRAINED])
def test_an_operator_is_onnx_runtimes(case: Case) -> None:
    """In float32, sample by sample, and over a batch where each sample is computed by itself."""
    model = case.model()
    made = planned(model)
    x = normal(3, *case.shape, seed=3)
    session = open_session(write(graph_of(model)))
    wanted = [session.run(list(made.outputs), {"input": one[None]}) for one in x]
    alone = [in_float(made, torch.from_numpy(one[None])) for one in x]
    for found, real in zip(alone, wanted, strict=True):
        for name, array in zip(made.outputs, real, strict=True):
            assert found[name].shape == array.shape
            np.testing.assert_allclose(found[name].numpy(), array, rtol=1e-4, atol=1e-5)
    if made.batched:
        together = in_float(made, torch.from_numpy(x))
        for name in made.outputs:
            torch.testing.assert_close(together[name], torch.cat([f[name] for f in alone]))


POOLS: list[dict[str, Any]] = [
    {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
    {"kernel_shape": [2, 3], "pads": [1, 0, 0, 2], "count_include_pad": 1},
    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1,
     "count_include_pad": 1},
    {"kernel_shape": [3, 2], "pads": [0, 1, 1, 0]},
]  # fmt: skip
WINDOWS: list[tuple[str, dict[str, Any]]] = [
    *(("AveragePool", attributes) for attributes in POOLS),
    *(("MaxPool", {k: v for k, v in a.items() if k != "count_include_pad"}) for a in POOLS),
    ("MaxPool", {"kernel_shape": [2, 2], "dilations": [2, 2], "pads": [1, 0, 1, 0]}),
    ("Conv", {"pads": [1, 0, 2, 1], "strides": [2, 1], "dilations": [1, 2]}),
    ("ConvTranspose", {"pads": [1, 0, 0, 1], "strides": [2, 3], "dilations": [1, 2]}),
]


@pytest.mark.parametrize(("op", "attributes"), WINDOWS)
def test_windows_of_every_kind_are_onnx_runtimes(op: str, attributes: dict[str, Any]) -> None:
    """Padding that differs from side to side, is counted or not, or is reached by ceil_mode."""
    weights = ("w", "b") if op.startswith("Conv") else ()
    constants = {"w": normal(3, 3, 3, 2), "b": normal(3)} if weights else {}
    model = net([node(op, "input", *weights, **attributes)], (1, 3, 8, 7), constants)
    x = normal(1, 3, 8, 7, seed=1)
    graph = graph_of(model)
    step_of = graph.nodes[0]
    made = plan_training(graph, (step_of.output,))
    found = in_float(made, torch.from_numpy(x))["output"].numpy()
    wanted = open_session(model).run(None, {"input": x})[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_all_that_is_lowered_can_be_trained_but_indices() -> None:
    """Nobody adds an operator to the lowering and forgets its form in torch."""
    indices = {name for name, entry in LOWERED.items() if entry.scale is Scale.INDEX}
    assert set(LOWERED) - set(OPERATORS) == indices == {"ArgMax"}


def test_only_what_shares_a_scale_moves_integers() -> None:
    """An operator whose integers stay as they are has its input's scale."""
    moved = {name for name, entry in OPERATORS.items() if entry.grid.value == "moved"}
    assert all(LOWERED[name].scale is Scale.SHARED for name in moved)


def test_an_unknown_operator_is_refused_by_name() -> None:
    """The message names node, operator, and what can be trained."""
    with pytest.raises(UnsupportedOperatorError) as error:
        find(Node("Erf", "gelu", ("x",), ("y",)))
    assert str(error.value).startswith(
        "node 'gelu': operator Erf cannot be trained; supported in training: Add, AveragePool, "
    )


def test_indices_as_the_first_output_are_refused() -> None:
    """There is nothing to learn from an ArgMax; as a further output it only stays out."""
    model = graph_of(net([node("ArgMax", "input", axis=1)], (1, 7)))
    ranges = calibrate(model, [normal(4, 7)], QuantRecipe())
    with pytest.raises(
        UnsupportedOperatorError, match="operator ArgMax gives indices, which have no"
    ):
        FakeQuantNetwork(model, ranges)


def test_an_output_without_samples_is_refused() -> None:
    """A mean over the samples as well is nothing that a batch can be trained by."""
    model = graph_of(net([node("ReduceMean", "input", keepdims=0)], (1, 3, 4)))
    ranges = calibrate(model, [normal(4, 3, 4)], QuantRecipe())
    with pytest.raises(QuantizationError) as error:
        FakeQuantNetwork(model, ranges)
    assert str(error.value) == (
        "output 'output': expected its first axis to be that of the samples"
    )
