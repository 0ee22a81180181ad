"""All that a recipe may ask for, together: what it brings, and what is refused."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from support.onnx_nets import graph_of, net, node, normal, quanta_apart, run_onnx

from edge_agent.common.arrays import F32
from quantization.convert import convert
from quantization.errors import CalibrationError, ModelError
from quantization.graph.graph import Graph, write
from quantization.quantize import quantize
from quantization.recipe import QuantRecipe

SAMPLES = normal(32, 3, 6, 6, seed=1) + 1
SPREAD = 10 ** np.linspace(0, 2, 6).astype(np.float32)
EVERYTHING = QuantRecipe(equalize=True, correct_bias=True, rounding="learned")


def model() -> onnx.ModelProto:
    """Two layers with unlike channels between them."""
    nodes = [
        node("Conv", "input", "w1", to="a", pads=[1, 1, 1, 1]),
        node("Relu", "a", to="b"),
        node("Conv", "b", "w2", to="output"),
    ]
    weights = {
        "w1": normal(6, 3, 3, 3) * SPREAD[:, None, None, None],
        "w2": normal(4, 6, 3, 3, seed=2) / SPREAD[:, None, None],
    }
    return net(nodes, (1, 3, 6, 6), {k: v.astype(np.float32) for k, v in weights.items()})


def noise(recipe: QuantRecipe, samples: F32 = SAMPLES) -> float:
    """The mean square error of the quantised network on samples."""
    made = quantize(graph_of(model()), [SAMPLES], recipe)
    off = [run_onnx(made.qdq, x[None]) - run_onnx(model(), x[None]) for x in samples]
    return float(np.square(off).mean())


def test_each_remedy_lowers_the_error_and_all_do_most() -> None:
    """On samples that calibration has not seen, each alone helps, and each added to others."""
    fresh = normal(32, 3, 6, 6, seed=7) + 1
    ladder = [
        QuantRecipe(),
        QuantRecipe(equalize=True),
        QuantRecipe(equalize=True, correct_bias=True),
        EVERYTHING,
    ]
    errors = [noise(recipe, fresh) for recipe in ladder]
    assert errors == sorted(errors, reverse=True)
    assert errors[1] < 0.1 * errors[0]  # channels 100x apart
    for alone in (QuantRecipe(correct_bias=True), QuantRecipe(rounding="learned")):
        assert noise(alone, fresh) < errors[0]


def test_the_float_network_is_the_one_that_was_quantised() -> None:
    """`folded` computes what was given; equalised, it has the ranges that calibration found."""
    made = quantize(graph_of(model()), [SAMPLES], EVERYTHING)
    plain = quantize(graph_of(model()), [SAMPLES], QuantRecipe())
    for x in SAMPLES[:4]:
        wanted = run_onnx(model(), x[None])
        np.testing.assert_allclose(run_onnx(made.folded, x[None]), wanted, rtol=1e-4, atol=1e-4)
    found = max(run_onnx(_upto_b(made.folded), x[None]).max() for x in SAMPLES)
    assert made.ranges.values["b"].high == pytest.approx(found, rel=1e-5)
    assert made.ranges.values["b"].high != plain.ranges.values["b"].high


def _upto_b(folded: Graph) -> Graph:
    return replace(folded, outputs=("b",))


def test_with_every_remedy_the_file_is_the_qdq_model() -> None:
    """The TFLite file computes what ONNX Runtime makes of the refined network."""
    made = convert(model(), [SAMPLES], EVERYTHING)
    assert quanta_apart(made, SAMPLES[:8]) <= 1


def test_without_a_remedy_nothing_is_read_twice() -> None:
    """An iterator will do for calibration alone."""
    made = quantize(graph_of(model()), iter([SAMPLES]), QuantRecipe())
    assert made.ranges.samples == 32


@pytest.mark.parametrize(
    ("recipe", "named"),
    [
        (QuantRecipe(equalize=True), "equalize"),
        (QuantRecipe(correct_bias=True), "correct_bias"),
        (QuantRecipe(rounding="learned"), "rounding = learned"),
        (EVERYTHING, "equalize, correct_bias, rounding = learned"),
    ],
)
def test_remedies_refuse_an_iterator(recipe: QuantRecipe, named: str) -> None:
    """What can be read once is refused before it is, and the message says which remedy minds."""
    samples = iter([SAMPLES])
    with pytest.raises(CalibrationError) as raised:
        quantize(graph_of(model()), samples, recipe)
    assert str(raised.value) == (
        "calibration samples: expected a list, or what else can be read more than once, for "
        f"{named}; found list_iterator"
    )
    assert next(samples) is SAMPLES


def test_remedies_refuse_a_model_that_brings_its_scales() -> None:
    """Its weights were rounded by somebody else: there is nothing left to choose."""
    brought = write(quantize(graph_of(model()), [SAMPLES], QuantRecipe()).qdq)
    with pytest.raises(ModelError) as raised:
        convert(brought, [SAMPLES], QuantRecipe(equalize=True, rounding="learned"))
    assert str(raised.value) == (
        "recipe: expected no remedy for a model that brings its own scales, found equalize, "
        "rounding = learned: its weights are on their int8 grid already"
    )
    convert(brought, [SAMPLES], QuantRecipe())


def test_layers_kept_in_float_keep_what_they_compute() -> None:
    """With all remedies, a float layer's weights are at most scaled, never rounded."""
    recipe = QuantRecipe(
        equalize=True, correct_bias=True, rounding="learned", float_layers=("output",)
    )
    made = quantize(graph_of(model()), [SAMPLES], recipe)
    assert quanta_apart(convert(model(), [SAMPLES], recipe), SAMPLES[:4]) <= 1
    kept, used = made.folded.constants, made.qdq.constants
    (conv,) = [n for n in made.folded.nodes if n.output == "output"]
    for name in conv.inputs[1:]:
        np.testing.assert_array_equal(used[name], kept[name])
