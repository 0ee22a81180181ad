"""What a recogniser answers: frozen values, the same on host, device and wire."""

from typing import Annotated, TypeAlias

import msgspec


class LabelScore(msgspec.Struct, frozen=True):
    """One class and its probability in [0, 1]."""

    label: str
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]


class Classification(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="classification"
):
    """The answer of a classifier for one image.

    Args:
        label: the most probable class.
        index: its position among the network's outputs.
        confidence: its calibrated probability in [0, 1].
        sure: whether `confidence` reaches the bundle's `min_confidence`.
        top: the most probable classes, best first (at most five).
    """

    label: str
    index: int
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]
    sure: bool
    top: tuple[LabelScore, ...]


# A union once there is a second kind of answer; msgspec tells them apart by "kind".
Result: TypeAlias = Classification
