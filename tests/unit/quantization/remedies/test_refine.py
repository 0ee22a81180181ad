"""Rounding and biases chosen anew, layer by layer: what they gain, and what stays as it is."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.onnx_nets import Array, graph_of, net, node, normal, open_session, quanta_apart
from support.torch_nets import NETS, exported, randomised

from edge_agent.common.arrays import F32
from quantization.convert import Conversion
from quantization.errors import CalibrationError
from quantization.graph.graph import Graph, write
from quantization.lower import lower_graph
from quantization.quantize import QuantizedModel
from quantization.recipe import QuantRecipe
from quantization.remedies import refine as module
from quantization.remedies.refine import refine
from quantization.scales.calibrate import calibrate
from quantization.scales.qdq import insert_qdq

SHAPE = (4, 6, 6)


def correlated(count: int, *shape: int, seed: int = 1) -> F32:
    """Samples whose channels and pixels are alike in part, and positive in the mean."""
    return normal(count, *shape, seed=seed) + 1 + normal(count, *(1,) * len(shape), seed=seed + 99)


SAMPLES = correlated(40, *SHAPE)
NODES = [
    node("Conv", "input", "w1", "b1", to="a", pads=[1, 1, 1, 1]),
    node("Relu", "a", to="b"),
    node("Conv", "b", "w2", to="c", group=8),
    node("Clip", "c", "zero", "six", to="d"),
    node("Conv", "d", "w3", to="e", strides=[2, 2]),
    node("GlobalAveragePool", "e", to="f"),
    node("Flatten", "f", to="g"),
    node("Gemm", "g", "w4", "b4", transB=1),
]
WEIGHTS = {
    "w1": normal(8, 4, 3, 3),
    "b1": normal(8, seed=3),
    "w2": normal(8, 1, 3, 3, seed=4),
    "w3": normal(6, 8, 1, 1, seed=5),
    "w4": normal(5, 6, seed=6),
    "b4": normal(5, seed=7),
    "zero": np.zeros((), np.float32),
    "six": np.full((), 6, np.float32),
}
LAYERS = ("a", "c", "e", "output")


def folded(samples: F32 = SAMPLES) -> tuple[Graph, Graph]:
    """A float network and its quantised form."""
    model = graph_of(net(NODES, (1, *SHAPE), WEIGHTS))
    return model, insert_qdq(model, calibrate(model, [samples], QuantRecipe()))


def refined(model: Graph, qdq: Graph, samples: F32 = SAMPLES, **asked: bool) -> Graph:
    choices = {"round_weights": False, "correct_bias": False, **asked}
    return refine(model, qdq, [samples], len(samples), **choices)


def values(model: Graph, name: str, samples: F32) -> Array:
    """A value of a network over samples, as its nodes compute it."""
    session = open_session(write(replace(model, outputs=(name,))))
    return np.concatenate([session.run([name], {"input": x[None]})[0] for x in samples])


def raw(layer: str) -> str:
    """What a layer computes, before it becomes int8 as an output of the network."""
    return f"{layer}:raw" if layer == "output" else layer


def mean_errors(model: Graph, qdq: Graph, layer: str) -> Array:
    """The mean error of each channel of a layer, in parts of its standard deviation."""
    wanted, found = values(model, layer, SAMPLES), values(qdq, raw(layer), SAMPLES)
    axes = tuple(a for a in range(wanted.ndim) if a != 1)
    return np.asarray(np.abs((found - wanted).mean(axis=axes)) / wanted.std(axis=axes))


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("layer", LAYERS)
def test_corrected_biases_leave_no_mean_error(layer: str, rounded: bool) -> None:
    """On the samples each layer has the float layer's mean, through all layers before it."""
    model, qdq = folded()
    better = refined(model, qdq, correct_bias=True, round_weights=rounded)
    before, after = mean_errors(model, qdq, layer), mean_errors(model, better, layer)
    assert before.max() > 2e-3
    assert after.max() < 2e-4


def error(model: Graph, qdq: Graph, samples: F32) -> float:
    """The mean square error of the network's output before it becomes int8."""
    off = values(qdq, "output:raw", samples) - values(model, "output", samples)
    return float(np.square(off).mean())


def test_learned_rounding_errs_less() -> None:
    """A wide layer's output is much closer, on the samples and on others of their kind."""
    weights = {"w": normal(6, 24, 3, 3)}
    model = graph_of(net([node("Conv", "input", "w")], (1, 24, 5, 5), weights))
    samples, fresh = (correlated(60, 24, 5, 5, seed=seed) for seed in (1, 5))
    qdq = insert_qdq(model, calibrate(model, [samples], QuantRecipe()))
    better = refined(model, qdq, samples, round_weights=True)
    assert error(model, better, samples) < 0.5 * error(model, qdq, samples)
    assert error(model, better, fresh) < 0.6 * error(model, qdq, fresh)


def test_learned_rounding_makes_up_for_the_layers_before() -> None:
    """Through a network of four layers, less comes out of what each one errs."""
    model, qdq = folded()
    better = refined(model, qdq, round_weights=True)
    assert error(model, better, SAMPLES) < 0.9 * error(model, qdq, SAMPLES)


def differing(one: Graph, two: Graph) -> set[str]:
    """The constants in which two quantised networks differ."""
    a, b = one.constants, two.constants
    assert a.keys() == b.keys()
    return {name for name in a if not np.array_equal(a[name], b[name])}


def test_only_integers_change() -> None:
    """Rounding changes weights, by 1 at most; correction changes biases; neither a scale."""
    model, qdq = folded()
    names = {f"{layer}:weight:q" for layer in LAYERS}, {f"{layer}:bias:q" for layer in LAYERS}
    assert differing(qdq, refined(model, qdq, round_weights=True)) == names[0]
    assert differing(qdq, refined(model, qdq, correct_bias=True)) == names[1]
    both = refined(model, qdq, round_weights=True, correct_bias=True)
    assert differing(qdq, both) == names[0] | names[1]
    for name in names[0]:
        old, new = (m.constants[name].astype(int) for m in (qdq, both))
        assert np.abs(old - new).max() == 1
        assert np.abs(new).max() == 127
        assert both.constants[name].dtype == np.int8


def test_it_is_the_same_every_time_and_the_batches_do_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is drawn at random, 5 of 36 outputs here, is drawn by a fixed seed."""
    monkeypatch.setattr(module, "OUTPUTS", 200)
    model, qdq = folded()
    asked = {"round_weights": True, "correct_bias": True}
    one = refine(model, qdq, [SAMPLES], 40, **asked)
    two = refine(model, qdq, list(SAMPLES[:, None]), 40, **asked)
    assert write(one).SerializeToString() == write(two).SerializeToString()


@pytest.mark.parametrize("samples", [SAMPLES[:39], np.concatenate([SAMPLES, SAMPLES[:1]])])
def test_other_samples_than_before_are_refused(samples: F32) -> None:
    """A second reading that gives fewer samples, or more, is not the one that was calibrated on."""
    with pytest.raises(CalibrationError) as raised:
        refine(*folded(), [samples], 40, round_weights=True, correct_bias=False)
    assert str(raised.value) == (
        f"calibration samples: expected the 40 of the first reading, found {len(samples)}"
    )


def test_of_many_samples_an_even_choice_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """With more than fit, those at even distances count, and the rest does not."""
    model, qdq = folded()
    monkeypatch.setattr(module, "MOST_SAMPLES", 10)
    asked = {"round_weights": True, "correct_bias": True}
    wanted = refine(model, qdq, [SAMPLES[::4]], 10, **asked)
    found = refine(model, qdq, [SAMPLES], 40, **asked)
    assert write(found).SerializeToString() == write(wanted).SerializeToString()


def test_layers_in_float_stay_as_they_are() -> None:
    """A layer without integers is passed over; the next one makes up for what comes through it."""
    model = graph_of(net(NODES, (1, *SHAPE), WEIGHTS))
    ranges = calibrate(model, [SAMPLES], QuantRecipe())
    qdq = insert_qdq(model, ranges, float_layers=("d", "output"))
    better = refined(model, qdq, round_weights=True, correct_bias=True)
    changed = {f"{layer}:{kind}:q" for layer in ("a", "e") for kind in ("weight", "bias")}
    assert differing(qdq, better) == changed


def test_transposed_convolutions_and_shared_weights_stay_as_they_are() -> None:
    """There is no refinement of the first; the second's weights are in the file once."""
    nodes = [
        node("Conv", "input", "w", to="a"),
        node("Relu", "a", to="b"),
        node("Conv", "b", "w", to="c"),
        node("ConvTranspose", "c", "t", to="d"),
        node("Conv", "d", "v"),
    ]
    constants = {
        "w": normal(4, 4, 1, 1),
        "t": normal(4, 4, 2, 2, seed=1),
        "v": normal(2, 4, 3, 3, seed=2),
    }
    model = graph_of(net(nodes, (1, *SHAPE), constants))
    qdq = insert_qdq(model, calibrate(model, [SAMPLES], QuantRecipe()))
    better = refined(model, qdq, round_weights=True, correct_bias=True)
    assert differing(qdq, better) == {"output:weight:q", "output:bias:q"}


def test_long_rows_keep_their_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows whose second moments would not fit into memory are corrected, not rounded anew."""
    monkeypatch.setattr(module, "LONGEST_ROW", 8)
    model, qdq = folded()
    better = refined(model, qdq, round_weights=True, correct_bias=True)
    weights = {name for name in differing(qdq, better) if ":weight" in name}
    assert weights == {"e:weight:q", "output:weight:q"}


def test_a_network_without_weights_is_returned() -> None:
    """There is nothing to choose anew."""
    model = graph_of(net([node("Add", "input", "input")], (1, *SHAPE)))
    qdq = insert_qdq(model, calibrate(model, [SAMPLES], QuantRecipe()))
    assert differing(qdq, refined(model, qdq, round_weights=True, correct_bias=True)) == set()


def test_a_network_that_takes_no_batches() -> None:
    """A mean over everything mixes the samples of a batch: then one runs at a time."""
    nodes = [
        node("Conv", "input", "w1", to="a"),
        node("Reshape", "a", "rows", to="b"),  # (8, 16): its first axis is not the samples'
        node("Gemm", "b", "w2", to="c", transB=1),
        node("Add", "c", "c", to="d"),
        node("Gemm", "d", "w3", to="e", transB=1),
        node("Add", "e", "c"),
    ]
    constants: dict[str, Any] = {
        "w1": normal(8, 4, 3, 3),
        "rows": np.array([8, 16], np.int64),
        "w2": normal(3, 16, seed=1),
        "w3": normal(3, 3, seed=2),
    }
    model = graph_of(net(nodes, (1, *SHAPE), constants))
    qdq = insert_qdq(model, calibrate(model, [SAMPLES], QuantRecipe()))
    better = refined(model, qdq, round_weights=True, correct_bias=True)
    assert error(model, better, SAMPLES) < error(model, qdq, SAMPLES)


@pytest.mark.parametrize("name", NETS)
def test_whole_networks_convert_as_before(name: str) -> None:
    """With every integer chosen anew, the TFLite file is as close to the QDQ model as ever."""
    make, shape = NETS[name]
    model = graph_of(exported(randomised(make()), shape, dynamo=False))
    samples = correlated(16, *shape)
    ranges = calibrate(model, [samples], QuantRecipe())
    qdq = refined(model, insert_qdq(model, ranges), samples, round_weights=True, correct_bias=True)
    made = Conversion(lower_graph(qdq), QuantizedModel(model, ranges, qdq, QuantRecipe()))
    assert quanta_apart(made, samples[:4]) <= 3
