"""The factors of XNNPACK's fixed-point kernels: ratios of scales in fewer bits than float32.

The kernels round halves upwards. Measured on LiteRT 2.3 over all int8 values and random scales:
with these factors every result is the same; with the exact ratios up to one in ten of a
requantised value's is not.
"""

import math

import numpy as np

# qs8-vcvt and qs8-vlrelu multiply by 16-bit integers with this many bits behind the point.
SHORT_BITS = 8
# qs8-vadd has this many below the leading one of the larger factor.
SUM_BITS = 20
# qs8-ibilinear weighs neighbours in as many.
RESIZE_BITS = 11


def ratio(scale: float, target: float) -> float:
    """What makes quanta of one scale quanta of another, in float32 as the kernels divide."""
    return float(np.float32(scale) / np.float32(target))


def short(factor: float, slope: float = 1.0) -> float:
    """The factor of a requantisation, or of the negative side of a LEAKY_RELU."""
    scaled = np.float32(2**SHORT_BITS) * np.float32(factor) * np.float32(slope)
    return round(float(scaled)) / 2.0**SHORT_BITS


def of_sum(*factors: float) -> tuple[float, ...]:
    """The factors of a sum, which has one shift for both."""
    _, exponent = math.frexp(max(map(abs, factors)))  # of a fraction in [1/2, 1)
    step = 2.0 ** (exponent - 1 - SUM_BITS)
    return tuple(round(factor / step) * step for factor in factors)
