"""The architectures against the published counts, and on the inputs they promise to take."""

from typing import get_args

import pytest
import torch
from torch import nn

from edge_agent.bundle.manifest import InputSpec
from pipeline.common.errors import RecipeError, RunError
from pipeline.models import LayerShape, ModelSpec, build
from pipeline.models.layers import SameConv2d, same_padding, scaled
from pipeline.models.macs import cost, layer_macs
from pipeline.models.shapes import read_shapes
from pipeline.recipe import Arch

ARCHS: tuple[Arch, ...] = get_args(Arch)


def input_spec(height: int, width: int, channels: int) -> InputSpec:
    """An input of that size which leaves pixels in [0, 1]."""
    return InputSpec(
        height=height,
        width=width,
        colour="rgb" if channels == 3 else "gray",
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
    )


def network(
    arch: Arch, classes: int, height: int, width: int, channels: int, multiplier: float = 1.0
) -> nn.Module:
    """A network of that architecture for inputs of that size."""
    spec = input_spec(height, width, channels)
    return build(ModelSpec(arch=arch, classes=classes, input=spec, width=multiplier))


def keras_total(module: nn.Module) -> int:
    """What Keras would count: running statistics too, and a bias before every norm."""
    norms = sum(m.num_features for m in module.modules() if isinstance(m, nn.BatchNorm2d))
    return sum(p.numel() for p in module.parameters()) + 3 * norms


def test_resnet8_has_the_parameters_of_mlperf_tiny() -> None:
    """ResNet-8 counts 78,666 as Keras counts, and 12.5 M MACs, as published."""
    module = network("resnet8", 10, 32, 32, 3)
    assert keras_total(module) == 78_666
    assert cost(module, input_spec(32, 32, 3)).macs == 12_501_632


def test_ds_cnn_has_the_parameters_of_mlperf_tiny() -> None:
    """DS-CNN on 49x10 spectrograms with 12 words counts 24,908 as Keras counts."""
    assert keras_total(network("ds_cnn", 12, 49, 10, 1)) == 24_908


@pytest.mark.parametrize(
    ("arch", "classes", "side", "parameters"),
    [
        ("resnet20", 10, 32, 272_474),
        ("resnet56", 10, 32, 855_770),
        ("vgg_tiny", 10, 32, 72_954),
    ],
)
def test_parameter_counts(arch: Arch, classes: int, side: int, parameters: int) -> None:
    """They count what He et al. (option B) and our own file say."""
    module = network(arch, classes, side, side, 3)
    assert cost(module, input_spec(side, side, 3)).parameters == parameters


def test_mobilenet_v2_costs_what_the_paper_says() -> None:
    """MobileNetV2 at 224 takes the paper's 300 M multiply-adds."""
    macs = cost(network("mobilenet_v2", 1000, 224, 224, 3), input_spec(224, 224, 3)).macs
    assert round(macs / 1e6) == 301


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize(("height", "width", "channels"), [(8, 8, 1), (33, 20, 3)])
def test_small_inputs_give_logits(arch: Arch, height: int, width: int, channels: int) -> None:
    """Every network turns small grey and colour images into one row of logits each."""
    module = network(arch, 7, height, width, channels, 0.25).eval()
    with torch.no_grad():
        logits = module(torch.randn(2, channels, height, width))
    assert logits.shape == (2, 7)
    assert not torch.equal(logits[0], logits[1])


@pytest.mark.parametrize("arch", ARCHS)
def test_the_classifier_is_the_last_element(arch: Arch) -> None:
    """What comes before it are feature maps, and its last layer is the network's one linear."""
    module = network(arch, 7, 32, 32, 3, 0.25).eval()
    assert isinstance(module, nn.Sequential)
    linear = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    classifier = module[-1]
    assert isinstance(classifier, nn.Sequential)
    assert linear == [classifier[-1]]
    with torch.no_grad():
        maps = module[:-1](torch.randn(1, 3, 32, 32))
    assert maps.ndim == 4
    assert maps.shape[1] == linear[0].in_features


def test_mobilenet_keeps_the_resolution_of_small_inputs() -> None:
    """Under 64 pixels MobileNetV2's first convolution does not halve, from 64 on it does."""
    strides = []
    for side in (63, 64):
        first = network("mobilenet_v2", 10, side, side, 1).get_submodule("0.0")
        assert isinstance(first, nn.Conv2d)
        strides.append(first.stride)
    assert strides == [(1, 1), (2, 2)]


def test_an_input_too_small_is_refused() -> None:
    """Seven pixels are one error that says how many there have to be."""
    with pytest.raises(RecipeError) as error:
        network("vgg_tiny", 10, 7, 32, 1)
    assert str(error.value) == (
        "input: expected at least 8 by 8 pixels for vgg_tiny, found 7 by 32"
    )


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [
        (32, 3, 1, (1, 1)),
        (32, 3, 2, (0, 1)),
        (7, 3, 2, (1, 1)),
        (49, 10, 2, (4, 5)),
        (10, 4, 2, (1, 1)),
        (8, 1, 2, (0, 0)),
    ],
)
def test_same_padding_is_tensorflows(
    size: int, kernel: int, stride: int, expected: tuple[int, int]
) -> None:
    """The padding is TensorFlow's published SAME arithmetic, the odd zero at the end."""
    assert same_padding(size, kernel, stride) == expected


def test_a_strided_convolution_starts_at_the_first_pixel() -> None:
    """With stride 2 on an even size the first window begins on pixel 0, not before it."""
    layer = SameConv2d(1, 1, 3, stride=2)
    nn.init.ones_(layer.weight)
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    with torch.no_grad():
        first = layer(image)[0, 0, 0, 0].item()
    assert first == image[0, 0, :3, :3].sum().item()


def test_widths_are_multiples_of_eight() -> None:
    """Channels scale to multiples of 8, at least 8, never below 90 % of what was asked."""
    assert [scaled(16, w) for w in (0.1, 0.5, 1.0, 1.25, 2.0)] == [8, 8, 16, 24, 32]
    assert all(scaled(c, w) >= 0.9 * c * w for c in (16, 24, 320) for w in (0.35, 0.75, 1.4))


def test_counting_leaves_the_network_as_it_was() -> None:
    """Counting MACs keeps training mode and the norms' running statistics."""
    module = network("resnet8", 10, 16, 16, 1).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    layer_macs(module, input_spec(16, 16, 1))
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_shapes_build_the_same_layers_again() -> None:
    """A network built from the shapes of another has the same layers."""
    spec = ModelSpec(arch="mobilenet_v2", classes=5, input=input_spec(16, 16, 1), width=0.35)
    module = build(spec)
    again = build(
        ModelSpec(
            arch="mobilenet_v2",
            classes=5,
            input=spec.input,
            width=0.35,
            shapes=read_shapes(module),
        )
    )
    assert [p.shape for p in again.parameters()] == [p.shape for p in module.parameters()]


def test_shapes_of_another_network_are_refused() -> None:
    """A shape for a layer the architecture lacks is one error that names it."""
    shapes = read_shapes(network("resnet8", 10, 16, 16, 1)) | {"9.extra": LayerShape(1, 1)}
    spec = ModelSpec(arch="resnet8", classes=10, input=input_spec(16, 16, 1), shapes=shapes)
    with pytest.raises(RunError) as error:
        build(spec)
    assert str(error.value) == (
        "shapes: expected the 17 layers of the architecture, found 18; first difference: 9.extra"
    )
