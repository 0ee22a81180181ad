"""What is read in a region of a frame: values that are the same on host, device and wire."""

from collections.abc import Hashable
from typing import Literal, TypeAlias

import msgspec

from edge_agent.common.strict import Moment, Probability

# Four corners (x, y) in the frame's pixels, clockwise from where the text's top left is.
Box: TypeAlias = tuple[
    tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]
]
# Accepted: may be used. Held: read, but not sure or not confirmed. Rejected: not read.
ReadingState: TypeAlias = Literal["accepted", "held", "rejected"]
# What made a meter's value: its readings; a person, by a command; or another meter in its place.
ValueFrom: TypeAlias = Literal["readings", "command", "exchange"]


class CharacterScore(msgspec.Struct, frozen=True, omit_defaults=True):
    """One character of a text.

    Args:
        character: as it was read.
        confidence: how sure it is if the others are as read, in [0, 1].
        position: of a dial: where its hand stands, in digits along its scale, [0, 10).
    """

    character: str
    confidence: Probability
    position: float | None = None


class Text(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="text"):
    """The answer of a text network for the image of one line.

    Args:
        text: what it says; empty if there is nothing to read.
        confidence: its calibrated probability in [0, 1]; `edge_agent.tasks.ocr.decode.ctc` has
            the formula.
        characters: of `text`, in order.
        sure: whether `confidence` reaches the bundle's `min_confidence`.
    """

    text: str
    confidence: Probability
    characters: tuple[CharacterScore, ...]
    sure: bool

    def brief(self) -> str:
        """What it says and no more: the text."""
        return self.text

    def headline(self) -> str:
        """It in one line for people: `00123.4  99.1 %`."""
        return _written(self.text, self.confidence, "" if self.sure else "not sure")


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
    confidence: Probability
    characters: tuple[CharacterScore, ...]
    box: Box
    value: float | None = None
    unit: str = ""
    value_at: Moment | None = None
    rate_per_h: float | None = None
    value_from: ValueFrom | None = None
    accepted_text: str | None = None
    accepted_at: Moment | None = None

    @property
    def key(self) -> str:
        """Which thing in the frame it is about: the region."""
        return self.region

    @property
    def sure(self) -> bool:
        """Whether it may be used."""
        return self.state == "accepted"

    def gist(self) -> Hashable:
        """What makes it the same as another one: its state, and its value or its text."""
        return (self.state, self.text if self.value is None else self.value)

    def lead(self, standing: Hashable) -> float:
        """As of a class: no reading is nearly another one."""
        return 1.0

    def brief(self) -> str:
        """What it says and no more: the text."""
        return self.text

    def headline(self) -> str:
        """It in one line for people: `meter: 00123.4  99.1 %  = 123.4 m³`."""
        value = "" if self.value is None else f"  = {self.value} {self.unit}".rstrip()
        return f"{self.region}: {_written(self.text, self.confidence, _doubt(self))}{value}"

    def details(self) -> tuple[str, ...]:
        """What there is to say beyond the headline: nothing."""
        return ()


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a page; the fields are those of `Reading`."""

    state: ReadingState
    why: str = ""
    text: str
    confidence: Probability
    characters: tuple[CharacterScore, ...]
    box: Box

    def brief(self) -> str:
        """What it says and no more: the text."""
        return self.text

    def headline(self) -> str:
        """It in one line for people: `00123.4  99.1 %`, and where it is not accepted, why."""
        return _written(self.text, self.confidence, _doubt(self))


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

    @property
    def key(self) -> str:
        """Which thing in the frame it is about: the region."""
        return self.region

    @property
    def sure(self) -> bool:
        """Whether all of its lines may be used."""
        return all(line.state == "accepted" for line in self.lines)

    def gist(self) -> Hashable:
        """What makes it the same as another one: the states and the texts of its lines."""
        return tuple((line.state, line.text) for line in self.lines)

    def lead(self, standing: Hashable) -> float:
        """As of a class: no page is nearly another one."""
        return 1.0

    def brief(self) -> str:
        """What it says and no more: the texts of its lines."""
        return "\n".join(line.text for line in self.lines)

    def headline(self) -> str:
        """It in one line for people: `label: 3 lines`."""
        why = f"  ({self.why})" if self.why else ""
        return f"{self.region}: {len(self.lines)} lines{why}"

    def details(self) -> tuple[str, ...]:
        """What there is to say beyond the headline: each of its lines."""
        return tuple(line.headline() for line in self.lines)


def _written(text: str, confidence: float, doubt: str) -> str:
    """A text, how probable it is, and what speaks against it, for people."""
    remark = f"  ({doubt})" if doubt else ""
    return f"{text:<12} {100 * confidence:5.1f} %{remark}" if text else f"no text{remark}"


def _doubt(answer: Reading | Line) -> str:
    return "" if answer.state == "accepted" else f"{answer.state}: {answer.why}"
