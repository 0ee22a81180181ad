"""Sums and products of two values, either of which may be constant or broadcast."""

import torch
import torch.nn.functional as F
from torch import Tensor

from quantization.qat.registry import GridRule, NodeCall, Ratios, operator, refuse
from quantization.qat.rounding import Rounding
from quantization.qat.scaling import of_sum


@operator("Add", GridRule.SCALED, Rounding.UP)
def add(_call: NodeCall, a: Tensor, b: Tensor, ratios: Ratios | None = None) -> Tensor:
    """``a + b``."""
    if ratios is None:
        return a + b
    for_a, for_b = of_sum(*ratios)
    return a * for_a + b * for_b


@operator("Sub", GridRule.SCALED, Rounding.UP)
def sub(_call: NodeCall, a: Tensor, b: Tensor, ratios: Ratios | None = None) -> Tensor:
    """``a - b``."""
    if ratios is None:
        return a - b
    for_a, for_b = of_sum(*ratios)
    return a * for_a - b * for_b


@operator("Mul", GridRule.PRODUCT)
def mul(_call: NodeCall, a: Tensor, b: Tensor) -> Tensor:
    """``a b``."""
    return a * b


@operator("MatMul", GridRule.PRODUCT)
def matmul(_call: NodeCall, a: Tensor, b: Tensor) -> Tensor:
    """The product of matrices over the last two axes."""
    return torch.matmul(a, b)


@operator("Gemm", GridRule.PRODUCT)
def gemm(call: NodeCall, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """``x @ W.T + b`` with W (N, K): the one form that folding leaves."""
    if call.node.integer("transA", 0) or not call.node.integer("transB", 0):
        refuse(call.node, "with transA, or without transB, cannot be trained")
    return F.linear(x, weight, bias)
