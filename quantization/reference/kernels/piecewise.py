"""Activations made of straight pieces: RELU and its kin, and HARD_SWISH."""

import numpy as np

from edge_agent.common.arrays import I8
from quantization.reference.fixed_point import (
    I64,
    Multiplier,
    multiply,
    quantize_multiplier,
    rounding_divide_by_power,
    saturate,
)
from quantization.reference.kernels.output import bounds, centred, clamp
from quantization.reference.model import ReferenceOperator
from quantization.reference.registry import kernel, refuse, require_int8


def _limited(operator: ReferenceOperator, x: I8, low: float, high: float | None) -> I8:
    """Rescale from the input's scale to the output's, then limit in real units."""
    require_int8(operator, 0)
    source, y = operator.input(0), operator.output
    factor = quantize_multiplier(float(source.scale / y.scale))
    return clamp(multiply(centred(x, source), factor) + y.zero_point, bounds(low, high, y))


@kernel("RELU")
def relu(operator: ReferenceOperator, x: I8) -> I8:
    """``max(x, 0)``, where it stands alone."""
    return _limited(operator, x, 0.0, None)


@kernel("RELU6")
def relu6(operator: ReferenceOperator, x: I8) -> I8:
    """``min(max(x, 0), 6)``, where it stands alone."""
    return _limited(operator, x, 0.0, 6.0)


@kernel("RELU_N1_TO_1")
def relu_n1_to_1(operator: ReferenceOperator, x: I8) -> I8:
    """``min(max(x, -1), 1)``, where it stands alone."""
    return _limited(operator, x, -1.0, 1.0)


@kernel("LEAKY_RELU")
def leaky_relu(operator: ReferenceOperator, x: I8) -> I8:
    """x, or ``alpha * x`` below 0; the factors are computed in float32."""
    require_int8(operator, 0)
    source, y = operator.input(0), operator.output
    alpha = np.float32(operator.options.alpha)
    if alpha < 0:
        refuse(operator, f"with alpha {alpha} below 0 has no reference")
    value = centred(x, source)
    above = multiply(value, quantize_multiplier(float(source.scale / y.scale)))
    below = multiply(value, quantize_multiplier(float(source.scale * alpha / y.scale)))
    return clamp(np.where(value >= 0, above, below) + y.zero_point)


@kernel("PRELU")
def prelu(operator: ReferenceOperator, x: I8, alpha: I8) -> I8:
    """x, or ``alpha * x`` below 0, with alpha a tensor that broadcasts to x."""
    require_int8(operator, 0, 1)
    source, slope, y = operator.input(0), operator.input(1), operator.output
    value = centred(x, source)
    above = multiply(value, quantize_multiplier(float(source.scale / y.scale)))
    factor = quantize_multiplier(float(source.scale * slope.scale / y.scale))
    below = multiply(value * centred(alpha, slope), factor)
    return clamp(np.where(value >= 0, above, below) + y.zero_point)


# HARD_SWISH computes in 16 bits: values are shifted up by 7 so that 255 of them fill 15 bits.
HIGH_RESOLUTION = np.float32(1 / 128)
# On the scale of ``relu6(x + 3) / 6``, 2**15 stands for real 3.
REFERENCE_SCALE = np.float32(3 / 32768)


@kernel("HARD_SWISH")
def hard_swish(operator: ReferenceOperator, x: I8) -> I8:
    """``x * relu6(x + 3) / 6`` in 16-bit fixed point.

    The scheme is that of TensorFlow Lite's reference kernel, written for MobileNetV3.
    """
    require_int8(operator, 0)
    source, y = operator.input(0), operator.output
    scale = HIGH_RESOLUTION * source.scale
    to_output = quantize_multiplier(float(scale / y.scale))
    to_gate = quantize_multiplier(float(scale / REFERENCE_SCALE))
    if not (-15 <= to_output.exponent <= 0 and -15 <= to_gate.exponent <= 15):
        # Above, the runtimes refuse it; below, their 16 bits run out of shift and give noise.
        refuse(operator, f"from scale {source.scale} to {y.scale} has no reference")
    value = centred(x, source) << 7
    on_output = _high_mul_16(value, _upper_half(to_output))
    gate = (_gate(value, to_gate) + 2**15) >> 1  # from [-1, 1] to [0, 1]
    product = gate * on_output
    # Towards 0, which makes up for the upward bias of the rounded product above.
    gated = np.sign(product) * (np.abs(product) >> 15)
    return clamp(rounding_divide_by_power(gated, -to_output.exponent) + y.zero_point)


def _gate(value: I64, factor: Multiplier) -> I64:
    """``value * factor`` in 16 bits, saturating where x is beyond -3 or 3."""
    left = max(factor.exponent, 0)
    if left:  # all but one bit now, where saturation cannot show in the end
        value = saturate(value << (left - 1), 16)
    value = _high_mul_16(value, _upper_half(factor))
    if left:
        value = saturate(value << 1, 16)
    return rounding_divide_by_power(value, max(-factor.exponent, 0))


def _upper_half(factor: Multiplier) -> int:
    """A multiplier's 31-bit mantissa in 15 bits."""
    return min((factor.mantissa + 2**15) >> 16, 2**15 - 1)


def _high_mul_16(a: I64, b: int) -> I64:
    """``round(a * b / 2**15)`` of 16-bit fractions."""
    return saturate((a * b + 2**14) >> 15, 16)
