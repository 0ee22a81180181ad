"""Activations, of which the network joins some to the layer before them."""

import torch
import torch.nn.functional as F
from torch import Tensor

from quantization.operators.activation import FUSED_BOUNDS
from quantization.qat.registry import GridRule, NodeCall, Ratios, operator
from quantization.qat.rounding import Rounding
from quantization.qat.scaling import short


@operator("Identity", GridRule.SCALED, Rounding.UP)
def identity(_call: NodeCall, x: Tensor, ratios: Ratios | None = None) -> Tensor:
    """The value itself, which may get another scale."""
    return x if ratios is None else x * short(ratios[0])


@operator("Relu", GridRule.LINEAR)
def relu(_call: NodeCall, x: Tensor) -> Tensor:
    """``max(x, 0)``."""
    return F.relu(x)


@operator("Clip", GridRule.SCALED, Rounding.UP)
def clip(call: NodeCall, x: Tensor, ratios: Ratios | None = None) -> Tensor:
    """The value itself: the network cuts off at its bounds, as at those of any activation."""
    if ratios is None:
        return x
    # One that TFLite has an operator for is that; of any other the first part is QUANTIZE.
    return x * (ratios[0] if call.bounds in FUSED_BOUNDS else short(ratios[0]))


@operator("LeakyRelu", GridRule.SCALED, Rounding.UP)
def leaky_relu(call: NodeCall, x: Tensor, ratios: Ratios | None = None) -> Tensor:
    """``x``, or ``alpha x`` below 0."""
    alpha = call.node.real("alpha", 0.01)
    if ratios is None:
        return F.leaky_relu(x, alpha)
    return torch.where(x < 0, x * short(ratios[0], alpha), x * short(ratios[0]))


@operator("PRelu", GridRule.REAL, kernel="PRELU")
def prelu(_call: NodeCall, x: Tensor, slope: Tensor) -> Tensor:
    """``x``, or ``slope x`` below 0, with a slope that broadcasts."""
    return torch.where(x < 0, slope * x, x)


@operator("HardSwish", GridRule.REAL, kernel="HARD_SWISH")
def hard_swish(_call: NodeCall, x: Tensor) -> Tensor:
    """``x clip(x / 6 + 1 / 2, 0, 1)``."""
    return F.hardswish(x)


@operator("Sigmoid", GridRule.REAL)
def sigmoid(_call: NodeCall, x: Tensor) -> Tensor:
    """``1 / (1 + exp(-x))``."""
    return x.sigmoid()


@operator("Tanh", GridRule.REAL)
def tanh(_call: NodeCall, x: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return x.tanh()


@operator("Softmax", GridRule.REAL)
def softmax(call: NodeCall, x: Tensor) -> Tensor:
    """Shares that sum to 1 along an axis."""
    return x.softmax(call.node.integer("axis", -1))


@operator("LogSoftmax", GridRule.REAL)
def log_softmax(call: NodeCall, x: Tensor) -> Tensor:
    """The logarithm of the softmax."""
    return x.log_softmax(call.node.integer("axis", -1))
