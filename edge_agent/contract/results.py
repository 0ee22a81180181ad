"""What is answered about an image: frozen values, the same on host, device and wire."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec

Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
Confidence: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
# Four corners (x, y) in the frame's pixels, clockwise from where the text's top left is.
Box: TypeAlias = tuple[
    tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]
]
# Accepted: may be used. Held: read, but not sure or not confirmed. Rejected: not read.
ReadingState: TypeAlias = Literal["accepted", "held", "rejected"]
# What made a meter's value: its readings; a person, by a command; or another meter in its place.
ValueFrom: TypeAlias = Literal["readings", "command", "exchange"]


class LabelScore(msgspec.Struct, frozen=True):
    """One class and its probability in [0, 1]."""

    label: str
    confidence: Confidence


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
    confidence: Confidence
    sure: bool
    top: tuple[LabelScore, ...]


class CharacterScore(msgspec.Struct, frozen=True, omit_defaults=True):
    """One character of a text.

    Args:
        character: as it was read.
        confidence: how sure it is if the others are as read, in [0, 1].
        position: of a dial: where its hand stands, in digits along its scale, [0, 10).
    """

    character: str
    confidence: Confidence
    position: float | None = None


class Text(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="text"):
    """The answer of a text network for the image of one line.

    Args:
        text: what it says; empty if there is nothing to read.
        confidence: its calibrated probability in [0, 1]; `edge_agent.decode.ctc` has
            the formula.
        characters: of `text`, in order.
        sure: whether `confidence` reaches the bundle's `min_confidence`.
    """

    text: str
    confidence: Confidence
    characters: tuple[CharacterScore, ...]
    sure: bool


class Reading(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="reading"):
    """What one region of a frame says.

    Args:
        region: the region's name.
        state: whether the reading may be used.
        why: why it is not accepted; empty if it is.
        text: what was read in this frame; empty if nothing was.
        confidence: the probability of `text`.
        characters: of `text`, in order.
        box: where it is in the frame.
        value: of a meter: the value last confirmed, in `unit`; None before there is one.
        unit: of a meter, as configured.
        value_at: when the meter was last seen to show `value`, UTC, by the clock of
            `captured_at`; None before there is one.
        rate_per_h: how much it counted in an hour, lately, in `unit`, up to `value_at`; None
            until ten minutes of it were seen.
        value_from: what made `value`: the meter's readings, a command, or that another meter
            was taken for it; None before there is one.
        accepted_text, accepted_at: of a region without a meter: the text last accepted, and when
            its frame was taken, UTC; None before there is one.
    """

    region: str
    state: ReadingState
    why: str = ""
    text: str
    confidence: Confidence
    characters: tuple[CharacterScore, ...]
    box: Box
    value: float | None = None
    unit: str = ""
    value_at: Moment | None = None
    rate_per_h: float | None = None
    value_from: ValueFrom | None = None
    accepted_text: str | None = None
    accepted_at: Moment | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a page; the fields are those of `Reading`."""

    state: ReadingState
    why: str = ""
    text: str
    confidence: Confidence
    characters: tuple[CharacterScore, ...]
    box: Box


class Page(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="page"):
    """The lines of text found in one region of a frame.

    Args:
        region: the region's name.
        lines: accepted and held ones in reading order; where nothing could be read,
            there is no line.
        why: why there is none; empty if there are some.
    """

    region: str
    lines: tuple[Line, ...]
    why: str = ""


# What a network answers for one image.
Result: TypeAlias = Classification | Text
# What a stream says about one frame; msgspec tells them apart by "kind".
Answer: TypeAlias = Classification | Reading | Page
