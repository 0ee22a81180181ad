"""The statistics of batch norm, corrected where channels before them were removed.

A layer that lost some of its inputs answers with other means and variances than those its norm
was trained with. What the cut changed is measured on a batch, with and without it, and added:
the rest of the statistics stays that of the many pictures that they come from. Measuring them
anew on the pictures at hand would lose it (docs/log/transfer.md).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

# Keeps a channel that never varies from dividing by nothing.
_LEAST = 1e-8


def norms_of(module: nn.Module) -> list[_BatchNorm]:
    """The batch norms of a network, in their order."""
    return [layer for layer in module.modules() if isinstance(layer, _BatchNorm)]


class ChannelNumbers:
    """Which channels of each norm are left after a removal.

    While it is done the running means carry the channels' numbers; whatever removes channels
    removes these with them.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._means = [_mean(norm).clone() for norm in norms_of(module)]
        for norm in norms_of(module):
            _mean(norm).copy_(torch.arange(norm.num_features))

    def left(self) -> list[Tensor]:
        """(channels left,) int64 of each norm; the running means are themselves again."""
        left = [_mean(norm).long() for norm in norms_of(self._module)]
        for norm, means, numbers in zip(norms_of(self._module), self._means, left, strict=True):
            _mean(norm).copy_(means[numbers])
        return left


@torch.no_grad()
def correct_norms(smaller: nn.Module, whole: nn.Module, left: list[Tensor], inputs: Tensor) -> None:
    """Correct the norms of `smaller`, in place, by what it was cut down from.

    Args:
        smaller: the cut network, in evaluation mode.
        whole: the one before, likewise.
        left: which channels of each norm are left; see `ChannelNumbers`.
        inputs: (B, C, H, W), some images of the training.
    """
    before: list[tuple[Tensor, Tensor]] = []

    def note(_norm: nn.Module, given: tuple[Tensor]) -> None:
        before.append(_statistics(given[0]))

    _watched(whole, [note] * len(left), inputs)

    def correct(place: int) -> Callable[[nn.Module, tuple[Tensor]], None]:
        def change(norm: nn.Module, given: tuple[Tensor]) -> None:
            assert isinstance(norm, _BatchNorm), "only norms are watched"
            mean, variance = (of[left[place]] for of in before[place])
            new_mean, new_variance = _statistics(given[0])
            assert norm.running_var is not None, "a norm with statistics"
            _mean(norm).add_(new_mean - mean)
            norm.running_var.mul_((new_variance + _LEAST) / (variance + _LEAST))

        return change

    # Each norm is corrected before it answers, so those after it see what it will then give.
    _watched(smaller, [correct(place) for place in range(len(left))], inputs)


def _watched(
    module: nn.Module, watchers: list[Callable[[nn.Module, tuple[Tensor]], None]], inputs: Tensor
) -> None:
    hooks = [
        norm.register_forward_pre_hook(watcher)
        for norm, watcher in zip(norms_of(module), watchers, strict=True)
    ]
    try:
        module(inputs)
    finally:
        for hook in hooks:
            hook.remove()


def _statistics(values: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, ...) to the mean and the variance of each channel, (C,)."""
    axes = [0, *range(2, values.ndim)]
    return values.mean(axes), values.var(axes, correction=0)


def _mean(norm: _BatchNorm) -> Tensor:
    assert norm.running_mean is not None, "a norm with statistics"
    return norm.running_mean
