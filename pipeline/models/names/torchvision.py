"""torchvision's names for the layers of a network, in the order of ours.

As of 0.28. The classifiers of VGG and SqueezeNet are others than ours, and are left out.
"""

from collections.abc import Iterator

from pipeline.models.branched.googlenet import BLOCKS as INCEPTIONS
from pipeline.models.branched.shufflenet_v2 import REPEATS
from pipeline.models.branched.squeezenet import BLOCKS as FIRES
from pipeline.models.residual.resnet import RESNET18, RESNET34
from pipeline.models.separable.mobilenet_v2 import STAGES
from pipeline.models.stacked.vgg import VGG11, VGG16


def layers(arch: str) -> Iterator[str] | None:
    """The names; None where torchvision has no such network."""
    match arch:
        case "mobilenet_v2":
            return mobilenet_v2()
        case "resnet18":
            return resnet(RESNET18)
        case "resnet34":
            return resnet(RESNET34)
        case "googlenet":
            return googlenet()
        case "squeezenet1_1":
            return squeezenet1_1()
        case "shufflenet_v2_x0_5" | "shufflenet_v2_x1_0":
            return shufflenet_v2()
        case "vgg11":
            return vgg_features(VGG11)
        case "vgg16_slim":
            return vgg_features(VGG16)
        case _:
            return None


def resnet(blocks: tuple[int, ...]) -> Iterator[str]:
    """Of a ResNet of basic blocks."""
    yield from ("conv1", "bn1")
    for stage, count in enumerate(blocks, 1):
        for index in range(count):
            block = f"layer{stage}.{index}"
            yield from (f"{block}.{name}" for name in ("conv1", "bn1", "conv2", "bn2"))
            if stage > 1 and index == 0:
                yield from (f"{block}.downsample.{i}" for i in range(2))
    yield "fc"


def vgg_features(stages: tuple[tuple[int, ...], ...]) -> Iterator[str]:
    """Of a VGG with norms, but for its three dense layers."""
    place = 0
    for stage in stages:
        for _ in stage:
            yield from (f"features.{place}", f"features.{place + 1}")
            place += 3  # a ReLU follows
        place += 1  # a maximum closes the stage


def mobilenet_v2() -> Iterator[str]:
    """Of MobileNetV2."""
    yield from ("features.0.0", "features.0.1")
    index = 1
    for expansion, _, repeats, _ in STAGES:
        for _ in range(repeats):
            inside = (
                ("0.0", "0.1", "1.0", "1.1", "2", "3")
                if expansion > 1
                else ("0.0", "0.1", "1", "2")
            )
            yield from (f"features.{index}.conv.{place}" for place in inside)
            index += 1
    yield from (f"features.{index}.0", f"features.{index}.1", "classifier.1")


def googlenet() -> Iterator[str]:
    """Of GoogLeNet."""
    names = ["conv1", "conv2", "conv3"]
    stage, letter = 3, 0
    for row in INCEPTIONS:
        if row is None:
            stage, letter = stage + 1, 0
            continue
        block = f"inception{stage}{chr(ord('a') + letter)}"
        branches = ("branch1", "branch2.0", "branch2.1", "branch3.0", "branch3.1", "branch4.1")
        names += [f"{block}.{branch}" for branch in branches]
        letter += 1
    for name in names:
        yield from (f"{name}.conv", f"{name}.bn")
    yield "fc"


def squeezenet1_1() -> Iterator[str]:
    """Of SqueezeNet 1.1, but for its last convolution."""
    yield "features.0"
    # A ReLU and a maximum follow the first convolution.
    for index, row in enumerate(FIRES, 3):
        if row is not None:
            yield from (f"features.{index}.{n}" for n in ("squeeze", "expand1x1", "expand3x3"))


def shufflenet_v2() -> Iterator[str]:
    """Of ShuffleNetV2."""
    yield from ("conv1.0", "conv1.1")
    for stage, repeats in enumerate(REPEATS, 2):
        for index in range(repeats):
            unit = f"stage{stage}.{index}"
            if index == 0:
                yield from (f"{unit}.branch1.{i}" for i in (0, 1, 2, 3))
            yield from (f"{unit}.branch2.{i}" for i in (0, 1, 3, 4, 5, 6))
    yield from ("conv5.0", "conv5.1", "fc")
