"""The networks: NCHW float32, already normalised, to logits (N, classes) or (N, T, classes).

Each that classifies is an `nn.Sequential` whose last element is the classifier (pool,
flatten, linear), so that `net[:-1]` gives the last feature maps; the readers of text answer
at T time steps. `build` is the only door. To add an architecture: write its file, name it in
`recipe.Arch` or `recipe.TextArch` and in `_construct`.
"""

from typing import assert_never

from torch import nn

from pipeline.arch import in_zoo
from pipeline.common.errors import RecipeError
from pipeline.models.ctc_small import check_line, ctc_small
from pipeline.models.ds_cnn import ds_cnn
from pipeline.models.layers import initialise
from pipeline.models.mobilenet_v2 import mobilenet_v2
from pipeline.models.resnet8 import resnet8
from pipeline.models.resnet_cifar import resnet_cifar
from pipeline.models.shapes import apply_shapes
from pipeline.models.spec import LayerShape, ModelSpec
from pipeline.models.vgg_tiny import vgg_tiny

__all__ = ["SMALLEST_SIDE", "LayerShape", "ModelSpec", "build"]

# Below it the three halvings of `vgg_tiny` would leave no pixel at all.
SMALLEST_SIDE = 8


def build(spec: ModelSpec) -> nn.Module:
    """The network of `spec`, freshly initialised from torch's global generator.

    Returns:
        A module from (N, C, H, W) float32 to logits (N, spec.classes), or (N, T, spec.classes)
        for a reader of text. For a pruned `spec` the layers have its shapes, to be filled by a
        state dict.

    Raises:
        RecipeError: the input is smaller than any of these networks can look at, or not of
            the height and width that a reader of text takes.
        RunError: `spec.shapes` does not fit the architecture.
    """
    side = min(spec.input.height, spec.input.width)
    if side < SMALLEST_SIDE:
        raise RecipeError(
            f"input: expected at least {SMALLEST_SIDE} by {SMALLEST_SIDE} pixels for "
            f"{spec.arch}, found {spec.input.height} by {spec.input.width}"
        )
    module = _construct(spec)
    if spec.shapes is not None:
        apply_shapes(module, spec.shapes)
    initialise(module)
    return module


def _construct(spec: ModelSpec) -> nn.Module:
    classes, channels, width = spec.classes, spec.input.channels, spec.width
    height_width = (spec.input.height, spec.input.width)
    arch = spec.arch
    if not in_zoo(arch):
        raise RecipeError(f"arch: networks of one's own cannot be built yet, found {arch!r}")
    match arch:
        case "resnet8":
            return resnet8(classes, channels, width)
        case "resnet20":
            return resnet_cifar(3, classes, channels, width)
        case "resnet56":
            return resnet_cifar(9, classes, channels, width)
        case "mobilenet_v2":
            return mobilenet_v2(classes, channels, width, min(height_width))
        case "ds_cnn":
            return ds_cnn(classes, channels, width, height_width)
        case "vgg_tiny":
            return vgg_tiny(classes, channels, width)
        case "ctc_small":
            check_line(spec.input)
            return ctc_small(classes, channels, width)
        case _:
            assert_never(arch)
