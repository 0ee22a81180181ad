"""`external_names`: for an architecture, the names that other libraries have for its tensors."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from edge_agent.bundle.manifest import InputSpec
from pipeline.models import ModelSpec, build
from pipeline.models.names import efficientnet_lite_pytorch, timm, torchvision
from pipeline.models.zoo import entry

# A counter that no inference looks at, and that not every file has.
COUNTER = "num_batches_tracked"
LIBRARIES: Mapping[str, Callable[[str], Iterator[str] | None]] = {
    "torchvision": torchvision.layers,
    "timm": timm.layers,
    "efficientnet-lite-pytorch": efficientnet_lite_pytorch.layers,
}


@dataclass(frozen=True)
class NameMap:
    """What one library calls the tensors of one network.

    Args:
        library: who.
        theirs: their name for each of ours. The classifier is missing where theirs is another
            one; no counters of norms are here.
    """

    library: str
    theirs: Mapping[str, str]


def external_names(arch: str) -> tuple[NameMap, ...]:
    """The names of each library that has the architecture `arch`; empty where none has.

    Raises:
        RecipeError: there is no such architecture in the zoo.
    """
    own = _own_layers(arch)
    maps = []
    for library, layers in LIBRARIES.items():
        theirs = layers(arch)
        if theirs is not None:
            maps.append(NameMap(library, dict(_tensors(own, [*theirs]))))
    return tuple(maps)


def _own_layers(arch: str) -> dict[str, list[str]]:
    """The tensors of each layer that has any, in the network's order."""
    known = entry(arch)
    spec = InputSpec(
        height=known.side, width=known.side, colour="rgb", mean=(0.0,) * 3, std=(1.0,) * 3
    )
    # Names need no values: on this device a network takes neither memory nor time.
    with torch.device("meta"):
        module = build(ModelSpec(arch=arch, classes=1000, input=spec))
    return {
        name: [own for own in layer.state_dict() if own != COUNTER]
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Conv2d | nn.BatchNorm2d | nn.Linear)
    }


def _tensors(own: Mapping[str, list[str]], theirs: list[str]) -> Iterator[tuple[str, str]]:
    """Each tensor of ours with theirs; only the classifier, the last layer, may be missing."""
    if not len(own) - 1 <= len(theirs) <= len(own):
        raise AssertionError(f"expected names of {len(own)} layers, found {len(theirs)}")
    for (layer, tensors), other in zip(own.items(), theirs, strict=False):
        for tensor in tensors:
            yield f"{layer}.{tensor}", f"{other}.{tensor}"
