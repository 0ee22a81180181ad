from collections.abc import Iterator

import pytest
from support.onnx_nets import net, node, normal, quanta_apart

from edge_agent.common.arrays import F32
from quantization.convert import convert
from quantization.errors import ModelError, UnsupportedOperatorError
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
