"""Rounding to the int8 grid, and what gradient goes through it.

Rounding has no gradient of use, so it passes on what it gets (the straight-through estimator,
Bengio et al., arXiv:1308.3432). What saturates passes nothing on; its gradient belongs to the
end of the range that it was cut at (PACT, Choi et al., arXiv:1805.06085). Of the rest, both ends
get the rounding errors, which grow with the quantum between them (LSQ, Esser et al.,
arXiv:1902.08153): without these a range that nothing exceeds would never be drawn in.
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
LEVELS = QMAX - QMIN  # quanta from end to end
# An end is one number: so many values of a batch tell its gradient, and more cost time.
SEEN = 2**16
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


class _Round(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class _Saturate(torch.autograd.Function):
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
        # ATen's own backward of clamp masks in one pass, and memory is what this costs.
        passed = torch.ops.aten.hardtanh_backward(gradient, x, *cut.passing)
        low = high = None
        if needs_low or needs_high:
            for_low, for_high = _of_ends(x, gradient, passed, cut)
            low, high = for_low if needs_low else None, for_high if needs_high else None
        return passed, low, high, None, None


def _of_ends(x: Tensor, gradient: Tensor, passed: Tensor, cut: Cut) -> tuple[Tensor, Tensor]:
    """The gradients of the logarithms of the ends' sizes, from the first samples of a batch."""
    samples = x.shape[0] if x.ndim else 1
    values = x.numel() // samples
    seen = slice(min(max(SEEN // values, 1), samples)) if x.ndim else ...
    x, gradient, passed = x[seen], gradient[seen], passed[seen]
    below, above = cut.passing
    masked = torch.ops.aten.threshold_backward(gradient, x, above)
    high = masked.sum() * cut.high
    torch.ops.aten.threshold_backward.grad_input(gradient, x, below, grad_input=masked)
    low = torch.sub(gradient, masked, out=masked).sum() * cut.low
    # What a larger quantum would add to what is not cut off: its rounding errors.
    errors = torch.sub(x.round(), x, out=masked).mul_(passed).sum() / LEVELS
    # An end collects from every element of a sample: without the root, the larger a map, the
    # further a step would move its range.
    weight = values**0.5 * samples / x.numel()
    return (low - errors * cut.low) * weight, (high + errors * cut.high) * weight


def rounded(x: Tensor) -> Tensor:
    """The nearest integers, halves to even; the gradient passes."""
    apply: Callable[[Tensor], Tensor] = _Round.apply
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
            a gradient unless an activation cuts off before it.
        high: the same for its high end.
        rounding: of halves.
    """
    low = low if cut.range_low else None
    high = high if cut.range_high else None
    apply: Callable[..., Tensor] = _Saturate.apply
    return apply(x, low, high, cut, rounding)


def _integers(x: Tensor, rounding: Rounding, zero_point: int) -> Tensor:
    """The nearest integers, as a new tensor."""
    if rounding is Rounding.EVEN:
        return x.round()
    if rounding is Rounding.UP:
        return (x + HALF).floor_()
    q = x + zero_point
    return (q + q.sign() * HALF).trunc_() - zero_point
