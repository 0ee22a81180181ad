"""Conversion: an ONNX network and its samples in, a TFLite file out."""

from collections.abc import Iterable
from dataclasses import dataclass

import onnx

from edge_agent.bundle.affine import Affine
from edge_agent.common.arrays import F32
from quantization.errors import ModelError
from quantization.graph.graph import write
from quantization.lower import TfliteFile, lower_graph
from quantization.quantize import QuantizedModel, quantize
from quantization.recipe import QuantRecipe
from quantization.scales.imported import import_model, is_quantized, without_scale

DEFAULT_RECIPE = QuantRecipe()
NO_SAMPLES: tuple[F32, ...] = ()


@dataclass(frozen=True)
class Conversion:
    """A converted network.

    Args:
        lowered: the TFLite file and what its ends are.
        quantized: what was lowered, and how it came about.
    """

    lowered: TfliteFile
    quantized: QuantizedModel

    @property
    def folded(self) -> onnx.ModelProto:
        """The float network, folded, as ONNX."""
        return write(self.quantized.folded)

    @property
    def qdq(self) -> onnx.ModelProto:
        """The quantised network as ONNX: what is lowered."""
        return write(self.quantized.qdq)

    @property
    def tflite(self) -> bytes:
        """The file."""
        return self.lowered.tflite

    @property
    def input(self) -> Affine:
        """Scale and zero point of its input; ModelError if that is float32."""
        return self.lowered.input

    @property
    def output(self) -> Affine:
        """Scale and zero point of its first output; ModelError if that is not int8."""
        return self.lowered.output


def convert(
    model: onnx.ModelProto,
    samples: Iterable[F32] = NO_SAMPLES,
    recipe: QuantRecipe = DEFAULT_RECIPE,
) -> Conversion:
    """Quantise a network by the scales it brings or by what samples show; lower it to TFLite.

    Args:
        model: ONNX with one static float32 input (1, ...): a float network, or one with
            QuantizeLinear/DequantizeLinear pairs, whose scales are kept exactly.
        samples: float32 arrays (N, ...) of any N, preprocessed as on the device. A model with
            scales at every value needs none; where some lack, they are calibrated.
            Some recipes read them more than once; `float32` reads none.
        recipe: the choices.

    Raises:
        ModelError: if the model is not one this package can read, or brings scales that
            cannot be kept.
        UnsupportedOperatorError: if a node has no lowering; no sample is read before.
        CalibrationError: if the samples are missing, misshapen or not finite.
    """
    brings = is_quantized(model)
    if brings and recipe.precision == "float32":
        raise ModelError("model: expected a float network for float32, found a quantised one")
    imported = import_model(model)
    missing = without_scale(imported, recipe.float_layers)
    if missing and brings and samples is NO_SAMPLES:
        raise ModelError(
            f"value {missing[0]!r}: the model brings no scale for it; give calibration samples"
        )
    made = quantize(imported.graph, samples, recipe, imported.scales)
    return Conversion(lower_graph(made.qdq), made)
