"""Conversion: a float ONNX network and its samples in, a full-int8 TFLite file out."""

from collections.abc import Iterable
from dataclasses import dataclass

import onnx

from edge_agent.arrays import F32
from edge_agent.bundle.affine import Affine
from quantization.calibrate import Ranges, calibrate
from quantization.check import check
from quantization.errors import ModelError
from quantization.fold import fold
from quantization.imported import (
    Imported,
    Scales,
    import_quantized,
    is_quantized,
    without_scale,
)
from quantization.lower import Lowered, lower
from quantization.qdq import quantize
from quantization.recipe import QuantRecipe

DEFAULT_RECIPE = QuantRecipe()


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


NO_SAMPLES: tuple[F32, ...] = ()


def convert(
    model: onnx.ModelProto,
    samples: Iterable[F32] = NO_SAMPLES,
    recipe: QuantRecipe = DEFAULT_RECIPE,
) -> Converted:
    """Quantise a network by the scales it brings or by what samples show; lower it to TFLite.

    Args:
        model: ONNX with one static float32 input (1, ...): a float network, or one with
            QuantizeLinear/DequantizeLinear pairs, whose scales are kept exactly.
        samples: float32 arrays (N, ...) of any N, preprocessed as on the device. A model with
            scales at every value needs none; where some lack, they are calibrated.
        recipe: the choices.

    Raises:
        ModelError: if the model is not one this package can read, or brings scales that
            cannot be kept.
        UnsupportedOperatorError: if a node has no lowering; no sample is read before.
        CalibrationError: if the samples are missing, misshapen or not finite.
    """
    brings = is_quantized(model)
    imported = import_quantized(model) if brings else Imported(fold(model), Scales())
    check(imported.model, imported.scales)
    ranges, missing = Ranges({}, samples=0), without_scale(imported)
    if missing and brings and samples is NO_SAMPLES:
        raise ModelError(
            f"value {missing[0]!r}: the model brings no scale for it; give calibration samples"
        )
    if missing:
        ranges = calibrate(imported.model, samples, recipe)
    qdq = quantize(imported.model, ranges, imported.scales)
    return Converted(lower(qdq), ranges, qdq, recipe)
