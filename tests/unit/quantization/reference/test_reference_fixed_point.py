"""Fixed-point multiplication, rounding and saturation, number by number."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantization.reference.fixed_point import (
    Multiplier,
    divide_half_away,
    high_mul,
    multiply,
    multiply_channels,
    quantize_multiplier,
    rounding_divide_by_power,
    saturate,
)

int32 = st.integers(-(2**31), 2**31 - 1)


def array(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    ("real", "mantissa", "exponent"),
    [
        (1.0, 2**30, 1),
        (0.5, 2**30, 0),
        (0.75, 3 * 2**29, 0),
        (3.0, 3 * 2**29, 2),
        (1 - 2.0**-40, 2**30, 1),  # the mantissa rounds up to 2**31: halved
        (2.0**-32, 2**30, -31),
        (2.0**-33, 0, 0),
        (0.0, 0, 0),
    ],
)
def test_a_real_number_becomes_a_mantissa_and_a_power(
    real: float, mantissa: int, exponent: int
) -> None:
    """Written out: powers of two, a mantissa that overflows, numbers too small for a shift."""
    assert quantize_multiplier(real) == Multiplier(mantissa, exponent)


@given(st.floats(1e-9, 1e6))
def test_a_multiplier_is_within_half_of_its_last_bit(real: float) -> None:
    """And its mantissa has its highest bit set, so that no precision is lost."""
    made = quantize_multiplier(real)
    assert 2**30 <= made.mantissa < 2**31
    exact = Fraction(made.mantissa, 2**31) * Fraction(2) ** made.exponent
    assert abs(exact / Fraction(real) - 1) <= Fraction(1, 2**31)


def test_the_doubling_product_rounds_halves_up_and_the_shift_away_from_zero() -> None:
    """What distinguishes two roundings from one, on ties of either sign."""
    half = 2**30
    assert high_mul(array(1, -1, 3, -3), half).tolist() == [1, 0, 2, -1]
    assert rounding_divide_by_power(array(1, -1, 3, -3, 2), 1).tolist() == [1, -1, 2, -2, 1]
    assert rounding_divide_by_power(array(5, -5), 0).tolist() == [5, -5]


def test_the_product_of_the_two_lowest_numbers_saturates() -> None:
    """-1 times -1 as fractions is not a fraction any more: gemmlowp gives the largest."""
    lowest = -(2**31)
    assert high_mul(array(lowest), lowest).tolist() == [2**31 - 1]


@given(int32, st.floats(1e-8, 0.999))
def test_multiply_is_within_one_of_the_exact_product(x: int, real: float) -> None:
    """Two roundings of a half each, of a factor below 1: one above shifts out of 32 bits."""
    exact = Fraction(x) * Fraction(real)
    assert abs(multiply(array(x), quantize_multiplier(real)).item() - exact) <= 1 + Fraction(1, 100)


def test_multiply_rounds_twice() -> None:
    """A quarter of 1 becomes a half, so 1, and again a half, so 1; rounded once it would be 0."""
    factor = Multiplier(2**30, -1)  # a quarter
    assert multiply(array(1), factor).tolist() == [1]


def test_a_left_shift_wraps_as_in_32_bits() -> None:
    """A factor above one on a value too large for it is the kernels' own overflow."""
    assert multiply(array(2**30), quantize_multiplier(4.0)).tolist() == [0]


def test_every_channel_has_its_own_factor() -> None:
    """The last axis chooses, with shifts to either side."""
    factors = [quantize_multiplier(r) for r in (0.1, 1.0, 3.0)]
    x = np.arange(-30, 30).reshape(2, 10, 3)
    expected = [multiply(x[..., i], f) for i, f in enumerate(factors)]
    np.testing.assert_array_equal(multiply_channels(x, factors), np.stack(expected, axis=-1))


def test_a_mean_rounds_halves_away_from_zero() -> None:
    """As a pooling's does, for even and odd counts and for 0."""
    assert divide_half_away(array(6, -6, 5, -5, 0), 4).tolist() == [2, -2, 1, -1, 0]
    assert divide_half_away(array(4, -4), 3).tolist() == [1, -1]


def test_saturation_is_at_the_ends_of_the_type() -> None:
    """For 16 bits, and for 32 unless said otherwise."""
    assert saturate(array(2**15, -(2**15) - 1, 7), 16).tolist() == [2**15 - 1, -(2**15), 7]
    assert saturate(array(2**40)).tolist() == [2**31 - 1]
