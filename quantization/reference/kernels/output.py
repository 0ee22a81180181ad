"""The last step of most kernels: from an int32 accumulator to int8 with its activation."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edge_agent.bundle.affine import QMAX, QMIN
from edge_agent.common.arrays import I8
from quantization.reference.fixed_point import I64
from quantization.reference.model import ReferenceOperator, ReferenceTensor
from quantization.reference.registry import option, refuse

FUSED = schema.ActivationFunctionType
# What the values of an activation are limited to, in real units.
BOUNDS: dict[int, tuple[float | None, float | None]] = {
    FUSED.NONE: (None, None),
    FUSED.RELU: (0.0, None),
    FUSED.RELU6: (0.0, 6.0),
    FUSED.RELU_N1_TO_1: (-1.0, 1.0),
}


def round_half_away(real: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """The nearest integers, halves away from 0, as C's ``round``; the same type out as in."""
    whole = np.trunc(real)  # not floor(x + .5): that sum rounds, and 0.49999997 would become 1
    result: NDArray[np.floating[Any]] = whole + np.sign(real) * (np.abs(real - whole) >= 0.5)
    return result


def quantized(real: float, tensor: ReferenceTensor) -> int:
    """Where a real number stands on a tensor's scale; not limited to int8."""
    quanta = round_half_away(np.array(real, np.float32) / tensor.scale)
    return tensor.zero_point + int(quanta)


def bounds(low: float | None, high: float | None, tensor: ReferenceTensor) -> tuple[int, int]:
    """Real bounds as int8 ones on a tensor's scale: CalculateActivationRangeQuantized."""
    lowest = QMIN if low is None else max(QMIN, quantized(low, tensor))
    highest = QMAX if high is None else min(QMAX, quantized(high, tensor))
    return lowest, highest


def activation(operator: ReferenceOperator) -> tuple[int, int]:
    """The bounds of an operator's fused activation, on the scale of its output."""
    fused = option(operator, "fusedActivationFunction", FUSED.NONE)
    if fused not in BOUNDS:
        refuse(operator, f"with the fused activation {fused} has no reference")
    return bounds(*BOUNDS[fused], operator.output)


def to_int8(centred: I64, operator: ReferenceOperator) -> I8:
    """Values in quanta of the output, counted from real 0, as its int8 under the activation."""
    return clamp(centred + operator.output.zero_point, activation(operator))


def clamp(q: I64, limits: tuple[int, int] = (QMIN, QMAX)) -> I8:
    """The int8 values nearest to q within limits: the upper is taken first, as the kernels do."""
    result: I8 = np.maximum(np.minimum(q, limits[1]), limits[0]).astype(np.int8)
    return result


def centred(x: I8, tensor: ReferenceTensor) -> I64:
    """An int8 tensor's values in quanta counted from real 0, in [-255, 255]."""
    return x.astype(np.int64) - tensor.zero_point
