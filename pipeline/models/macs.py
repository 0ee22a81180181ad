"""What a network costs: multiply-accumulates of one inference, and parameters.

Counted as the published figures are: convolutions and linear layers only. Norms fold into
the convolution before them, and additions, pools and activations multiply nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edge_agent.bundle.manifest import InputSpec


@dataclass(frozen=True)
class Cost:
    """What one inference takes.

    Args:
        macs: multiply-accumulates for a batch of one.
        parameters: trained values; running statistics of norms are not among them.
    """

    macs: int
    parameters: int


def cost(module: nn.Module, spec: InputSpec) -> Cost:
    """The cost of `module` on the input of `spec`."""
    parameters = sum(p.numel() for p in module.parameters())
    return Cost(sum(layer_macs(module, spec).values()), parameters)


def layer_macs(module: nn.Module, spec: InputSpec) -> dict[str, int]:
    """Multiply-accumulates of each convolution and linear layer, by module path.

    Runs one black image through the network, on the CPU and in evaluation mode; the
    module's own mode is put back.
    """
    found: dict[str, int] = {}
    layers = [(n, m) for n, m in module.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(_counter(found, name)) for name, layer in layers]
    training = module.training
    try:
        with torch.no_grad():
            module.eval()(torch.zeros(1, spec.channels, spec.height, spec.width))
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    return found


def _counter(found: dict[str, int], name: str) -> Callable[[nn.Module, Any, Tensor], None]:
    """A forward hook that adds the multiply-accumulates of layer `name` to `found`."""

    def count(layer: nn.Module, _inputs: Any, output: Tensor) -> None:
        # Each output value is one dot product over the weights of one output channel.
        dot = layer.get_parameter("weight")[0].numel()
        found[name] = found.get(name, 0) + output.numel() * dot

    return count
