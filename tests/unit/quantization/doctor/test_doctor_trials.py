"""The remedies that the doctor tries, and the layers that it keeps in float."""

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

import pytest
from support import hurt_nets
from support.hurt_nets import (
    Hurt,
    depthwise_spread,
    healthy,
    low_padding,
    outlier_channel,
    silu_concat,
)
from support.onnx_nets import graph_of

from quantization.doctor import Diagnosis
from quantization.doctor.trials import Trial, candidates, in_float, try_remedies
from quantization.recipe import QuantRecipe

PLAIN = QuantRecipe()


Make: TypeAlias = Callable[[], Hurt]


@cache
def diagnosed(make: Make) -> Diagnosis:
    return hurt_nets.diagnosed(make())


@cache
def tried(make: Make) -> tuple[float, dict[str, float]]:
    """The output before, and after each trial, in dB."""
    diagnosis, hurt = diagnosed(make), make()
    made = try_remedies(graph_of(hurt.model), [hurt.samples], hurt.samples, diagnosis, PLAIN)
    assert diagnosis.output_db is not None
    return diagnosis.output_db, {t.name: value_of(t) for t in made}


def value_of(trial: Trial) -> float:
    assert trial.output_db is not None
    return trial.output_db


@pytest.mark.parametrize("make", [outlier_channel, depthwise_spread, silu_concat])
def test_unlike_channels_are_equalised(make: Make) -> None:
    """What equalisation is for, it mends; better ranges do not."""
    before, after = tried(make)
    assert after["equalisation and bias correction"] > before + 15
    assert after["better ranges"] < before + 3
    assert after["all three"] > before + 15


@pytest.mark.parametrize(
    ("make", "kept"),
    [
        (outlier_channel, ("r1", "r2")),
        (depthwise_spread, ("r2", "r3")),
        (silu_concat, ("silu", "joined", "r3")),
        (low_padding, ("r1", "padded", "pooled1", "r3")),
        (healthy, ("r2", "r3")),  # no culprit: the costliest
    ],
)
def test_the_layers_to_blame_are_kept_in_float(make: Make, kept: tuple[str, ...]) -> None:
    """With those that read them, through what only moves values; then little is left."""
    assert in_float(graph_of(make().model), diagnosed(make)) == kept
    before, after = tried(make)
    name = f"{', '.join(kept)} in float"
    assert after[name] > max(before, 38)


def test_only_what_the_recipe_has_not_done_is_tried() -> None:
    """A recipe with all remedies leaves the float layers, and one with those leaves none."""
    diagnosis, graph = diagnosed(outlier_channel), graph_of(outlier_channel().model)
    all_three = QuantRecipe(
        calibration="auto", equalize=True, correct_bias=True, rounding="learned"
    )
    assert [name for name, _ in candidates(graph, diagnosis, all_three)] == ["r1, r2 in float"]
    names = [name for name, _ in candidates(graph, diagnosis, PLAIN)]
    assert names == [
        "better ranges", "equalisation and bias correction", "learned rounding", "all three",
        "r1, r2 in float",
    ]  # fmt: skip


def test_many_layers_are_counted() -> None:
    """A name of five layers would fill the table."""
    diagnosis, graph = diagnosed(silu_concat), graph_of(silu_concat().model)
    culprits = tuple(
        type(diagnosis.culprits[0])(
            layer=layer, operators=(), kind=diagnosis.culprits[1].kind, factor=1.0,
            covers=diagnosis.culprits[0].covers, needs=diagnosis.culprits[0].needs,
            saved_db=1.0, saved_share=0.2,
        )
        for layer in ("r1", "narrow", "silu", "wide", "r3")
    )  # fmt: skip
    blamed = type(diagnosis)(
        layers=diagnosis.layers, culprits=culprits, output_db=diagnosis.output_db, samples=1
    )
    assert candidates(graph, blamed, PLAIN)[-1][0] == "5 layers in float"
