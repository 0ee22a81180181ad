"""Which channels of a network live and die together, and what each is worth.

A residual sum ties the outputs of several layers to one another and to the inputs of the
next; where layers stand side by side, each is a part of the inputs of the next. torch-pruning's
dependency graph finds these groups from one traced pass.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import torch
import torch_pruning as tp
from torch import Tensor, nn

from edge_agent.bundle.manifest import InputSpec
from pipeline.models.layers import fixed_outputs
from pipeline.models.macs import layer_macs
from pipeline.training.transfer.blocks import blocks_of

Importance: TypeAlias = Callable[["tp.Group"], Tensor]
"""torch-pruning's measure: a group to the (channels,) worth of its channels."""


@dataclass(frozen=True, eq=False)
class ChannelGroup:
    """Channels that can only be removed together.

    Args:
        root: the convolution or dense layer that torch-pruning starts the group from.
        worth: (channels,) how much each channel matters; only the order and the relative
            size within one network mean anything.
        outputs: module paths of the layers whose outputs these channels are, and which share
            of that layer's outputs.
        inputs: the same of the layers they are inputs of.
    """

    root: nn.Module
    worth: Tensor
    outputs: Mapping[str, Fraction]
    inputs: Mapping[str, Fraction]

    @property
    def channels(self) -> int:
        """How many there are."""
        return len(self.worth)


class ChannelGroups:
    """The groups of one network, and the means to remove channels from it in place.

    Args:
        module: the network; it is changed.
        spec: its input.
        importance: what channels are worth.
        inner: leaves out the groups whose channels are seen outside of one block.
    """

    def __init__(
        self, module: nn.Module, spec: InputSpec, importance: Importance, inner: bool = False
    ) -> None:
        example = torch.zeros(1, spec.channels, spec.height, spec.width)
        self._graph = tp.DependencyGraph().build_dependency(module, example, verbose=False)
        self._names = {layer: name for name, layer in module.named_modules()}
        self._blocks = {
            layer: place
            for place, block in enumerate(blocks_of(module))
            for layer in block.modules()
        }
        # The outputs of the layer that is computed last are the classes: never pruned.
        last = [module.get_submodule(name) for name in [*layer_macs(module, spec)][-1:]]
        fixed = [layer for m in module.modules() for layer in fixed_outputs(m)]
        found = self._graph.get_all_groups(ignored_layers=[*last, *fixed])
        self.groups = tuple(
            self._group(group, importance) for group in found if not inner or self._is_inner(group)
        )

    def _group(self, group: "tp.Group", importance: Importance) -> ChannelGroup:
        outputs: dict[str, Fraction] = {}
        inputs: dict[str, Fraction] = {}
        for dependency, channels in group:
            layer = dependency.target.module
            if isinstance(layer, nn.Conv2d | nn.Linear):
                grows = self._graph.is_out_channel_pruning_fn(dependency.handler)
                side, all_of_them = (
                    (outputs, _outputs(layer)) if grows else (inputs, _inputs(layer))
                )
                name = self._names[layer]
                side[name] = side.get(name, Fraction(0)) + Fraction(len(channels), all_of_them)
        root = group[0].dep.target.module
        return ChannelGroup(root, importance(group), outputs, inputs)

    def _is_inner(self, group: "tp.Group") -> bool:
        """Whether one layer gives these channels, to layers of its own block alone.

        A depthwise layer gives none: it hands them on.
        """
        givers, blocks = set(), set()
        for dependency, _ in group:
            layer = dependency.target.module
            if isinstance(layer, nn.Conv2d | nn.Linear):
                blocks.add(self._blocks.get(layer))
                grows = self._graph.is_out_channel_pruning_fn(dependency.handler)
                if grows and not is_depthwise(layer):
                    givers.add(layer)
        return len(givers) == 1 and len(blocks) == 1

    def remove(self, group: ChannelGroup, keep: int) -> None:
        """Remove all but the `keep` worthiest channels of `group` from the network."""
        worst = group.worth.argsort(stable=True)[: group.channels - keep]
        if len(worst):
            dense = isinstance(group.root, nn.Linear)
            prune = tp.prune_linear_out_channels if dense else tp.prune_conv_out_channels
            self._graph.get_pruning_group(group.root, prune, sorted(worst.tolist())).prune()


def _outputs(layer: nn.Conv2d | nn.Linear) -> int:
    return layer.out_channels if isinstance(layer, nn.Conv2d) else layer.out_features


def _inputs(layer: nn.Conv2d | nn.Linear) -> int:
    return layer.in_channels if isinstance(layer, nn.Conv2d) else layer.in_features


def is_depthwise(layer: nn.Module) -> bool:
    """Whether each of its outputs comes of one input alone, and there is one for each."""
    return isinstance(layer, nn.Conv2d) and 1 < layer.groups == layer.out_channels
