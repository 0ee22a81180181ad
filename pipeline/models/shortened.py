"""The first blocks of a network as a network of its own: what is small enough, and still trained.

The last blocks have most of the parameters. Where the pictures are small or the question is
simple, what the blocks before them see is enough, and their trained weights stay as they are.
"""

from torch import nn

from pipeline.common.errors import RecipeError
from pipeline.models.layers import classifier
from pipeline.models.spec import ModelSpec


def first_blocks(module: nn.Module, blocks: int, spec: ModelSpec) -> nn.Sequential:
    """The stem of `module`, that many of its blocks, and a classifier of their last maps.

    The names of their tensors are those that they have in the whole network.

    Raises:
        RecipeError: it is not made of a stem and a row of blocks, or of no more than these.
    """
    row = module[1] if isinstance(module, nn.Sequential) and len(module) > 2 else None
    if not isinstance(row, nn.Sequential):
        raise RecipeError(
            f"model.blocks: expected a network of a stem and a row of blocks, found {spec.arch}"
        )
    if blocks >= len(row):
        raise RecipeError(
            f"model.blocks: expected at most {len(row) - 1} of {spec.arch}'s {len(row)}, "
            f"found {blocks}"
        )
    assert isinstance(module, nn.Sequential), "its second element was looked at"
    kept = row[:blocks]
    maps = [layer for layer in kept.modules() if isinstance(layer, nn.Conv2d)][-1].out_channels
    return nn.Sequential(module[0], kept, classifier(maps, spec.classes))
