"""Conversion: a float ONNX network and its samples in, a full-int8 TFLite file out."""

from collections.abc import Iterable
from dataclasses import dataclass

import onnx

from edge_agent.arrays import F32
from edge_agent.bundle.affine import Affine
from quantization.calibrate import Ranges, calibrate
from quantization.check import check
from quantization.fold import fold
from quantization.lower import lower
from quantization.qdq import quantize
from quantization.recipe import QuantRecipe


@dataclass(frozen=True)
class Converted:
    """A converted network.

    Args:
        tflite: the file: int8 in (1, H, W, C), int8 out.
        input: scale and zero point of its input.
        output: scale and zero point of its output.
        ranges: what calibration found.
        qdq: the quantised network in ONNX, before it was lowered.
        recipe: how it was quantised.
    """

    tflite: bytes
    input: Affine
    output: Affine
    ranges: Ranges
    qdq: onnx.ModelProto
    recipe: QuantRecipe


def convert(model: onnx.ModelProto, samples: Iterable[F32], recipe: QuantRecipe) -> Converted:
    """Quantise a float network by what samples show, and lower it to TFLite.

    Args:
        model: float32 ONNX, one input (1, C, H, W) and one output.
        samples: float32 arrays (N, C, H, W) of any N, preprocessed as on the device.
        recipe: the choices.

    Raises:
        ModelError: if the model is not one this package can read.
        UnsupportedOperatorError: if a node has no lowering; no sample is read before.
        CalibrationError: if the samples are missing, misshapen or not finite.
    """
    folded = fold(model)
    check(folded)
    ranges = calibrate(folded, samples, recipe)
    qdq = quantize(folded, ranges)
    lowered = lower(qdq)
    return Converted(lowered.tflite, lowered.input, lowered.output, ranges, qdq, recipe)
