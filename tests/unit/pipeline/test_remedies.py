"""The remedies on a real network: what each one changes, and which layers stay in float."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest

from edge_agent.arrays import F32
from pipeline.checkpoint import Checkpoint
from pipeline.export_onnx import to_onnx
from pipeline.ladder import Made
from pipeline.recipe import Remedy
from pipeline.remedies import Remedies
from quantization.doctor import diagnose
from quantization.fold import fold
from quantization.quantized import Quantized, quantized
from quantization.recipe import QuantRecipe


@pytest.fixture(name="folded", scope="module")
def _folded(digit_network: Callable[..., Checkpoint]) -> onnx.ModelProto:
    return fold(to_onnx(digit_network("vgg_tiny")))


@pytest.fixture(name="samples", scope="module")
def _samples() -> list[F32]:
    noise = np.random.default_rng(0)
    return [noise.standard_normal((16, 1, 16, 16)).astype(np.float32) for _ in range(2)]


@pytest.fixture(name="best", scope="module")
def _best(folded: onnx.ModelProto, samples: list[F32]) -> Quantized:
    return quantized(folded, samples, QuantRecipe())


def tuned(start: Quantized) -> Made:
    """Fine-tuning that trains nothing, and says so by its name."""
    renamed = onnx.ModelProto()
    renamed.CopyFrom(start.qdq)
    renamed.graph.name = "tuned"
    return Made(Quantized(start.folded, start.ranges, renamed, start.recipe))


@pytest.mark.parametrize(
    ("remedy", "name", "changed"),
    [
        ("ranges", "better ranges", {"calibration": "auto"}),
        ("equalize", "equalised", {"equalize": True, "correct_bias": True}),
        ("rounding", "learned rounding", {"rounding": "learned"}),
    ],
)
def test_a_remedy_changes_its_part_of_the_recipe(
    folded: onnx.ModelProto,
    samples: list[F32],
    best: Quantized,
    remedy: Remedy,
    name: str,
    changed: dict[str, object],
) -> None:
    """The rest stays as it was in the best so far; where it has that part, there is no rung."""
    remedies = Remedies(folded, samples, 0.25, tuned)
    (attempt,) = remedies(remedy, best)
    assert attempt.name == name
    made = attempt.make().quantized
    assert made.recipe == QuantRecipe(**changed)  # type: ignore[arg-type]
    assert not list(remedies(remedy, made))


def test_the_first_rung_is_what_the_recipe_says(
    folded: onnx.ModelProto, samples: list[F32]
) -> None:
    """Its own choices, by the same function as every other."""
    recipe = QuantRecipe(calibration="percentile", percentile=99.0)
    made = Remedies(folded, samples, 0.25, tuned).first(recipe).make().quantized
    assert made.recipe == recipe
    wanted = quantized(folded, samples, recipe).qdq
    assert made.qdq.SerializeToString(deterministic=True) == wanted.SerializeToString(
        deterministic=True
    )


@pytest.mark.parametrize(
    ("share", "counts"),
    [(0.05, []), (0.1, [1]), (0.2, [1, 2]), (0.25, [1, 2, 3]), (0.5, [1, 2, 4, 6])],
)
def test_layers_in_float_double_up_to_the_share_that_is_allowed(
    folded: onnx.ModelProto, samples: list[F32], best: Quantized, share: float, counts: list[int]
) -> None:
    """The costliest first; the last number is the share itself."""
    layers = diagnose(best.folded, best.qdq, np.concatenate(samples)).layers
    assert len(layers) == 1 + 12  # with the input
    attempts = list(Remedies(folded, samples, share, tuned)("float-layers", best))
    assert [int(attempt.name.split()[0]) for attempt in attempts] == counts
    assert [attempt.name.endswith(" in float") for attempt in attempts] == [True] * len(counts)


def test_the_costliest_layers_stay_in_float(
    folded: onnx.ModelProto, samples: list[F32], best: Quantized
) -> None:
    """By what the doctor found; the network's input is none of them."""
    diagnosis = diagnose(best.folded, best.qdq, np.concatenate(samples))
    costly = [layer.name for layer in diagnosis.by_cost if layer.operators != ("input",)]
    attempts = list(Remedies(folded, samples, 0.2, tuned)("float-layers", best))
    assert [attempt.name for attempt in attempts] == ["1 layer in float", "2 layers in float"]
    for count, attempt in enumerate(attempts, start=1):
        assert attempt.make().quantized.recipe.float_layers == tuple(costly[:count])


def test_layers_that_the_recipe_keeps_in_float_stay_so(
    folded: onnx.ModelProto, samples: list[F32], best: Quantized
) -> None:
    """More of them are added, none twice."""
    name = next(layer.name for layer in diagnose(best.folded, best.qdq, samples[0]).by_cost)
    mixed = quantized(folded, samples, QuantRecipe(float_layers=(name,)))
    attempt = next(iter(Remedies(folded, samples, 0.2, tuned)("float-layers", mixed)))
    layers = attempt.make().quantized.recipe.float_layers
    assert len(set(layers)) == len(layers) == 2
    assert layers[0] == name


def test_fine_tuning_starts_from_the_best(
    folded: onnx.ModelProto, samples: list[F32], best: Quantized
) -> None:
    """And keeps the recipe that this was quantised by."""
    (attempt,) = Remedies(folded, samples, 0.25, tuned)("finetune", best)
    assert attempt.name == "fine-tuned"
    made = attempt.make().quantized
    assert (made.qdq.graph.name, made.recipe) == ("tuned", best.recipe)
