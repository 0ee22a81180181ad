"""Laws of int8 quantisation that hold for every scale, zero point and value."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.bundle.affine import QMAX, QMIN, Affine

affines = st.builds(
    Affine,
    st.floats(2**-20, 2**10, width=32),
    st.integers(QMIN, QMAX),
)


@given(affines, st.integers(QMIN, QMAX))
def test_every_int8_survives_the_round_trip(affine: Affine, q: int) -> None:
    """Dequantise then quantise is the identity on all 256 values."""
    codes = np.array([q], np.int8)
    assert affine.quantize(affine.dequantize(codes)).tolist() == [q]


@given(affines, st.floats(0, 1, width=32))
def test_inside_the_range_the_error_is_half_a_quantum(affine: Affine, where: float) -> None:
    """A value the scale can express comes back within half a quantum."""
    low = affine.scale * (QMIN - affine.zero_point)
    high = affine.scale * (QMAX - affine.zero_point)
    real = np.array([low + where * (high - low)], np.float32)
    error = abs(float(affine.dequantize(affine.quantize(real))[0]) - float(real[0]))
    # Half a quantum, and what float32 loses on numbers 255 quanta long.
    assert error <= affine.scale * (0.5 + 1e-4)


@given(affines, st.floats(-1e6, 1e6, width=32), st.floats(-1e6, 1e6, width=32))
def test_quantisation_keeps_the_order(affine: Affine, a: float, b: float) -> None:
    """A larger value never gets a smaller code, saturation included."""
    low, high = affine.quantize(np.array(sorted((a, b)), np.float32))
    assert low <= high
