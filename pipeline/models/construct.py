"""The case of each architecture, and what all of them have in common when they are made."""

from typing import assert_never

from torch import nn

from pipeline.arch import in_zoo
from pipeline.common.errors import RecipeError
from pipeline.models.layers import initialise
from pipeline.models.residual.resnet8 import resnet8
from pipeline.models.residual.resnet_cifar import resnet_cifar
from pipeline.models.separable.ds_cnn import ds_cnn
from pipeline.models.separable.efficientnet_lite import efficientnet_lite0
from pipeline.models.separable.mobilenet_v2 import mobilenet_v2
from pipeline.models.shapes import apply_shapes
from pipeline.models.spec import ModelSpec
from pipeline.models.stacked.vgg_tiny import vgg_tiny
from pipeline.models.text.ctc_small import check_line, ctc_small

# Below it the three halvings of `vgg_tiny` would leave no pixel at all.
SMALLEST_SIDE = 8


def construct(spec: ModelSpec) -> nn.Module:
    """See `pipeline.models.build`."""
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
        case "efficientnet_lite0":
            return efficientnet_lite0(classes, channels, width, min(height_width))
        case "ds_cnn":
            return ds_cnn(classes, channels, width, height_width)
        case "vgg_tiny":
            return vgg_tiny(classes, channels, width)
        case "ctc_small":
            check_line(spec.input)
            return ctc_small(classes, channels, width)
        case _:
            assert_never(arch)
