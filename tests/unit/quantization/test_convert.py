"""`convert`: what it reads, what it refuses first, and what it returns."""

from collections.abc import Callable, Iterator
from typing import Any

import onnx
import pytest
from support.onnx_nets import net, node, normal, quanta_apart

from edge_agent.common.arrays import F32
from quantization.convert import convert
from quantization.errors import ModelError, UnsupportedOperatorError
from quantization.graph import session
from quantization.recipe import QuantRecipe


def test_nothing_is_read_before_a_refusal() -> None:
    """An operator without lowering is refused before the first calibration sample is taken."""

    def samples() -> Iterator[F32]:
        raise AssertionError("a sample was read")
        yield

    model = net([node("Relu", "input", to="a"), node("Erf", "a")], (1, 3))
    with pytest.raises(UnsupportedOperatorError, match="node 'Erf to output': operator Erf"):
        convert(model, samples(), QuantRecipe())


def test_a_model_onnx_runtime_does_not_take_is_refused() -> None:
    """ONNX Runtime wants node names to be unique: its complaint is passed on as ours."""
    model = net([node("Relu", "input", to="a"), node("Relu", "a")], (1, 3))
    model.graph.node[0].name = model.graph.node[1].name
    with pytest.raises(ModelError, match=r"^ONNX Runtime cannot run the model: .*Relu to output"):
        convert(model, [normal(1, 3)], QuantRecipe())


def test_what_was_made_is_told() -> None:
    """The result carries the ranges and the recipe it came from."""
    model = net([node("Conv", "input", "w")], (1, 2, 4, 4), {"w": normal(2, 2, 1, 1)})
    samples = normal(5, 2, 4, 4)
    recipe = QuantRecipe(calibration="percentile", percentile=90.0)
    made = convert(model, [samples], recipe)
    assert made.quantized.recipe == recipe
    assert made.quantized.ranges.samples == 5
    assert set(made.quantized.ranges.values) == {"input", "output"}
    assert made.input.scale < (samples.max() - samples.min()) / 255
    assert quanta_apart(made, samples) <= 1


def test_onnx_is_read_twice_and_written_once_more_than_it_is_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A graph goes from step to step: ONNX is what comes in, and what ONNX Runtime is to run."""
    counts = {"read": 0, "written": 0, "run": 0}

    def counted(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any, **kwargs: Any) -> Any:
            counts[what] += 1
            return function(*args, **kwargs)

        return counting

    model = net([node("Conv", "input", "w")], (1, 2, 4, 4), {"w": normal(2, 2, 1, 1)})
    for owner, name, what in (
        (onnx.checker, "check_model", "read"),
        (onnx.helper, "make_model", "written"),
        (session, "InferenceSession", "run"),
    ):
        monkeypatch.setattr(owner, name, counted(what, getattr(owner, name)))
    convert(model, [normal(5, 2, 4, 4)], QuantRecipe())
    assert counts == {"read": 2, "written": 2, "run": 1}
    counts.update(read=0, written=0, run=0)
    every = QuantRecipe(equalize=True, correct_bias=True, rounding="learned", outputs="softmax")
    convert(model, [normal(5, 2, 4, 4)], every)
    assert counts["read"] == 2
    assert counts["written"] == counts["run"] + 1
