"""LOG_SOFTMAX over the last axis: exponential, reciprocal and logarithm in fixed point.

A Qm.n number here is an int32 that counts 2**-n; m + n = 31. The functions are gemmlowp's
(`fixedpoint.h`) and TensorFlow Lite's `log_x_for_x_greater_than_or_equal_to_1`.
"""

import math

import numpy as np

from edge_agent.common.arrays import I8
from quantization.reference.fixed_point import (
    I64,
    high_mul,
    multiply,
    quantize_multiplier,
    rounding_divide_by_power,
    saturate,
)
from quantization.reference.kernels.output import clamp
from quantization.reference.model import ReferenceOperator
from quantization.reference.registry import kernel, refuse, require_int8

INPUT_BITS = 5  # of integer: exp(-32) is nothing
SUM_BITS = 12  # so that 4,096 exponentials of 1 fit
OUTPUT_BITS = 4  # the specification fixes the output to [-15.9375, 0]


@kernel("LOG_SOFTMAX")
def log_softmax(operator: ReferenceOperator, x: I8) -> I8:
    """``x - max(x) - log(sum(exp(x - max(x))))``."""
    require_int8(operator, 0)
    source, y = operator.input(0), operator.output
    if y.scale != 1 / 16 or y.zero_point != 127:
        refuse(operator, "with another output than scale 1/16, zero point 127 has no reference")
    factor = quantize_multiplier(min(float(source.scale) * 2 ** (31 - INPUT_BITS), 2**31 - 1.0))
    if factor.exponent < 0:
        refuse(operator, f"on the scale {source.scale} has no reference")
    least = -math.floor((2**INPUT_BITS - 1) * 2 ** (31 - INPUT_BITS) / 2**factor.exponent)
    below = x.astype(np.int64) - x.max(axis=-1, keepdims=True)
    counted = below >= least
    scaled = multiply(np.where(counted, below, 0), factor)  # Q5.26
    terms = rounding_divide_by_power(exponential(scaled), SUM_BITS)  # Q12.19
    total = np.where(counted, terms, 0).sum(axis=-1, keepdims=True)
    log = logarithm(total)  # Q5.26
    back = quantize_multiplier(2.0 ** (31 - factor.exponent) / factor.mantissa)
    cut = np.maximum(least - 1, multiply(log - 2**31, back))
    result = rounding_divide_by_power(scaled - log, 31 - INPUT_BITS - OUTPUT_BITS)
    return np.where(below > cut, clamp(result + y.zero_point), np.int8(-128))


def exponential(a: I64) -> I64:
    """exp(a) in Q0.31 of a in Q5.26, at most 0."""
    quarter = 1 << 24
    part = (a & (quarter - 1)) - quarter  # in [-1/4, 0)
    rest = part - a  # a multiple of 1/4
    result = _exponential_near_0(saturate(part << 5))
    for power in range(-2, 5):  # exp(-1/4), exp(-1/2), ... exp(-16) where the rest has that bit
        constant = math.floor(math.exp(-(2.0**power)) * 2**31 + 0.5)
        result = np.where(rest >> (26 + power) & 1, high_mul(result, constant), result)
    return np.where(a == 0, 2**31 - 1, result)


def _exponential_near_0(a: I64) -> I64:
    """exp(a) in Q0.31 of a in Q0.31, in [-1/4, 0): four terms of the series around -1/8."""
    x = a + (1 << 28)
    x2 = high_mul(x, x)
    x3 = high_mul(x2, x)
    x4 = high_mul(x2, x2)
    third = 715827883
    sixth = high_mul(rounding_divide_by_power(x4, 2) + x3, third)
    series = x + rounding_divide_by_power(sixth + x2, 1)
    at_centre = 1895147668  # exp(-1/8)
    return saturate(at_centre + high_mul(series, at_centre))


def logarithm(z: I64) -> I64:
    """log(z) in Q5.26 of z in Q12.19, at least 1."""
    half_root, fourth_root = 1518500250, 1805811301  # sqrt(1/2), sqrt(sqrt(1/2)) in Q0.31
    bits = INPUT_BITS + 1  # of integer while it adds up
    quarter = 1 << (31 - bits - 2)
    shift_a = _headroom(z)
    r_a = saturate(high_mul(z << shift_a, half_root) << 1)
    power_a = saturate((SUM_BITS - shift_a - 1) << (31 - bits)) + quarter
    shift_b = _headroom(high_mul(z, half_root))
    r_b = saturate(z << shift_b)
    power_b = saturate((SUM_BITS - shift_b) << (31 - bits)) - quarter
    r, power = np.minimum(r_a, r_b), np.maximum(power_a, power_b)
    p = _half_sum(r, fourth_root)
    q = (r - fourth_root) * 2
    square = high_mul(q, q)
    numerator = high_mul(q, r) + high_mul(high_mul(q, square), 117049297)
    inner = 1057819769 + q + high_mul(square, 127690142)
    denominator = high_mul(p, inner) + high_mul(q, 638450708)  # less one
    fraction = high_mul(rounding_divide_by_power(numerator, bits), _reciprocal(denominator))
    natural = high_mul(power, 1488522236)  # log(2)
    return saturate((natural + fraction) << 1)


def _headroom(z: I64) -> I64:
    """How far a positive int32 can be shifted left."""
    return 30 - np.floor(np.log2(z.astype(np.float64))).astype(np.int64)


def _half_sum(a: I64, b: I64 | int) -> I64:
    """``(a + b) / 2``, halves away from 0."""
    total = a + b
    result: I64 = np.sign(total) * ((np.abs(total) + 1) // 2)
    return result


def _reciprocal(a: I64) -> I64:
    """1 / (1 + a) in Q0.31 of a in Q0.31, in [0, 1]: three steps of Newton's method."""
    half = _half_sum(a, 2**31 - 1)
    x = 1515870810 + high_mul(half, -1010580540)  # 48/17 - 32/17 * half, in Q2.29
    for _ in range(3):
        error = (1 << 29) - high_mul(half, x)
        x = x + saturate(high_mul(x, error) << 2)
    return saturate(x << 1)
