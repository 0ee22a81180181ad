"""Sums into a finer scale than kernels can give: refused from the very bound on.

The bound's own function, with numbers: no file is made and no runtime is involved.
"""

import numpy as np
import pytest

from quantization.errors import UnsupportedOperatorError
from quantization.graph.graph import Node
from quantization.lower.graph import INT8, Operation, Quantization, TypedTensor
from quantization.lower.ops import arithmetic
from quantization.lower.ops.arithmetic import COMMON_STEPS

JUST_ABOVE = 1 + 2**-20


def of(scale: float | None) -> TypedTensor:
    if scale is None:
        return TypedTensor("indices", (1,), INT8)
    quantization = Quantization(np.array([scale], np.float32), np.zeros(1, np.int64))
    return TypedTensor("value", (1,), INT8, quantization)


def refused(a: float | None, b: float | None, y: float | None, *, lacks: bool = False) -> bool:
    node = Node("Add", "sum", ("a", "b"), ("y",), {})
    operation = Operation(node, (None if lacks else of(a), of(b)), (None, None), of(y))
    try:
        arithmetic._check_scales(operation)
    except UnsupportedOperatorError:
        return True
    return False


@pytest.mark.parametrize("order", [1, -1])
def test_twice_the_larger_scale_over_2_to_the_20th_is_too_fine(order: int) -> None:
    """At that bound and below it there is no kernel; just above it there is, and at the half."""
    larger, smaller = (3.0, 0.25)[::order]
    bound = 2 * 3.0 / COMMON_STEPS
    assert refused(larger, smaller, bound)
    assert refused(larger, smaller, bound / 2)
    assert refused(larger, smaller, bound / 2 * JUST_ABOVE)
    assert not refused(larger, smaller, bound * JUST_ABOVE)


def test_what_has_no_scale_has_no_bound() -> None:
    """Must not fire in float, nor over an operand that has none."""
    assert not refused(3.0, 3.0, None)
    assert not refused(None, None, 1e-9)
    assert refused(None, 3.0, 2 * 3.0 / COMMON_STEPS)
    assert refused(None, 3.0, 2 * 3.0 / COMMON_STEPS, lacks=True)
