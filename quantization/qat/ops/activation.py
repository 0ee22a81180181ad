"""Activations, of which the network joins some to the layer before them."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from quantization.qat.registry import Call, Grid, operator


@operator("Identity", Grid.LINEAR)
def identity(_call: Call, x: Tensor) -> Tensor:
    """The value itself, which may get another scale."""
    return x


@operator("Relu", Grid.LINEAR)
def relu(_call: Call, x: Tensor) -> Tensor:
    """``max(x, 0)``."""
    return F.relu(x)


@operator("Clip", Grid.REAL)
def clip(call: Call, x: Tensor) -> Tensor:
    """``min(max(x, low), high)``."""
    low, high = (call.parameter(i) for i in (1, 2))
    return x.clamp(
        -np.inf if low is None else float(low.item()),
        np.inf if high is None else float(high.item()),
    )


@operator("LeakyRelu", Grid.LINEAR)
def leaky_relu(call: Call, x: Tensor) -> Tensor:
    """``x``, or ``alpha x`` below 0."""
    return F.leaky_relu(x, call.node.real("alpha", 0.01))


@operator("PRelu", Grid.REAL)
def prelu(_call: Call, x: Tensor, slope: Tensor) -> Tensor:
    """``x``, or ``slope x`` below 0, with a slope that broadcasts."""
    return torch.where(x < 0, slope * x, x)


@operator("HardSwish", Grid.REAL)
def hard_swish(_call: Call, x: Tensor) -> Tensor:
    """``x clip(x / 6 + 1 / 2, 0, 1)``."""
    return F.hardswish(x)


@operator("Sigmoid", Grid.REAL)
def sigmoid(_call: Call, x: Tensor) -> Tensor:
    """``1 / (1 + exp(-x))``."""
    return x.sigmoid()


@operator("Tanh", Grid.REAL)
def tanh(_call: Call, x: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return x.tanh()


@operator("Softmax", Grid.REAL)
def softmax(call: Call, x: Tensor) -> Tensor:
    """Shares that sum to 1 along an axis."""
    return x.softmax(call.node.integer("axis", -1))


@operator("LogSoftmax", Grid.REAL)
def log_softmax(call: Call, x: Tensor) -> Tensor:
    """The logarithm of the softmax."""
    return x.log_softmax(call.node.integer("axis", -1))
