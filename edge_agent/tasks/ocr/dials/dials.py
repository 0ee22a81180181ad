"""Dials with hands, as configured, and what the positions of their hands count.

A hand stands between two digits nearly always; which of them it counts is decided by the dial
below it: where that has not passed its mark, this one has not reached its next digit, though play
in the gears may show it there. So the hands are read from the last one up: what those below make of
a turn is where this one has to stand behind its digit. Where it does not, within `tolerance`,
one of them was misread. Wheels that stand before the hands are held to them in the same way.

Nothing here looks at a picture; `edge_agent.tasks.ocr.dials.reader` does.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec

from edge_agent.common.strict import LEAST, Name, Probability, Strict

Direction: TypeAlias = Literal["clockwise", "counterclockwise"]
Centre: TypeAlias = tuple[
    Annotated[float, msgspec.Meta(ge=0, le=65_536)],
    Annotated[float, msgspec.Meta(ge=0, le=65_536)],
]
MOST = 12
# A wheel turns in this share of a turn of the first hand before its mark, and may hang so
# long behind it.
CARRY = 0.1
# So much of a turn a meter may seem to go back: what its hands are misread by.
BACK = 0.02
# Of the positions that a hand may have by chance these shares would pass for the right one: at a
# half every one would.
MAX_TOLERANCE = 0.45


class Dials(Strict, frozen=True):
    """Dials side by side in a region, the most significant first.

    Args:
        count: how many, in a row: the region touches their circles on all four sides. Either
            this or `centres`.
        centres: of each, x and y in the frame's pixels, wherever they are in the region.
        radius: with `centres`: of the circles of their marks, in the frame's pixels.
        directions: which way they count: all the same way, each as listed, or neighbours
            never alike and the last one clockwise, as meters of gas and electricity do.
        tolerance: how far a hand may be from where those below it say, in digits.
        min_confidence: below it a hand is not read.
        wheels: the region before this one, in the same stream, whose digits stand before these.

    Raises:
        ValueError: fields contradict each other.
    """

    count: Annotated[int, msgspec.Meta(ge=1, le=MOST)] | None = None
    centres: Annotated[tuple[Centre, ...], msgspec.Meta(min_length=1, max_length=MOST)] | None = (
        None
    )
    radius: Annotated[float, msgspec.Meta(ge=LEAST, le=65_536)] | None = None
    directions: Direction | Literal["alternating"] | tuple[Direction, ...] = "alternating"
    tolerance: Annotated[float, msgspec.Meta(ge=0.05, le=MAX_TOLERANCE)] = 0.35
    min_confidence: Probability = 0.1
    wheels: Name | None = None

    def __post_init__(self) -> None:
        if (self.count is None) == (self.centres is None):
            found = "neither" if self.count is None else "both"
            raise ValueError(f"dials: expected either count or centres, found {found}")
        if (self.centres is None) != (self.radius is None):
            raise ValueError("dials: expected centres and radius together, found one of them")
        if isinstance(self.directions, tuple) and len(self.directions) != self.hands:
            raise ValueError(
                f"dials: expected {self.hands} directions, one a dial, found {len(self.directions)}"
            )

    @property
    def hands(self) -> int:
        """How many there are."""
        return self.count if self.count is not None else len(self.centres or ())

    def clockwise(self) -> tuple[bool, ...]:
        """Of each, whether it counts clockwise."""
        if isinstance(self.directions, tuple):
            return tuple(each == "clockwise" for each in self.directions)
        if self.directions == "alternating":
            return tuple((self.hands - 1 - i) % 2 == 0 for i in range(self.hands))
        return (self.directions == "clockwise",) * self.hands


class DisagreementError(ValueError):
    """The hands cannot all stand where they were read."""


def counted(positions: tuple[float, ...], tolerance: float) -> str:
    """The digits that hands count, one each.

    Args:
        positions: of the hands, in digits along their scales, [0, 10); the last one is the
            least significant and counts the digit that it has passed.
        tolerance: how far the others may be from where those behind them say.

    Raises:
        DisagreementError: one is further.
    """
    last = int(positions[-1]) % 10
    digits, turn = [last], positions[-1] % 10 / 10  # how far those behind have gone, of one turn
    for place in range(len(positions) - 2, -1, -1):
        digit = round(positions[place] - turn)
        off = positions[place] - turn - digit
        if abs(off) > tolerance:
            raise DisagreementError(
                f"hands disagree: hand {place + 1} stands at {positions[place]:.2f}, which "
                f"cannot be where the next one stands at {positions[place + 1]:.2f}"
            )
        digits.append(digit % 10)
        turn = (digit % 10 + turn) / 10
    return "".join(str(digit) for digit in reversed(digits))


def joined(wheels: str, hands: str, before: int | None) -> str | None:
    """The digits of a meter with both; None where the last wheel may be read one off.

    A wheel turns while the first hand passes its mark, and may be read early or late then. Of
    the two readings that are possible the one is taken that goes on from what the meter
    showed before.

    Args:
        wheels: the digits before.
        hands: those of the hands.
        before: what the meter showed last, as a number of all these digits; None if unknown.
    """
    turn = 10 ** len(hands)
    whole, part, full = int(wheels), int(hands), 10 ** len(wheels + hands)
    if CARRY * turn <= part < (1 - CARRY) * turn:
        return wheels + hands
    if before is None:
        return None
    late = 1 if part < CARRY * turn else -1
    for each in (whole, whole + late):
        value = (each * turn + part) % full
        ahead = (value - before + BACK * turn) % full
        if ahead < turn / 2:
            return f"{value:0{len(wheels + hands)}}"
    return None
