"""`Ema`: the exponential moving average of a network's weights while it trains."""

import copy

import torch
from torch import Tensor, nn


class Ema:
    """A shadow of `module` whose weights trail behind, averaged.

    The decay warms up as ``min(decay, (1 + t) / (10 + t))`` after `t` updates, so that a
    short run is not averaged with its random start. The running statistics of batch norm
    are averaged with the same decay as the weights they belong to; counters are copied.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.updates = 0
        self._decay = decay
        self._shadow = _values(self.module)
        self._counters = _counters(self.module)

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move the average one step towards `module`, which has the same layers."""
        self.updates += 1
        decay = min(self._decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self._shadow, _values(module), 1 - decay)
        if self._counters:  # a network without batch norm has none
            torch._foreach_copy_(self._counters, _counters(module))


def _values(module: nn.Module) -> list[Tensor]:
    return [t.detach() for t in module.state_dict().values() if t.is_floating_point()]


def _counters(module: nn.Module) -> list[Tensor]:
    return [t for t in module.state_dict().values() if not t.is_floating_point()]
