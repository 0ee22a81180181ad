"""The parts of a network by depth, and its classifier: what learns at which rate."""

from collections.abc import Iterator

from torch import nn

from pipeline.common.errors import TrainError
from pipeline.recipe import TrainRecipe


def classifier_of(module: nn.Module) -> nn.Linear:
    """The linear layer that a network ends in.

    Raises:
        TrainError: its last layer with parameters is another one.
    """
    layers = [layer for layer in module.modules() if next(layer.parameters(recurse=False), None)
              is not None]  # fmt: skip
    if not layers or not isinstance(layers[-1], nn.Linear):
        found = type(layers[-1]).__name__ if layers else "no layer with parameters"
        raise TrainError(
            "train: expected a network that ends in a linear layer, whose inputs are its "
            f"features, found {found}; leave head_epochs and backbone_lr out"
        )
    return layers[-1]


def rate_shares(module: nn.Module, recipe: TrainRecipe) -> dict[str, float]:
    """What share of the learning rate each parameter has, by its name, in [0, 1].

    The classifier has all of it, the block before it `backbone_lr`, and every block further
    towards the input `layer_decay` times the share of the one after it.

    Raises:
        TrainError: see `classifier_of`.
    """
    head = {id(parameter) for parameter in classifier_of(module).parameters()}
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    groups = [
        [names[id(parameter)] for parameter in block.parameters() if id(parameter) not in head]
        for block in blocks_of(module)
    ]
    shares = dict.fromkeys(names.values(), 1.0)
    share = recipe.backbone_lr
    for group in reversed([group for group in groups if group]):
        shares |= dict.fromkeys(group, share)
        share *= recipe.layer_decay
    return shares


def blocks_of(module: nn.Module) -> Iterator[nn.Module]:
    """The parts of a network in their order: its children, of a row of blocks these."""
    for child in module.children():
        if isinstance(child, nn.Sequential) and _is_row(child):
            yield from child.children()
        else:
            yield child


def _is_row(child: nn.Sequential) -> bool:
    """Whether its elements are made of layers, so not a convolution with its batch norm."""
    return all(next(element.children(), None) is not None for element in child)


def set_norm_momentum(module: nn.Module, momentum: float) -> None:
    """How fast the running statistics of batch norm follow; 0 leaves them as they are."""
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.momentum = momentum
            if momentum == 0:
                layer.eval()
