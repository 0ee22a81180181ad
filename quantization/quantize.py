"""`quantize`: turn a folded float network into its quantised form, as a recipe asks."""

from collections.abc import Iterable
from dataclasses import dataclass

from edge_agent.common.arrays import F32
from quantization.errors import CalibrationError, ModelError
from quantization.graph.graph import Graph
from quantization.lower.check import check_float_lowering, check_lowering
from quantization.recipe import QuantRecipe
from quantization.remedies.equalize import equalize
from quantization.remedies.refine import refine
from quantization.scales.answers import keep_softmax
from quantization.scales.calibrate import Ranges, calibrate
from quantization.scales.imported import Scales
from quantization.scales.plan import quantized_values
from quantization.scales.qdq import NO_SCALES, insert_qdq

NOTHING_SEEN = Ranges({}, samples=0)


@dataclass(frozen=True)
class QuantizedModel:
    """A quantised network.

    Args:
        folded: the float network it stands for, its batch norms folded and, if the recipe
            asks for it, its channels equalised.
        ranges: what calibration found.
        qdq: the quantised network, which is what is lowered. With `float32`, `folded` itself.
        recipe: how it was quantised.
    """

    folded: Graph
    ranges: Ranges
    qdq: Graph
    recipe: QuantRecipe


def quantize(
    folded: Graph,
    samples: Iterable[F32],
    recipe: QuantRecipe,
    scales: Scales = NO_SCALES,
) -> QuantizedModel:
    """Quantise a folded network; what cannot be lowered is refused before a sample is read.

    Args:
        folded: as `fold_graph` returns it.
        samples: float32 arrays (N, ...) of any N, preprocessed as on the device.
        recipe: the choices.
        scales: those the model brought; its other values are calibrated.

    The remedies of a recipe come in this order: equalisation changes what calibration sees;
    learned rounding and corrected biases need the scales that calibration gives, and work
    layer by layer, each bias after its layer's weights.

    Raises:
        UnsupportedOperatorError: if a node has no lowering.
        ModelError: if a layer to keep in float is none of the network's, or the recipe has
            a remedy for weights that the model brought quantised.
        CalibrationError: if the samples are missing, misshapen or not finite, or can be read
            once where the recipe needs them more often.
    """
    if recipe.precision == "float32":
        check_float_lowering(folded)
        return QuantizedModel(folded, NOTHING_SEEN, folded, recipe)
    remedies = _remedies(recipe)
    if remedies and scales != NO_SCALES:
        raise ModelError(
            f"recipe: expected no remedy for a model that brings its own scales, found {remedies}: "
            "its weights are on their int8 grid already"
        )
    twice = remedies or ("outputs = softmax" if recipe.outputs == "softmax" else "")
    if twice and iter(samples) is samples:
        raise CalibrationError(
            f"calibration samples: expected a list, or what else can be read more than once, for "
            f"{twice}; found {type(samples).__name__}"
        )
    check_lowering(folded, scales, recipe.float_layers)
    if recipe.equalize:
        folded = equalize(folded, samples)
    wanted = quantized_values(folded, recipe.float_layers)
    complete = all(value in scales.activations for value in wanted)
    ranges = NOTHING_SEEN if complete else calibrate(folded, samples, recipe)
    if recipe.outputs == "softmax":
        ranges = keep_softmax(folded, samples, ranges, recipe.float_layers)
    qdq = insert_qdq(folded, ranges, scales, recipe.float_layers)
    round_weights = recipe.rounding == "learned"
    if round_weights or recipe.correct_bias:
        qdq = refine(
            folded,
            qdq,
            samples,
            ranges.samples,
            round_weights=round_weights,
            correct_bias=recipe.correct_bias,
        )
    return QuantizedModel(folded, ranges, qdq, recipe)


def _remedies(recipe: QuantRecipe) -> str:
    """The remedies of a recipe that look at samples, by its keys; empty if there is none."""
    asked = {
        "equalize": recipe.equalize,
        "correct_bias": recipe.correct_bias,
        "rounding = learned": recipe.rounding == "learned",
    }
    return ", ".join(name for name, wanted in asked.items() if wanted)
