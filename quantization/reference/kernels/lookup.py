"""Smooth activations: int8 has 256 values, so a table of the function is the function.

The tables are computed in float32, as TensorFlow Lite's kernels compute theirs. The functions
themselves are NumPy's of double, rounded: closer to the C library's than NumPy's of float32.
"""

from collections.abc import Callable

import numpy as np

from edge_agent.common.arrays import F32, I8
from quantization.reference.kernels.output import centred, clamp, round_half_away
from quantization.reference.model import ReferenceOperator
from quantization.reference.registry import kernel, refuse, require_int8

EVERY_INT8 = np.arange(-128, 128).astype(np.int8)


def _looked_up(operator: ReferenceOperator, x: I8, function: Callable[[F32], F32]) -> I8:
    require_int8(operator, 0)
    source, y = operator.input(0), operator.output
    real = source.scale * centred(EVERY_INT8, source).astype(np.float32)
    steps = round_half_away(function(real) * (np.float32(1) / y.scale))
    table = clamp(steps.astype(np.int64) + y.zero_point)
    result: I8 = table[x.astype(np.int64) + 128]
    return result


@kernel("LOGISTIC")
def logistic(operator: ReferenceOperator, x: I8) -> I8:
    """``1 / (1 + exp(-x))``; the specification fixes the output to [0, 255/256]."""
    if operator.output.scale != 1 / 256 or operator.output.zero_point != -128:
        refuse(operator, "with another output than scale 1/256, zero point -128 has no reference")
    return _looked_up(operator, x, _sigmoid)


@kernel("TANH")
def tanh(operator: ReferenceOperator, x: I8) -> I8:
    """``tanh(x)``; the specification fixes the output to [-1, 127/128]."""
    return _looked_up(operator, x, lambda real: np.tanh(real.astype(float)).astype(np.float32))


def _sigmoid(real: F32) -> F32:
    with np.errstate(over="ignore"):  # the exponential of a large number is infinite, as in C
        exponential = np.exp(-real.astype(np.float64)).astype(np.float32)
    return np.float32(1) / (np.float32(1) + exponential)
