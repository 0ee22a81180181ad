"""The doctor's reasons, on networks that int8 hurts in one way each, and on healthy ones."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import numpy as np
import onnx
import pytest
from support.hurt_nets import (
    CHANNEL,
    SHAPE,
    Hurt,
    depthwise_spread,
    diagnosed,
    healthy,
    low_padding,
    outlier_channel,
    samples,
    silu_concat,
    weights,
)
from support.onnx_nets import graph_of, net, node, normal
from support.torch_nets import NETS, exported, randomised

from edge_agent.bundle.affine import Affine
from edge_agent.common.arrays import F32
from quantization.doctor import Culprit, Diagnosis, Kind, diagnose
from quantization.doctor.paired import ValueGrid
from quantization.doctor.patient import Patient, Suspicion
from quantization.quantize import quantize
from quantization.recipe import QuantRecipe

MINMAX = QuantRecipe()


def found(diagnosis: Diagnosis) -> list[tuple[str, Kind]]:
    return [(culprit.layer, culprit.kind) for culprit in diagnosis.culprits]


def culprit(diagnosis: Diagnosis, kind: Kind) -> Culprit:
    (only,) = [culprit for culprit in diagnosis.culprits if culprit.kind is kind]
    return only


def test_an_outlier_channel_is_named() -> None:
    """Its layer, its number and by how much; and the reader whose weights make up for it."""
    diagnosis = diagnosed(outlier_channel())
    assert set(found(diagnosis)) == {("r1", Kind.OUTLIER), ("r2", Kind.WEIGHTS)}
    outlier = culprit(diagnosis, Kind.OUTLIER)
    assert outlier.channel == CHANNEL
    assert 80 < outlier.factor < 130
    assert outlier.covers.high == pytest.approx(100 * outlier.needs.high, rel=0.3)
    assert outlier.saved_db > 30
    assert len(outlier.channels) == 8
    reader = culprit(diagnosis, Kind.WEIGHTS)
    assert (reader.cause, reader.channel) == ("r1", CHANNEL)


def test_a_depthwise_layers_channel_spread_is_named() -> None:
    """Channels a hundred times apart, at the depthwise convolution."""
    diagnosis = diagnosed(depthwise_spread())
    spread = culprit(diagnosis, Kind.CHANNELS)
    assert spread.layer == "r2"
    assert spread.operators == ("Conv", "Relu")
    assert spread.factor > 50
    assert set(found(diagnosis)) == {("r2", Kind.CHANNELS), ("r3", Kind.WEIGHTS)}


def test_one_wide_channel_at_a_depthwise_layer_is_spread() -> None:
    """It goes by the name that depthwise layers have it under, and says which channel it is."""
    hurt = depthwise_spread(only=CHANNEL)
    spread = culprit(diagnosed(hurt), Kind.CHANNELS)
    assert (spread.layer, spread.channel) == ("r2", CHANNEL)


def test_a_scale_shared_through_a_concat_is_named() -> None:
    """The narrow SiLU suffers, and the wide value that it shares with is the cause."""
    diagnosis = diagnosed(silu_concat())
    shared = diagnosis.culprits[0]
    assert (shared.layer, shared.kind, shared.cause) == ("silu", Kind.SHARED, "wide")
    assert shared.needs.low == pytest.approx(-0.278, abs=0.01)  # the least that SiLU can be
    assert shared.factor > 50
    assert shared.saved_share > 0.8


def test_a_padding_far_from_the_values_is_named() -> None:
    """The layer before the Pad is coarse for the Pad's constant."""
    diagnosis = diagnosed(low_padding())
    assert found(diagnosis) == [("r1", Kind.PADDING)]
    padding = culprit(diagnosis, Kind.PADDING)
    assert padding.cause == "Pad to padded"
    assert padding.factor > 50


@pytest.mark.parametrize(
    "make", [healthy, lambda: healthy(group=8), lambda: low_padding(0.0)], ids=["plain", "dw", "0"]
)
def test_a_healthy_network_has_no_culprit(make: Callable[[], Hurt]) -> None:
    """Must not fire: there is an error, but nothing to blame for it."""
    diagnosis = diagnosed(make())
    assert diagnosis.culprits == ()
    assert diagnosis.output_db is not None
    assert diagnosis.output_db > 34


@pytest.mark.parametrize("name", ["resnet", "ds_cnn", "vgg"])
def test_networks_as_trained_have_no_culprit(name: str) -> None:
    """Must not fire on the architectures that are trained here."""
    make, shape = NETS[name]
    model = exported(randomised(make()), shape, dynamo=False)
    images = normal(16, *shape, seed=1)
    assert diagnosed(Hurt(model, images, "")).culprits == ()


def test_what_stands_out_but_costs_nothing_is_not_named() -> None:
    """Must not fire: a channel a hundred times the others, in a branch that hardly counts."""
    hurt = outlier_channel()
    nodes = list(hurt.model.graph.node)
    nodes[-1].output[0] = "faint"
    faint = [
        node("Mul", "faint", "little", to="added"),
        node("Conv", "input", "w5", to="own", pads=[1, 1, 1, 1]),
        node("GlobalAveragePool", "own", to="own mean"),
        node("Flatten", "own mean", to="own flat"),
        node("Add", "added", "own flat"),
    ]
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in hurt.model.graph.initializer}
    constants |= {"little": np.array(1e-4, np.float32), "w5": weights(5, 3, 3, 7)}
    branched = net([*nodes, *faint], SHAPE, constants)
    assert diagnosed(replace(hurt, model=branched)).culprits == ()


def test_one_extreme_value_is_an_outlier() -> None:
    """A single pixel among 24,576 that is a thousand times the others."""
    hurt = healthy()
    spoilt = hurt.samples.copy()
    spoilt[3, 1, 4, 4] = 1000
    diagnosis = diagnosed(replace(hurt, samples=spoilt))
    outlier = culprit(diagnosis, Kind.OUTLIER)
    assert (outlier.layer, outlier.channel) == ("input", None)
    assert outlier.covers.high == pytest.approx(1000, rel=0.01)
    assert outlier.needs.high < 5


def test_an_outlier_of_other_samples_is_one_too() -> None:
    """A scale that calibration chose for what these samples do not show."""
    hurt = healthy()
    spoilt = hurt.samples * np.float32(200)
    folded = graph_of(hurt.model)
    qdq = quantize(folded, [spoilt], MINMAX).qdq
    diagnosis = diagnose(folded, qdq, hurt.samples)
    blamed = {c.layer: c.cause for c in diagnosis.culprits if c.kind is Kind.OUTLIER}
    assert blamed["r2"] == "calibration"
    assert blamed["pooled"] == "calibration"  # though it shares its scale with its Flatten
    assert Kind.SHARED not in [c.kind for c in diagnosis.culprits]
    worst = diagnosis.culprits[0]
    assert worst.factor == pytest.approx(200, rel=0.01)


def test_values_that_are_cut_off_are_named() -> None:
    """Ranges of half of the values clip the rest."""
    diagnosis = diagnosed(healthy(), QuantRecipe(calibration="percentile", percentile=60))
    clipped = {c.layer for c in diagnosis.culprits if c.kind is Kind.CLIPPED}
    assert "r2" in clipped
    assert "input" in clipped


def test_rows_of_unlike_weights_are_named() -> None:
    """A dense layer has one scale for all rows; one row is 200 times the others."""
    first, second = normal(16, 12, seed=1), normal(4, 16, seed=2)
    first[3] *= 200
    second[:, 3] /= 200
    nodes = [
        node("Gemm", "input", "w1", "b1", to="hidden", transB=1),
        node("Relu", "hidden", to="r"),
        node("Gemm", "r", "w2", "b2", transB=1),
    ]
    zeros = {"b1": np.zeros(16, np.float32), "b2": np.zeros(4, np.float32)}
    model = net(nodes, (1, 12), {"w1": first, "w2": second, **zeros})
    diagnosis = diagnosed(Hurt(model, normal(64, 12, seed=3), "r"))
    rows = [c for c in diagnosis.culprits if c.kind is Kind.WEIGHTS and not c.cause]
    assert [(c.layer, c.channel) for c in rows] == [("r", 3)]
    assert rows[0].factor > 100
    assert ("output", Kind.WEIGHTS) in found(diagnosis)  # the columns that make up for it


def shifted() -> Hurt:
    """Inputs far from 0, whose mean the bias takes off: what rounding adds, it does not."""
    weight = normal(8, 3, 3, 3, seed=1)
    bias = -5 * weight.sum(axis=(1, 2, 3))
    nodes = [
        node("Conv", "input", "w", "b", to="c"),
        node("GlobalAveragePool", "c", to="pooled"),
        node("Flatten", "pooled"),
    ]
    model = net(nodes, SHAPE, {"w": weight, "b": bias})
    images: F32 = 5 + np.float32(0.02) * samples()
    return Hurt(model, images, "c")


def test_a_shifted_mean_is_named() -> None:
    """How much of the layer's error it is was seen by taking it off."""
    shift = culprit(diagnosed(shifted()), Kind.SHIFT)
    assert shift.layer == "c"
    assert 0.5 < shift.factor <= 1


@pytest.mark.parametrize(("finer", "named"), [(1.2, False), (1.6, True)])
def test_a_reason_is_named_only_if_most_of_the_error_goes_with_it(
    finer: float, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Must not fire: a scale 1.2 times finer takes a third of an error away; 1.6 times, 61 %."""

    def suspect(patient: Patient) -> Suspicion | None:
        affine, covers = patient.layer.affine, patient.layer.covers
        if patient.layer.value != "silu" or affine is None or covers is None:
            return None
        grid = ValueGrid((Affine(affine.scale / finer, affine.zero_point),))
        return Suspicion(Kind.SHARED, finer, covers, covers, replace(patient.layer, grid=grid))

    module = import_module("quantization.doctor.diagnose")  # the name alone is the function's
    monkeypatch.setattr(module, "CAUSES", (suspect,))
    assert found(diagnosed(silu_concat())) == [("silu", Kind.SHARED)] * named


def test_what_a_larger_reason_hides_is_named_too() -> None:
    """An outlier channel, at a layer whose weights for a narrow input cost still more."""
    first, second, images = weights(8, 3, 3, 1), weights(8, 8, 3, 2), samples()
    first[CHANNEL] *= 12
    second[:, CHANNEL] /= 12
    first[:, 0] *= 20
    images[:, 0] /= 20
    nodes = [
        node("Conv", "input", "w1", to="c", pads=[1, 1, 1, 1]),
        node("Relu", "c", to="r"),
        node("Conv", "r", "w2", pads=[1, 1, 1, 1]),
    ]
    model = net(nodes, SHAPE, {"w1": first, "w2": second})
    blamed = [kind for layer, kind in found(diagnosed(Hurt(model, images, ""))) if layer == "r"]
    assert blamed == [Kind.WEIGHTS, Kind.OUTLIER]


def test_a_fixed_scale_is_named() -> None:
    """A sigmoid that is nearly 0 throughout, though what follows multiplies it."""
    nodes = [
        node("Conv", "input", "w", "b", to="c", pads=[1, 1, 1, 1]),
        node("Sigmoid", "c", to="gate"),
        node("Mul", "gate", "large"),
    ]
    constants = {
        "w": weights(8, 3, 3, 1) / np.float32(4),
        "b": np.full(8, -7, np.float32),
        "large": np.array(500, np.float32),
    }
    diagnosis = diagnosed(Hurt(net(nodes, SHAPE, constants), samples(), "gate"))
    fixed = diagnosis.culprits[0]
    assert (fixed.layer, fixed.kind, fixed.cause) == ("gate", Kind.FIXED, "Sigmoid")
    assert fixed.covers.high == pytest.approx(255 / 256)
