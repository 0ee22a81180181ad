"""timm's names for the layers of a network, in the order of ours.

As of 1.0. The classifier of VGG is another than ours, and is left out.
"""

from collections.abc import Iterator

from pipeline.models.names import torchvision
from pipeline.models.separable import (
    efficientnet_lite,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    mobilenet_v4,
)

# A filter of each channel, then a mixture; with an expansion before both.
FILTERED = ("conv_dw", "bn1", "conv_pw", "bn2")
EXPANDED = ("conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3")
STEM = ("conv_stem", "bn1")


def layers(arch: str) -> Iterator[str] | None:
    """The names; None where timm has no such network."""
    match arch:
        case "mobilenet_v1":
            return _mobilenet_v1()
        case "mobilenet_v2":
            return _stages([(row[0], row[2]) for row in mobilenet_v2.STAGES])
        case "mobilenet_v3_small_minimal":
            return _mobilenet_v3()
        case "mobilenet_v4_conv_small":
            return _mobilenet_v4()
        case "efficientnet_lite0":
            return _stages([(row[0], row[2]) for row in efficientnet_lite.STAGES])
        case "resnet18" | "resnet34" | "vgg11" | "vgg16_slim":
            return torchvision.layers(arch)
        case _:
            return None


def _stages(stages: list[tuple[int, int]]) -> Iterator[str]:
    """Of a stem, stages of inverted residuals (expansion, how many) and a last convolution."""
    yield from STEM
    for stage, (expansion, repeats) in enumerate(stages):
        for index in range(repeats):
            inside = EXPANDED if expansion > 1 else FILTERED
            yield from (f"blocks.{stage}.{index}.{name}" for name in inside)
    yield from ("conv_head", "bn2", "classifier")


def _mobilenet_v1() -> Iterator[str]:
    yield from STEM
    for place in _places([stride for _, stride in mobilenet_v1.BLOCKS]):
        yield from (f"blocks.{place}.{name}" for name in FILTERED)
    yield "classifier"


def _mobilenet_v3() -> Iterator[str]:
    yield from STEM
    # 40 and 48 channels are stages of their own, though the resolution stays.
    sizes = (1, 2, 3, 2, 3)
    places = [f"{stage}.{i}" for stage, size in enumerate(sizes) for i in range(size)]
    for place, (expansion, _, _) in zip(places, mobilenet_v3.BLOCKS, strict=True):
        inside = EXPANDED if expansion > 1 else FILTERED
        yield from (f"blocks.{place}.{name}" for name in inside)
    yield from ("blocks.5.0.conv", "blocks.5.0.bn1", "conv_head", "classifier")


def _mobilenet_v4() -> Iterator[str]:
    yield from STEM
    for place in ("0.0", "0.1", "1.0", "1.1"):
        yield from (f"blocks.{place}.conv", f"blocks.{place}.bn1")
    places = _places([block[-1] for block in mobilenet_v4.BLOCKS], first=2)
    for place, (before, after, _, _, _) in zip(places, mobilenet_v4.BLOCKS, strict=True):
        parts = (("dw_start", before), ("pw_exp", 1), ("dw_mid", after), ("pw_proj", 1))
        for name in (name for name, kernel in parts if kernel):
            yield from (f"blocks.{place}.{name}.conv", f"blocks.{place}.{name}.bn")
    yield from ("blocks.4.0.conv", "blocks.4.0.bn1", "conv_head", "norm_head", "classifier")


def _places(strides: list[int], first: int = 0) -> Iterator[str]:
    """STAGE.INDEX of each block, where every block that halves begins a stage."""
    stage, index = first - 1, 0
    for number, stride in enumerate(strides):
        begins = stride > 1 or number == 0
        stage, index = (stage + 1, 0) if begins else (stage, index + 1)
        yield f"{stage}.{index}"
