"""The case of each architecture, and what all of them have in common when they are made."""

from typing import assert_never

from torch import nn

from pipeline.arch import ModuleArch, OwnArch, in_zoo, own_arch
from pipeline.common.errors import RecipeError, RunError
from pipeline.models.branched.googlenet import googlenet
from pipeline.models.branched.shufflenet_v2 import X0_5, X1_0, shufflenet_v2
from pipeline.models.branched.squeezenet import squeezenet1_1
from pipeline.models.layers import initialise
from pipeline.models.own.load_class import module_network
from pipeline.models.own.onnx_network import onnx_network
from pipeline.models.residual.resnet import RESNET18, RESNET34, resnet
from pipeline.models.residual.resnet8 import resnet8
from pipeline.models.residual.resnet_cifar import resnet_cifar
from pipeline.models.separable.ds_cnn import ds_cnn
from pipeline.models.separable.efficientnet_lite import efficientnet_lite0
from pipeline.models.separable.mobilenet_v1 import mobilenet_v1
from pipeline.models.separable.mobilenet_v2 import mobilenet_v2
from pipeline.models.separable.mobilenet_v3 import mobilenet_v3_small_minimal
from pipeline.models.separable.mobilenet_v4 import mobilenet_v4_conv_small
from pipeline.models.shapes import apply_shapes
from pipeline.models.shortened import first_blocks
from pipeline.models.spec import ModelSpec
from pipeline.models.stacked.lenet import lenet5
from pipeline.models.stacked.vgg import VGG11, VGG16, vgg
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
    own = own_arch(spec.arch)
    module = _construct(spec) if own is None else _of_ones_own(own, spec)
    if spec.blocks is not None:
        module = first_blocks(module, spec.blocks, spec)
    if spec.shapes is not None:
        apply_shapes(module, spec.shapes)
    if own is None:
        initialise(module)  # one of one's own begins as its code or its file has it
    return module


def _of_ones_own(own: OwnArch, spec: ModelSpec) -> nn.Module:
    if spec.own is None:
        raise RunError(f"model.arch: {spec.arch}: expected to know where it is, found nothing")
    if isinstance(own, ModuleArch):
        return module_network(own, spec, spec.own)
    return onnx_network(spec, spec.own)


def _construct(spec: ModelSpec) -> nn.Module:
    classes, channels, width = spec.classes, spec.input.channels, spec.width
    height_width = (spec.input.height, spec.input.width)
    side = min(height_width)
    arch = spec.arch
    assert in_zoo(arch), "a spec names one of ours or one of one's own"
    match arch:
        case "resnet8":
            return resnet8(classes, channels, width)
        case "resnet20":
            return resnet_cifar(3, classes, channels, width)
        case "resnet56":
            return resnet_cifar(9, classes, channels, width)
        case "resnet18":
            return resnet(RESNET18, classes, channels, width, side)
        case "resnet34":
            return resnet(RESNET34, classes, channels, width, side)
        case "googlenet":
            return googlenet(classes, channels, width, side)
        case "squeezenet1_1":
            return squeezenet1_1(classes, channels, width, side)
        case "shufflenet_v2_x0_5":
            return shufflenet_v2(X0_5, classes, channels, width, side)
        case "shufflenet_v2_x1_0":
            return shufflenet_v2(X1_0, classes, channels, width, side)
        case "mobilenet_v1":
            return mobilenet_v1(classes, channels, width, side)
        case "mobilenet_v3_small_minimal":
            return mobilenet_v3_small_minimal(classes, channels, width, side)
        case "mobilenet_v4_conv_small":
            return mobilenet_v4_conv_small(classes, channels, width, side)
        case "mobilenet_v2":
            return mobilenet_v2(classes, channels, width, side)
        case "efficientnet_lite0":
            return efficientnet_lite0(classes, channels, width, side)
        case "ds_cnn":
            return ds_cnn(classes, channels, width, height_width)
        case "lenet5":
            return lenet5(classes, channels, width, height_width)
        case "vgg11":
            return vgg(VGG11, classes, channels, width)
        case "vgg16_slim":
            return vgg(VGG16, classes, channels, width)
        case "vgg_tiny":
            return vgg_tiny(classes, channels, width)
        case "ctc_small":
            check_line(spec.input)
            return ctc_small(classes, channels, width)
        case _:
            assert_never(arch)
