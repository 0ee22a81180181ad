"""Rounding to the int8 grid, and what gradient goes through it.

Rounding has no gradient of use, so it passes on what it gets (the straight-through estimator,
Bengio et al., arXiv:1308.3432). What saturates passes nothing on; its gradient belongs to the
end of the range that it was cut at (PACT, Choi et al., arXiv:1805.06085).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from edge_agent.bundle.affine import QMAX, QMIN, Affine

# What rounds to an int8 value lies up to this many quanta beyond the ends of the range.
HALF = 0.5
NO_BOUNDS = (-np.inf, np.inf)


class Rounding(Enum):
    """Where a kernel's halves go; measured on LiteRT 2.3, over all int8 values of its inputs."""

    EVEN = "even"  # to the even neighbour: XNNPACK scales sums in float32
    UP = "up"  # upwards: XNNPACK adds a half and shifts
    AWAY = "away"  # away from an int8 value of 0: the older kernels divide in integers


@dataclass(frozen=True)
class Cut:
    """Where values in quanta, counted from real 0, are cut off.

    Args:
        low, high: the integers that are left at the ends.
        passing: the open interval whose values pass their gradient on.
        range_low, range_high: whether an end is that of the range, and not of an activation.
        zero_point: the int8 value of real 0.
    """

    low: float
    high: float
    passing: tuple[float, float]
    range_low: bool
    range_high: bool
    zero_point: int

    @classmethod
    def of(cls, affine: Affine, bounds: tuple[float, float] = NO_BOUNDS) -> Self:
        """The cut by int8 and by an activation with real bounds, whichever is narrower."""
        lowest, highest = QMIN - affine.zero_point, QMAX - affine.zero_point
        low, high = (bound / affine.scale for bound in bounds)  # quanta
        range_low, range_high = bool(np.rint(low) < lowest), bool(np.rint(high) > highest)
        return cls(
            low=lowest if range_low else float(np.rint(low)),
            high=highest if range_high else float(np.rint(high)),
            passing=(lowest - HALF if range_low else low, highest + HALF if range_high else high),
            range_low=range_low,
            range_high=range_high,
            zero_point=affine.zero_point,
        )


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class _Saturated(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, low: Tensor | None, high: Tensor | None, cut: Cut, rounding: Rounding
    ) -> Tensor:
        ctx.save_for_backward(x)
        ctx.cut = cut
        return _integers(x, rounding, cut.zero_point).clamp_(cut.low, cut.high)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (x,), cut, gradient = ctx.saved_tensors, ctx.cut, gradients[0]
        _, needs_low, needs_high, *_ = ctx.needs_input_grad
        # ATen's own backward functions mask in one pass, and here all into one new tensor:
        # memory is what this costs.
        aten, (below, above) = torch.ops.aten, cut.passing
        result = torch.empty_like(gradient)
        # An end collects from every element of a sample: without this the larger a map, the
        # further a step would move its range (as in LSQ, Esser et al., arXiv:1902.08153).
        share = ((x.shape[0] if x.ndim else 1) / x.numel()) ** 0.5
        low = high = None
        if needs_low:
            aten.threshold_backward.grad_input(gradient, x, below, grad_input=result)
            low = torch.sub(gradient, result, out=result).sum() * (cut.low * share)
        if needs_high:
            aten.threshold_backward.grad_input(gradient, x, above, grad_input=result)
            high = result.sum() * (cut.high * share)
        aten.hardtanh_backward.grad_input(gradient, x, below, above, grad_input=result)
        return result, low, high, None, None


def rounded(x: Tensor) -> Tensor:
    """The nearest integers, halves to even; the gradient passes."""
    apply: Callable[[Tensor], Tensor] = _Rounded.apply
    return apply(x)


def saturated(
    x: Tensor,
    cut: Cut,
    low: Tensor | None = None,
    high: Tensor | None = None,
    rounding: Rounding = Rounding.EVEN,
) -> Tensor:
    """The nearest integers within a cut.

    Args:
        x: in quanta, counted from real 0.
        cut: the ends.
        low: if given, the logarithm of the size of the range's low end, a scalar, which gets
            the gradient of what is cut off there.
        high: the same for its high end.
        rounding: of halves.
    """
    low = low if cut.range_low else None
    high = high if cut.range_high else None
    apply: Callable[..., Tensor] = _Saturated.apply
    return apply(x, low, high, cut, rounding)


def _integers(x: Tensor, rounding: Rounding, zero_point: int) -> Tensor:
    """The nearest integers, as a new tensor."""
    if rounding is Rounding.EVEN:
        return x.round()
    if rounding is Rounding.UP:
        return (x + HALF).floor_()
    q = x + zero_point
    return (q + q.sign() * HALF).trunc_() - zero_point
