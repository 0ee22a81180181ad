"""`quantized`: a folded float network to its quantised form, by everything a recipe asks for."""

from collections.abc import Iterable
from dataclasses import dataclass

import onnx

from edge_agent.arrays import F32
from quantization.calibrate import Ranges, calibrate
from quantization.check import check, check_float
from quantization.graph import read
from quantization.imported import Scales
from quantization.plan import quantized_values
from quantization.qdq import NO_SCALES, quantize
from quantization.recipe import QuantRecipe

NOTHING_SEEN = Ranges({}, samples=0)


@dataclass(frozen=True)
class Quantized:
    """A quantised network.

    Args:
        folded: the float network it stands for, its batch norms folded.
        ranges: what calibration found.
        qdq: the quantised network in ONNX: what is lowered. With `float32`, `folded` itself.
        recipe: how it was quantised.
    """

    folded: onnx.ModelProto
    ranges: Ranges
    qdq: onnx.ModelProto
    recipe: QuantRecipe


def quantized(
    folded: onnx.ModelProto,
    samples: Iterable[F32],
    recipe: QuantRecipe,
    scales: Scales = NO_SCALES,
) -> Quantized:
    """Quantise a folded network; what cannot be lowered is refused before a sample is read.

    Args:
        folded: as `fold` returns it.
        samples: float32 arrays (N, ...) of any N, preprocessed as on the device.
        recipe: the choices.
        scales: those the model brought; its other values are calibrated.

    Raises:
        UnsupportedOperatorError: if a node has no lowering.
        ModelError: if a layer to keep in float is none of the network's.
        CalibrationError: if the samples are missing, misshapen or not finite.
    """
    if recipe.precision == "float32":
        check_float(folded)
        return Quantized(folded, NOTHING_SEEN, folded, recipe)
    check(folded, scales, recipe.float_layers)
    wanted = quantized_values(read(folded), recipe.float_layers)
    complete = all(value in scales.activations for value in wanted)
    ranges = NOTHING_SEEN if complete else calibrate(folded, samples, recipe)
    qdq = quantize(folded, ranges, scales, recipe.float_layers)
    return Quantized(folded, ranges, qdq, recipe)
