"""What a channel is worth by how much the answers of the layers after it would vary without it.

A channel that is nearly the same for every picture can go where the norm after it is corrected for
its mean (`pipeline.pruning.norms`): what is lost is its variance times the squared weights that
take it in. No label has a part in it. Taylor's estimate needs the gradients of the loss, and of a
network that has all its pictures right these say little.
"""

import torch
import torch_pruning as tp
from torch import Tensor, nn

from pipeline.pruning.channel_groups import Importance, is_depthwise


@torch.no_grad()
def variation(module: nn.Module, inputs: Tensor) -> Importance:
    """The measure for the groups of `module`, from its activations on a batch.

    Args:
        module: in evaluation mode; the layers of its groups are looked up by identity.
        inputs: (B, C, H, W), some images of the training.
    """
    variances: dict[nn.Module, Tensor] = {}

    def note(layer: nn.Module, given: tuple[Tensor]) -> None:
        axes = [0, *range(2, given[0].ndim)]
        variances[layer] = given[0].var(axes, correction=0)

    layers = [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    try:
        module(inputs)
    finally:
        for hook in hooks:
            hook.remove()

    def worth(group: "tp.Group") -> Tensor:
        """(channels,): the sum over the layers that take them in; a depthwise one hands on."""
        channels = len(group[0].idxs)
        total = torch.zeros(channels)
        for dependency, places in group:
            layer, removes = dependency.target.module, dependency.handler.__name__
            if not isinstance(layer, nn.Conv2d | nn.Linear) or is_depthwise(layer):
                continue
            if layer in variances and "in_channels" in removes:
                each = (variances[layer] * _squares(layer))[places]
                total += each.view(channels, -1).sum(dim=1)
        return total

    return worth


def _squares(layer: nn.Conv2d | nn.Linear) -> Tensor:
    """(inputs,): the squared weights by which a layer takes each of its inputs in."""
    squares = layer.weight.detach().square()  # (outputs, inputs / groups, ...)
    by_input = squares.flatten(2).sum(dim=2) if squares.ndim > 2 else squares
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    return by_input.view(groups, -1, by_input.shape[1]).sum(dim=1).flatten()
