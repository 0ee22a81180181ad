r"""Fixed point: how an int8 kernel multiplies by a real number without having one.

The real factor between two scales becomes a 32-bit integer and a power of two
(`quantize_multiplier`), and the product is rounded twice (`multiply`): once to 32 bits and
once more by the shift. That is the arithmetic of B. Jacob et al., "Quantization and Training
of Neural Networks for Efficient Integer-Arithmetic-Only Inference" (2018), section 2.2, and
of the gemmlowp library that came with it. TensorFlow Lite can also be built with a single
rounding; tflite-runtime 2.14 and LiteRT 2.3 are not (measured), but for LiteRT's
FULLY_CONNECTED.

Arrays here are int64, wide enough that nothing overflows by accident; where a kernel's own
32 bits would wrap, so does this.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Multiplier:
    """The real number ``mantissa / 2**31 * 2**exponent``.

    Args:
        mantissa: in [2**30, 2**31), or 0.
        exponent: positive shifts left before the product, negative right after it.
    """

    mantissa: int
    exponent: int


def quantize_multiplier(real: float) -> Multiplier:
    """The nearest `Multiplier` of a number of at least 0; below 2**-32 it is 0."""
    fraction, exponent = math.frexp(real)  # real = fraction * 2**exponent, fraction in [.5, 1)
    mantissa = math.floor(fraction * 2**31 + 0.5)
    if mantissa == 2**31:
        mantissa, exponent = 2**30, exponent + 1
    # A shift beyond 31 would leave nothing, and is more than the kernels' shifts can do.
    return Multiplier(0, 0) if exponent < -31 else Multiplier(mantissa, exponent)


def multiply(x: I64, factor: Multiplier) -> I64:
    """``round(x * factor)`` as the kernels round: MultiplyByQuantizedMultiplier.

    Args:
        x: int32 values of any shape.
        factor: the number.
    """
    shifted = _wrap(x << max(factor.exponent, 0))
    return rounding_divide_by_power(high_mul(shifted, factor.mantissa), max(-factor.exponent, 0))


def multiply_channels(x: I64, factors: list[Multiplier]) -> I64:
    """`multiply` with a factor of its own for each index of the last axis; x is (..., C)."""
    mantissas = np.array([f.mantissa for f in factors])
    exponents = np.array([f.exponent for f in factors])
    shifted = _wrap(x << np.maximum(exponents, 0))
    return rounding_divide_by_power(high_mul(shifted, mantissas), np.maximum(-exponents, 0))


def high_mul(a: I64, b: I64 | int) -> I64:
    """``round(a * b / 2**31)``, halves upwards: gemmlowp's SaturatingRoundingDoublingHighMul.

    With both in [-2**31, 2**31) as fractions of 2**31 it is their product. Its one case of
    saturation, -1 times -1, is left to `saturate`.
    """
    product: I64 = (a * np.int64(1) * b + 2**30) >> 31
    return saturate(product)


def rounding_divide_by_power(x: I64, exponent: I64 | int) -> I64:
    """``round(x / 2**exponent)``, halves away from 0: gemmlowp's RoundingDivideByPOT."""
    mask = (np.int64(1) << exponent) - 1
    threshold = (mask >> 1) + (x < 0)
    result: I64 = (x >> exponent) + ((x & mask) > threshold)
    return result


def divide_half_away(x: I64, count: I64 | int) -> I64:
    """``round(x / count)``, halves away from 0, for a count above 0: the mean of a pooling."""
    magnitude = np.floor_divide(np.abs(x) + count // 2, count)
    return np.where(x < 0, -magnitude, magnitude)


def saturate(x: I64, bits: int = 32) -> I64:
    """The nearest value that a signed integer of that many bits has."""
    return np.clip(x, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _wrap(x: I64) -> I64:
    """What is left of a value in 32 bits: the kernels' shift to the left does not saturate."""
    return x.astype(np.int32).astype(np.int64)
