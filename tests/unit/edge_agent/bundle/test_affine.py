"""`Affine`: real numbers to int8 and back."""

import numpy as np
import pytest

from edge_agent.bundle.affine import Affine


def test_quantize_rounds_to_the_nearest_and_half_to_even() -> None:
    """Values go to the nearest quantum; a tie goes to the even one."""
    real = np.array([0.0, 0.24, 0.26, 0.25, 0.75, -0.25], np.float32)
    assert Affine(0.5, 0).quantize(real).tolist() == [0, 0, 1, 0, 2, 0]


def test_quantize_saturates_at_both_ends() -> None:
    """White must stay white: an unclipped cast would wrap 1.0 at scale 1/255 to -128."""
    affine = Affine(0.0039, -128)
    real = np.array([-1.0, 0.0, 1.0, 9.0], np.float32)
    assert affine.quantize(real).tolist() == [-128, -128, 127, 127]


def test_dequantize_widens_before_it_subtracts() -> None:
    """127 - (-128) is 255, which int8 cannot hold."""
    values = Affine(0.5, -128).dequantize(np.array([-128, 127], np.int8))
    assert values.dtype == np.float32
    assert values.tolist() == [0.0, 127.5]


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_must_be_finite_and_positive(scale: float) -> None:
    """A scale of zero, or none at all, is refused with what was found."""
    with pytest.raises(ValueError, match=r"^scale: expected a finite number above 0, found"):
        Affine(scale, 0)


@pytest.mark.parametrize("zero_point", [-129, 128])
def test_a_zero_point_must_be_an_int8(zero_point: int) -> None:
    """A zero point outside int8 is refused with what was found."""
    message = rf"^zero_point: expected -128 to 127, found {zero_point}$"
    with pytest.raises(ValueError, match=message):
        Affine(1.0, zero_point)
