"""Conversion: a float ONNX network and its samples in, a full-int8 TFLite file out."""

from collections.abc import Iterable
from dataclasses import dataclass

import onnx

from edge_agent.arrays import F32
from edge_agent.bundle.affine import Affine
from quantization.calibrate import Ranges, calibrate
from quantization.check import check
from quantization.fold import fold
from quantization.lower import Lowered, lower
from quantization.qdq import quantize
from quantization.recipe import QuantRecipe


@dataclass(frozen=True)
class Converted:
    """A converted network.

    Args:
        lowered: the TFLite file and what its ends are.
        ranges: what calibration found.
        qdq: the quantised network in ONNX, before it was lowered.
        recipe: how it was quantised.
    """

    lowered: Lowered
    ranges: Ranges
    qdq: onnx.ModelProto
    recipe: QuantRecipe

    @property
    def tflite(self) -> bytes:
        """The file."""
        return self.lowered.tflite

    @property
    def input(self) -> Affine:
        """Scale and zero point of its input."""
        return self.lowered.input

    @property
    def output(self) -> Affine:
        """Scale and zero point of its first output."""
        return self.lowered.output


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
    return Converted(lower(qdq), ranges, qdq, recipe)
