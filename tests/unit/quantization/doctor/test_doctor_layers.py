"""What the doctor measures of every layer, and forms of a network that do not belong together."""

import numpy as np
import pytest
from support.hurt_nets import (
    SHAPE,
    Hurt,
    diagnosed,
    healthy,
    low_padding,
    samples,
    silu_concat,
    weights,
)
from support.onnx_nets import Array, graph_of, net, node, normal
from support.operator_cases import CASES, Case

from quantization.doctor import diagnose
from quantization.errors import CalibrationError, ModelError
from quantization.quantize import quantize
from quantization.recipe import QuantRecipe
from quantization.scales.plan import int8_values

MINMAX = QuantRecipe()


def test_every_layer_is_measured() -> None:
    """In execution order, with ranges; shares add up, and what only moves values costs nothing."""
    diagnosis = diagnosed(healthy())
    names = ["input", "r1", "r2", "r3", "pooled", "flat", "output"]
    assert [layer.name for layer in diagnosis.layers] == names
    assert sum(layer.share for layer in diagnosis.layers) == pytest.approx(1)
    flat = diagnosis.layers[5]
    assert (flat.operators, flat.shape, flat.alone_db, flat.share) == (
        ("Flatten",),
        (1, 8),
        None,
        0,
    )
    for layer in diagnosis.layers:
        assert layer.covers is not None
        assert layer.scale is not None
        assert layer.covers.high - layer.covers.low == pytest.approx(255 * layer.scale, rel=1e-5)
        assert layer.snr_db is not None
        assert layer.snr_db > 20
    assert diagnosis.samples == 32
    assert diagnosis.output_db == diagnosis.layers[-1].snr_db
    assert diagnosis.by_cost[0].name == "r2"
    assert "flat" not in [layer.name for layer in diagnosis.by_cost]


def test_what_a_layer_costs_alone_is_what_keeping_all_others_in_float_shows() -> None:
    """`insert_qdq` with every other layer in float is about as far off, its ends included."""
    hurt = silu_concat()
    folded = graph_of(hurt.model)
    diagnosis = diagnosed(hurt)
    names = [layer.name for layer in diagnosis.layers[1:]]
    others = tuple(name for name in names if name != "silu")
    recipe = QuantRecipe(float_layers=tuple(n for n in others if n not in ("joined", "wide")))
    kept = diagnose(folded, quantize(folded, [hurt.samples], recipe).qdq, hurt.samples)
    silu = next(layer for layer in diagnosis.layers if layer.name == "silu")
    assert silu.alone_db is not None
    assert kept.output_db == pytest.approx(silu.alone_db, abs=1)


def test_layers_in_float_cost_nothing() -> None:
    """They have no scale, and their weights stay as they are."""
    hurt = healthy()
    recipe = QuantRecipe(float_layers=("r1", "r2"))
    layers = {layer.name: layer for layer in diagnosed(hurt, recipe).layers}
    assert layers["r1"].covers is None
    assert layers["r1"].alone_db is None
    assert layers["r3"].share > 0


def test_indices_are_judged_by_the_scores_they_come_from() -> None:
    """A network that returns only the best class has an error all the same."""
    nodes = [
        node("Conv", "input", "w", to="c"),
        node("GlobalAveragePool", "c", to="pooled"),
        node("Flatten", "pooled", to="scores"),
        node("ArgMax", "scores", axis=1, keepdims=0),
    ]
    diagnosis = diagnosed(Hurt(net(nodes, SHAPE, {"w": weights(5, 3, 3, 1)}), samples(), ""))
    assert diagnosis.output_db is not None
    assert diagnosis.layers[-1].name == "scores"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_operator_can_be_diagnosed(case: Case) -> None:
    """Whatever is lowered, each of its values is a layer, and errors are shared out."""
    folded, images = graph_of(case.model()), normal(4, *case.shape)
    diagnosis = diagnose(folded, quantize(folded, [images], MINMAX).qdq, images)
    assert [layer.name for layer in diagnosis.layers] == list(int8_values(folded))
    shares = sum(layer.share for layer in diagnosis.layers)
    assert shares == 0 or shares == pytest.approx(1)


def test_several_outputs_count_alike() -> None:
    """A small output beside a large one is not drowned by it."""
    nodes = [
        node("Conv", "input", "w", to="large"),
        node("Tanh", "large", to="bounded"),
        node("Mul", "bounded", "small", to="tiny"),
    ]
    constants = {"w": weights(5, 3, 3, 1), "small": np.array(1e-6, np.float32)}
    model = net(nodes, SHAPE, constants, outputs=("large", "tiny"))
    diagnosis = diagnosed(Hurt(model, samples(), ""))
    layers = {layer.name: layer for layer in diagnosis.layers}
    assert layers["bounded"].share > 0.01  # only the small output shows it
    errors = []
    for name in ("large", "tiny"):
        snr_db = layers[name].snr_db
        assert snr_db is not None
        errors.append(10 ** -(snr_db / 10))
    assert errors[1] > 1.1 * errors[0]
    assert diagnosis.output_db == pytest.approx(-10 * np.log10(np.mean(errors)))


def test_a_network_that_takes_no_batches_is_measured_sample_by_sample() -> None:
    """A Reshape to a fixed batch of 1."""
    nodes = [
        node("Conv", "input", "w", to="c"),
        node("Reshape", "c", "to", to="rows"),
        node("Softmax", "rows", axis=0),
    ]
    to = np.array([14 * 14, 4], np.int64)
    constants: dict[str, Array] = {"w": weights(4, 3, 3, 1), "to": to}
    diagnosis = diagnosed(Hurt(net(nodes, SHAPE, constants), samples(4), ""))
    assert diagnosis.samples == 4
    assert diagnosis.output_db is not None


def test_every_layer_is_reported_as_done() -> None:
    """One call for each."""
    hurt, count = healthy(), 0

    def advance() -> None:
        nonlocal count
        count += 1

    folded = graph_of(hurt.model)
    qdq = quantize(folded, [hurt.samples], MINMAX).qdq
    assert len(diagnose(folded, qdq, hurt.samples, advance).layers) == count


def test_another_network_is_refused() -> None:
    """A quantised form of something else, or none, is said to be that."""
    hurt = healthy()
    folded, other = graph_of(hurt.model), graph_of(low_padding().model)
    with pytest.raises(
        ModelError,
        match=r"the operators of the float one, Conv, Relu, Conv, .*; found Conv, Relu, Pad",
    ):
        diagnose(folded, quantize(other, [hurt.samples], MINMAX).qdq, hurt.samples)
    with pytest.raises(ModelError, match="expected values in int8, found none"):
        diagnose(folded, folded, hurt.samples)


def test_samples_are_checked() -> None:
    """Their shape is that of the network, and there are some."""
    hurt = healthy()
    folded = graph_of(hurt.model)
    qdq = quantize(folded, [hurt.samples], MINMAX).qdq
    with pytest.raises(CalibrationError, match=r"expected float32 \(N, 3, 16, 16\)"):
        diagnose(folded, qdq, hurt.samples[:, :2])
    with pytest.raises(CalibrationError, match="expected at least one, found none"):
        diagnose(folded, qdq, hurt.samples[:0])
