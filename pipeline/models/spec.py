"""`ModelSpec`: a network as data, from which `build` makes the module again."""

from typing import Annotated, Any, TypeAlias

import msgspec

from edge_agent.bundle.manifest import InputSpec
from pipeline.arch import ZOO_NAMES, check_arch

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]


class LayerShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The channels of one convolution, norm or linear layer after pruning.

    A norm has as many inputs as outputs; only convolutions have more than one group.
    """

    inputs: Count
    outputs: Count
    groups: Count = 1


class OwnSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a network of a user's own is made from.

    Args:
        path: the folder that its module is imported from, or its ONNX file.
        sha256: of its code, or of the file.
        options: what its class is called with beside the number of classes.
    """

    path: str
    sha256: str
    options: dict[str, Any] = msgspec.field(default_factory=dict)


class ModelSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which network this is.

    Args:
        arch: the architecture's name, or a network of one's own: see `pipeline.arch`.
        classes: number of outputs: one logit for each class; of a network that reads text, at each
            time step; of one that gives numbers, one for each.
        input: what the network sees; its channels, height and width.
        width: the architecture's width multiplier.
        blocks: how many of the architecture's blocks there are, from the input on; None has all.
        shapes: for a pruned network, the channels of each layer by its module path;
            None while every layer is as the architecture made it.
        own: of a network of one's own, what it is made from.
    """

    arch: str
    classes: Count
    input: InputSpec
    width: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    blocks: Count | None = None
    shapes: dict[str, LayerShape] | None = None
    own: OwnSource | None = None

    def __post_init__(self) -> None:
        check_arch(self.arch, ZOO_NAMES)
