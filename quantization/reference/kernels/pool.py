"""Pooling: the largest or the mean value of each window; the scale does not change."""

import numpy as np

from edge_agent.bundle.affine import QMIN
from edge_agent.common.arrays import I8
from quantization.reference.fixed_point import divide_half_away
from quantization.reference.kernels.conv import windows
from quantization.reference.kernels.output import activation, clamp
from quantization.reference.model import ReferenceOperator
from quantization.reference.registry import kernel, require_int8


def _size(operator: ReferenceOperator) -> tuple[int, int]:
    return operator.options.filterHeight, operator.options.filterWidth


@kernel("MAX_POOL_2D")
def max_pool_2d(operator: ReferenceOperator, x: I8) -> I8:
    """X (N, H, W, C); what lies outside loses every comparison."""
    require_int8(operator, 0)
    largest = windows(x, _size(operator), operator, QMIN).max(axis=(4, 5))
    return clamp(largest.astype(np.int64), activation(operator))


@kernel("AVERAGE_POOL_2D")
def average_pool_2d(operator: ReferenceOperator, x: I8) -> I8:
    """X (N, H, W, C); the mean is of what lies inside, rounded half away from 0.

    The rounding is of the int8 values themselves, not of their distance to the zero point.
    """
    require_int8(operator, 0)
    sums = windows(x.astype(np.int64), _size(operator), operator).sum(axis=(4, 5))
    inside = np.ones((1, *x.shape[1:3], 1), np.int64)
    counts = windows(inside, _size(operator), operator).sum(axis=(4, 5))
    return clamp(divide_half_away(sums, counts), activation(operator))
