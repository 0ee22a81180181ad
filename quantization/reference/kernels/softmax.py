"""SOFTMAX over the last axis."""

import numpy as np

from edge_agent.common.arrays import F32, I8
from quantization.reference.kernels.output import clamp
from quantization.reference.model import ReferenceOperator
from quantization.reference.registry import kernel, require_int8


@kernel("SOFTMAX")
def softmax(operator: ReferenceOperator, x: I8) -> I8:
    """``exp(beta * x) / sum(exp(beta * x))`` from a float32 table of 256 exponentials."""
    require_int8(operator, 0)
    source, y = operator.input(0), operator.output
    below = x.max(axis=-1, keepdims=True).astype(np.int64) - x  # 0 to 255 quanta under the top
    steps = np.arange(256, dtype=np.float32) * -(source.scale * np.float32(operator.options.beta))
    table: F32 = np.exp(steps.astype(np.float64)).astype(np.float32)
    exponentials = table[below]
    total = _sum_in_order(exponentials)
    scaled = exponentials * (np.float32(1) / (total * y.scale))
    return clamp((scaled + np.float32(0.5)).astype(np.int64) + y.zero_point)


def _sum_in_order(values: F32) -> F32:
    """The float32 sum over the last axis, one value after the other as a plain loop adds."""
    running: F32 = np.cumsum(values, axis=-1, dtype=np.float32)
    return running[..., -1:]
