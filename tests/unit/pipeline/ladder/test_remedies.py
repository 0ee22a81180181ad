"""The remedies on a real network: what each one changes, and which layers stay in float."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from support.onnx_nets import graph_of

from edge_agent.common.arrays import F32
from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.checkpoints.export_onnx import to_onnx
from pipeline.ladder.remedies import Remedies
from pipeline.recipe import Remedy
from pipeline.training.int8 import Int8Network
from quantization.doctor import diagnose
from quantization.graph.graph import Graph, write
from quantization.quantize import QuantizedModel, quantize
from quantization.recipe import QuantRecipe
from quantization.scales.plan import layer_of
from quantization.scales.qdq import insert_qdq
from quantization.scales.ranges import Range


@pytest.fixture(name="folded", scope="module")
def _folded(digit_network: Callable[..., Checkpoint]) -> Graph:
    return graph_of(to_onnx(digit_network("vgg_tiny")))


@pytest.fixture(name="samples", scope="module")
def _samples() -> list[F32]:
    noise = np.random.default_rng(0)
    return [noise.standard_normal((16, 1, 16, 16)).astype(np.float32) for _ in range(2)]


@pytest.fixture(name="best", scope="module")
def _best(folded: Graph, samples: list[F32]) -> QuantizedModel:
    return quantize(folded, samples, QuantRecipe())


def tuned(start: QuantizedModel) -> Int8Network:
    """Fine-tuning that trains nothing, and says so by its name."""
    first, *rest = start.qdq.nodes
    renamed = replace(start.qdq, nodes=(replace(first, name="tuned"), *rest))
    return Int8Network(QuantizedModel(start.folded, start.ranges, renamed, start.recipe))


@pytest.mark.parametrize(
    ("remedy", "name", "changed"),
    [
        ("ranges", "better ranges", {"calibration": "auto", "outputs": "softmax"}),
        ("equalize", "equalised", {"equalize": True, "correct_bias": True}),
        ("rounding", "learned rounding", {"rounding": "learned"}),
    ],
)
def test_a_remedy_changes_its_part_of_the_recipe(
    folded: Graph,
    samples: list[F32],
    best: QuantizedModel,
    remedy: Remedy,
    name: str,
    changed: dict[str, Any],
) -> None:
    """The rest stays as it was in the best so far; where it has that part, there is no rung."""
    remedies = Remedies(folded, samples, 0.25, tuned)
    (attempt,) = remedies(remedy, best)
    assert attempt.name == name
    made = attempt.make().quantized
    assert made.recipe == QuantRecipe(**changed)
    assert not list(remedies(remedy, made))


def test_the_first_rung_is_what_the_recipe_says(folded: Graph, samples: list[F32]) -> None:
    """Its own choices, by the same function as every other."""
    recipe = QuantRecipe(calibration="percentile", percentile=99.0)
    made = Remedies(folded, samples, 0.25, tuned).first(recipe).make().quantized
    assert made.recipe == recipe
    wanted = quantize(folded, samples, recipe).qdq
    found, expected = (
        write(graph).SerializeToString(deterministic=True) for graph in (made.qdq, wanted)
    )
    assert found == expected


def kept_in_float(remedies: Remedies, best: QuantizedModel) -> list[tuple[str, ...]]:
    """The layers of each rung, which says how many they are."""
    attempts = list(remedies("float-layers", best))
    layers = [attempt.make().quantized.recipe.float_layers for attempt in attempts]
    assert [attempt.name for attempt in attempts] == [f"{len(n)} layers in float" for n in layers]
    return layers


def test_the_costliest_values_stay_in_float(
    folded: Graph, samples: list[F32], best: QuantizedModel
) -> None:
    """What computes them and what reads them; the one by the doctor's order, then two, four."""
    diagnosis = diagnose(best.folded, best.qdq, np.concatenate(samples))
    ends = (*folded.inputs, *folded.outputs)
    costly = [layer.name for layer in diagnosis.by_cost if layer.name not in ends]
    found = kept_in_float(Remedies(folded, samples, 0.7, tuned), best)
    assert len(found) == 3
    for count, layers in zip((1, 2, 4), found, strict=True):
        assert set(costly[:count]) < set(layers)
        readers = [layer_of(folded, n) for v in costly[:count] for n in folded.consumers(v)]
        assert set(layers) == {*costly[:count], *readers}


@pytest.mark.parametrize(("share", "rungs"), [(0.1, 0), (0.2, 1), (0.7, 3)])
def test_no_more_layers_stay_in_float_than_the_share_that_is_allowed(
    folded: Graph, samples: list[F32], best: QuantizedModel, share: float, rungs: int
) -> None:
    """Of the layers, the network's input not counted."""
    layers = diagnose(best.folded, best.qdq, np.concatenate(samples)).layers
    assert len(layers) == 1 + 12
    found = kept_in_float(Remedies(folded, samples, share, tuned), best)
    assert len(found) == rungs
    assert all(len(names) <= share * 12 for names in found)


def test_what_the_network_returns_is_no_layer_to_keep_in_float(
    folded: Graph, samples: list[F32], best: QuantizedModel
) -> None:
    """It is int8 in any case: however costly it is, it comes in as a reader alone."""
    returned = folded.outputs[0]
    coarse = dict(best.ranges.values) | {returned: Range(-1e3, 1e3)}
    ranges = msgspec.structs.replace(best.ranges, values=coarse)
    worst = QuantizedModel(folded, ranges, insert_qdq(folded, ranges), best.recipe)
    assert diagnose(worst.folded, worst.qdq, np.concatenate(samples)).by_cost[0].name == returned
    assert returned not in kept_in_float(Remedies(folded, samples, 0.2, tuned), worst)[0]


def test_layers_that_the_recipe_keeps_in_float_stay_so(
    folded: Graph, samples: list[F32], best: QuantizedModel
) -> None:
    """More of them are added, none twice."""
    layers = kept_in_float(Remedies(folded, samples, 0.2, tuned), best)[0]
    mixed = quantize(folded, samples, QuantRecipe(float_layers=layers[:1]))
    more = kept_in_float(Remedies(folded, samples, 0.4, tuned), mixed)[0]
    assert more[0] == layers[0]
    assert len(set(more)) == len(more) > 1


def test_fine_tuning_starts_from_the_best(
    folded: Graph, samples: list[F32], best: QuantizedModel
) -> None:
    """And keeps the recipe that this was quantised by."""
    (attempt,) = Remedies(folded, samples, 0.25, tuned)("finetune", best)
    assert attempt.name == "fine-tuned"
    made = attempt.make().quantized
    assert (made.qdq.nodes[0].name, made.recipe) == ("tuned", best.recipe)


def test_outputs_that_are_no_scores_keep_their_values(
    folded: Graph, samples: list[F32], best: QuantizedModel
) -> None:
    """A softmax of numbers that are measured means nothing, so no range is chosen by it."""
    remedies = Remedies(folded, samples, 0.25, tuned, outputs="values")
    (attempt,) = remedies("ranges", best)
    assert attempt.make().quantized.recipe == QuantRecipe(calibration="auto")
