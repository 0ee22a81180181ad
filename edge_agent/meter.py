"""What a meter can have counted: a small pure state machine over its readings.

A reading that is sure of itself can still be wrong: a reflection makes an 8 of a 0, and the
next frame has it right. A meter has more to go by. It counts up, at most so fast, rolls over
from 99999 to 00000, and turns its digits together at a carry. So a value counts only once
`confirm` readings in a row stand by it: itself and those after it, each the same or onward
by no more than the largest rate allows. A meter at rest is confirmed by the same reading
again; one in motion is confirmed `confirm - 1` readings behind.

Wrong readings that come one by one, each frame by itself with probability p, then become the
value with about p to the power of `confirm`, and only where they also agree with each other.
A mistake that repeats itself in every frame is beyond this: it shows as a jump, which
`confirm_jump` readings in a row make true; raise that where it matters.

Values are integers, in units of the last digit shown ("ticks"). Times are seconds of a clock
that never goes back.
"""

import re
from dataclasses import dataclass, replace
from typing import Annotated, Literal, TypeAlias

import msgspec

from edge_agent.results import ReadingState
from edge_agent.strict import LEAST

# What a network trained on wheels writes for one that shows the halves of two digits.
BETWEEN = "?"
NUMBER = re.compile(r"(-?)([0-9]{1,18})(?:[.,]([0-9]{1,18}))?")
Unit: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]{0,32}$(?!\n)")]


class MeterRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a meter counts, as configured.

    Args:
        decimals: how many of the digits are behind the point, drawn or not.
        unit: of the value, as `m³`; only passed on.
        digits: how many digits it shows in all; a reading with another number of them is
            no reading. None where leading zeros are not shown.
        monotone: whether it only counts up.
        max_per_hour: the most it can change in an hour, in `unit`; None for no limit.
        rollover: whether it starts again from zero; needs `digits`, `monotone` and
            `max_per_hour`, without which running backwards could be a rollover.
        confirm: how many readings in a row make a value.
        confirm_jump: how many make one that it cannot have counted to: another meter, or a
            value that was wrong before. Also the first value of all.

    Raises:
        ValueError: the fields contradict each other.
    """

    decimals: Annotated[int, msgspec.Meta(ge=0, le=9)] = 0
    unit: Unit = ""
    digits: Annotated[int, msgspec.Meta(ge=1, le=15)] | None = None
    monotone: bool = True
    max_per_hour: Annotated[float, msgspec.Meta(ge=LEAST, le=1e12)] | None = None
    rollover: bool = False
    confirm: Annotated[int, msgspec.Meta(ge=1, le=20)] = 3
    confirm_jump: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10

    def __post_init__(self) -> None:
        if self.rollover and not (self.digits and self.monotone and self.max_per_hour):
            raise ValueError("rollover: expected digits, monotone = true and max_per_hour with it")
        if self.confirm_jump < self.confirm:
            raise ValueError(
                f"confirm_jump: expected at least confirm, {self.confirm}, "
                f"found {self.confirm_jump}"
            )
        if self.digits is not None and self.digits < self.decimals:
            raise ValueError(
                f"digits: expected at least decimals, {self.decimals}, found {self.digits}"
            )

    def pattern(self) -> str:
        """What a reading of it looks like, in the syntax of `edge_agent.decode.pattern`."""
        sign = "" if self.monotone else "-?"
        if self.digits is None:
            point = f"([.,]\\d{{{self.decimals}}})?" if self.decimals else ""
            return f"{sign}\\d+{point}"
        whole = self.digits - self.decimals
        if not self.decimals or not whole:
            return f"{sign}\\d{{{self.digits}}}"
        return f"{sign}(\\d{{{self.digits}}}|\\d{{{whole}}}[.,]\\d{{{self.decimals}}})"

    def allowed(self, seconds: float) -> float:
        """The most ticks it can advance in `seconds`; one more, for a digit about to turn."""
        if self.max_per_hour is None:
            return float("inf")
        return self.max_per_hour * float(10**self.decimals) * max(0.0, seconds) / 3600 + 1

    def change(self, old: int, new: int) -> int:
        """The ticks from `old` to `new`; with a rollover always onward."""
        if self.rollover and self.digits:
            return (new - old) % int(10**self.digits)
        return new - old


@dataclass(frozen=True)
class Seen:
    """A value in ticks, and when it was read."""

    value: int
    at: float


@dataclass(frozen=True)
class MeterState:
    """What is known of a meter; the default is nothing.

    Args:
        confirmed: the meter's value, and when it was last seen to be that.
        pending: readings since, each onward from the one before; not yet confirmed.
        jump: readings in a row, consistent with each other but not with `confirmed`.
    """

    confirmed: Seen | None = None
    pending: tuple[Seen, ...] = ()
    jump: tuple[Seen, ...] = ()

    def value(self, rules: MeterRules) -> float | None:
        """The confirmed value in the meter's unit."""
        return None if self.confirmed is None else self.confirmed.value / 10**rules.decimals


@dataclass(frozen=True)
class Verdict:
    """Whether a reading is the meter's value, and if not, why."""

    state: ReadingState
    why: str = ""


ACCEPTED = Verdict("accepted")
TURNING = Verdict("held", "its digits are turning")
Motion: TypeAlias = Literal["onward", "turning", "backwards", "too fast"]


def judge(state: MeterState, rules: MeterRules, text: str, at: float) -> tuple[MeterState, Verdict]:
    """One more reading.

    Args:
        state: what was known before.
        rules: how the meter counts.
        text: what its display says.
        at: when, in seconds.

    Returns:
        What is known now; and whether this reading is the confirmed value (accepted), might
        become it (held), or is no reading of this meter (rejected).
    """
    if BETWEEN in text:
        return state, TURNING
    try:
        seen = Seen(to_ticks(text, rules), at)
    except ValueError as error:
        return state, Verdict("rejected", str(error))
    if state.confirmed is None:
        return _leap(state, rules, seen, "first readings")
    if not rules.monotone and rules.max_per_hour is None:
        return MeterState(seen), ACCEPTED  # nothing to hold it against
    match motion(rules, state.confirmed, seen):
        case "onward":
            return _go_on(state, rules, seen)
        case "turning":
            return state, TURNING
        case "backwards":
            why = f"runs backwards from {shown(state.confirmed, rules)}"
        case "too fast":
            limit = f"{rules.max_per_hour:g} {rules.unit}".rstrip()
            why = f"faster than {limit} an hour from {shown(state.confirmed, rules)}"
    return _leap(state, rules, seen, why)


def to_ticks(text: str, rules: MeterRules) -> int:
    """The number that a display says, in units of its last digit.

    Raises:
        ValueError: it is no number, has other digits than the meter, or a sign it cannot have.
    """
    found = NUMBER.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a number, found {text!r}")
    sign, whole, part = found[1], found[2], found[3] or ""
    if part and len(part) != rules.decimals:
        raise ValueError(f"expected {rules.decimals} digits behind the point, found {text!r}")
    if rules.digits is not None and len(whole + part) != rules.digits:
        raise ValueError(f"expected {rules.digits} digits, found {text!r}")
    if sign and rules.monotone:
        raise ValueError(f"expected no sign, found {text!r}")
    return int(sign + whole + part)


def shown(seen: Seen, rules: MeterRules) -> str:
    """A value as the meter would show it: `00123.4`."""
    digits = f"{abs(seen.value):0{max(rules.digits or 0, rules.decimals + 1)}}"
    point = len(digits) - rules.decimals
    text = f"{digits[:point]}.{digits[point:]}" if rules.decimals else digits
    return f"-{text}" if seen.value < 0 else text


def motion(rules: MeterRules, old: Seen, new: Seen) -> Motion:
    """How a meter would have come from `old` to `new`."""
    change, limit = rules.change(old.value, new.value), rules.allowed(new.at - old.at)
    if not rules.monotone:
        return "onward" if abs(change) <= limit else "too fast"
    reach = limit if rules.max_per_hour is not None else 0.0
    if new.value != old.value and _is_mixture(rules, old.value, new.value, reach):
        return "turning"
    if 0 <= change <= limit:
        return "onward"
    back = rules.change(new.value, old.value)  # how far it would have run backwards
    if back == 1:
        return "turning"  # it was read early
    if rules.rollover:
        return "backwards" if back < change else "too fast"
    return "backwards" if change < 0 else "too fast"


def _is_mixture(rules: MeterRules, old: int, new: int, reach: float) -> bool:
    """Whether `new` has some digits from before a carry and some from behind it.

    At 0199 going on to 0200 three digits turn together, and each may be read as what it was
    or as what it will be: 0299, 0109, 0190. A meter can rest there for hours. One that truly
    says 0190 and may have come as far as 0199 (within `reach` ticks of `old`: after an outage,
    or where the largest rate is set far too high) looks the same: it waits until it moves.
    """
    width = rules.digits or len(str(max(old, new)))
    for turning in range(1, width + 1):
        low, power = new % 10**turning, int(10**turning)
        if not set(f"{low:0{turning}}") <= {"0", "9"}:
            return False
        if turning == width:
            carries = [power - 1] if rules.rollover else []
        else:
            # The digit before the turning ones is either still that, or already one more.
            above = new // power
            carries = [above * power + power - 1] if above % 10 != 9 else []
            carries += [above * power - 1] if above % 10 != 0 else []
        for before in carries:
            behind = 0 if turning == width else before + 1
            reached = -1 <= rules.change(old, before) <= reach or old == behind
            if reached and new not in (before, behind):
                return True
    return False


def _go_on(state: MeterState, rules: MeterRules, seen: Seen) -> tuple[MeterState, Verdict]:
    """A reading that the meter can have counted to."""
    # Later readings are the judges of earlier ones: what this one contradicts is dropped.
    pending = (*(p for p in state.pending if _follows(rules, p, seen)), seen)
    state = MeterState(state.confirmed, pending)
    if len(pending) >= rules.confirm:
        state = _settled(rules, pending)
    if state.confirmed is not None and state.confirmed.value == seen.value:
        return state, ACCEPTED
    agree = sum(p.value == seen.value for p in pending)
    return state, Verdict("held", f"{agree} of {rules.confirm} readings agree")


def _leap(state: MeterState, rules: MeterRules, seen: Seen, why: str) -> tuple[MeterState, Verdict]:
    """A reading that the meter cannot have counted to, as far as is known."""
    before = state.jump if state.jump and _follows(rules, state.jump[-1], seen) else ()
    jump = (*before, seen)
    if len(jump) < rules.confirm_jump:
        held = Verdict("held", f"{why}, {len(jump)} of {rules.confirm_jump} readings agree")
        return replace(state, jump=jump), held
    settled = _settled(rules, jump)
    if settled.confirmed is not None and settled.confirmed.value == seen.value:
        return settled, ACCEPTED
    agree = sum(p.value == seen.value for p in jump[-rules.confirm :])
    return settled, Verdict("held", f"{agree} of {rules.confirm} readings agree")


def _follows(rules: MeterRules, old: Seen, new: Seen) -> bool:
    return motion(rules, old, new) == "onward"


def _settled(rules: MeterRules, readings: tuple[Seen, ...]) -> MeterState:
    """The first of the last `confirm` readings is confirmed by the others."""
    first, *others = readings[-rules.confirm :]
    return MeterState(first, tuple(others))
