"""QUANTIZE and DEQUANTIZE: from real numbers to int8, from one scale to another, and back."""

import numpy as np

from edge_agent.bundle.affine import QMAX, QMIN
from edge_agent.common.arrays import F32
from quantization.graph.graph import Array
from quantization.reference.fixed_point import multiply, quantize_multiplier
from quantization.reference.kernels.output import round_half_away
from quantization.reference.model import ReferenceOperator
from quantization.reference.registry import kernel, refuse

LIMITS = {np.dtype(np.int8): (QMIN, QMAX), np.dtype(np.uint8): (0, 255)}


@kernel("QUANTIZE")
def quantize(operator: ReferenceOperator, x: Array) -> Array:
    """From float32: ``round(x / s) + z``, halves away from 0. From int8: by ``s_x / s_y``."""
    source, y = operator.input(0), operator.output
    if y.dtype not in LIMITS or source.dtype not in (*LIMITS, np.dtype(np.float32)):
        refuse(operator, f"from {source.dtype} to {y.dtype} has no reference")
    if source.dtype == np.float32:
        quanta = round_half_away(x / y.scale).astype(np.int64)
    else:
        factor = quantize_multiplier(float(source.scale) / float(y.scale))
        quanta = multiply(x.astype(np.int64) - source.zero_point, factor)
    return np.clip(quanta + y.zero_point, *LIMITS[y.dtype]).astype(y.dtype)


@kernel("DEQUANTIZE")
def dequantize(operator: ReferenceOperator, x: Array) -> F32:
    """``s * (x - z)`` in float32."""
    source = operator.input(0)
    if source.dtype not in LIMITS or operator.output.dtype != np.float32:
        refuse(operator, f"from {source.dtype} to {operator.output.dtype} has no reference")
    quanta = (x.astype(np.int64) - source.zero_point).astype(np.float32)
    result: F32 = source.scale * quanta
    return result
