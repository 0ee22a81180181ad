"""`MeterRules`: how a meter counts, as configured, and how its display is written.

Values are integers, in units of the last digit shown ("ticks").
"""

import re
from typing import Annotated, TypeAlias

import msgspec

from edge_agent.common.strict import LEAST
from edge_agent.tasks.ocr.meters.evidence import Demand, TicksSeen
from edge_agent.tasks.ocr.meters.kinds import MeterKind, check_kind

# What a network trained on wheels writes for one that shows the halves of two digits.
BETWEEN = "?"
# What numbers such as 1234.1 are off by once they are counted in tenths.
ROUNDING = 1e-12
NUMBER = re.compile(r"(-?)([0-9]{1,18})(?:[.,]([0-9]{1,18}))?")
Unit: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]{0,32}$(?!\n)")]


class MeterRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a meter counts, as configured.

    Args:
        decimals: how many of the digits are behind the point, drawn or not.
        kind: what it measures, so that Home Assistant takes it for that; see
            `edge_agent.tasks.ocr.meters.kinds`. None where it shall not.
        unit: of the value, as `m³`; with a `kind` one of its units, else only passed on.
        digits: how many digits it shows in all; a reading with another number of them is
            no reading. None where leading zeros are not shown.
        monotone: whether it only counts up.
        max_per_hour: the most it can change in an hour, in `unit`; None for no limit.
        rollover: whether it starts again from zero; needs `digits`, `monotone` and
            `max_per_hour`, without which running backwards could be a rollover.
        confirm, confirm_s: how many independent readings make a value, over how many seconds.
            Of one reading the seconds do not count. 3 over 60 s if left out; of one that neither
            counts up nor has a `max_per_hour` each is taken as it is.
        confirm_jump, confirm_jump_s: the same of the first value, and of one that was beyond
            reach when it first came.
        exchange_after_h: how many hours a lower value has to stand to be that of another meter;
            of one that goes both ways, any value beyond reach. None where only a person says so.

    Raises:
        ValueError: the fields contradict each other.
    """

    decimals: Annotated[int, msgspec.Meta(ge=0, le=9)] = 0
    kind: MeterKind | None = None
    unit: Unit = ""
    digits: Annotated[int, msgspec.Meta(ge=1, le=15)] | None = None
    monotone: bool = True
    max_per_hour: Annotated[float, msgspec.Meta(ge=LEAST, le=1e12)] | None = None
    rollover: bool = False
    confirm: Annotated[int, msgspec.Meta(ge=1, le=20)] = 0
    confirm_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = -1
    confirm_jump: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    confirm_jump_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 240
    exchange_after_h: Annotated[float, msgspec.Meta(ge=LEAST, le=10_000)] | None = None

    def __post_init__(self) -> None:
        self._fill()
        check_kind(self.kind, self.unit, monotone=self.monotone)
        if self.rollover and not (self.digits and self.monotone and self.max_per_hour):
            raise ValueError("rollover: expected digits, monotone = true and max_per_hour with it")
        if self.confirm_jump < self.confirm:
            raise ValueError(
                f"confirm_jump: expected at least confirm, {self.confirm}, "
                f"found {self.confirm_jump}"
            )
        if self.confirm_jump_s < self.confirm_s:
            raise ValueError(
                f"confirm_jump_s: expected at least confirm_s, {self.confirm_s:g}, "
                f"found {self.confirm_jump_s:g}"
            )
        if self.digits is not None and self.digits < self.decimals:
            raise ValueError(
                f"digits: expected at least decimals, {self.decimals}, found {self.digits}"
            )

    def _fill(self) -> None:
        """Put what was left out of `confirm` and `confirm_s`, below what may be written."""
        bare = self.is_free and self.confirm < 1 and self.confirm_s < 0
        if self.confirm < 1:
            msgspec.structs.force_setattr(self, "confirm", 1 if bare else 3)
        if self.confirm_s < 0:
            msgspec.structs.force_setattr(self, "confirm_s", 0 if bare else 60)

    @property
    def is_free(self) -> bool:
        """Whether any value may follow any other."""
        return not self.monotone and self.max_per_hour is None

    def pattern(self) -> str:
        """What a reading of it looks like, as a pattern of `edge_agent.tasks.ocr.decode`."""
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

    def change(self, old: int, new: int, *, wraps: bool | None = None) -> int:
        """The ticks from `old` to `new`: onward over the rollover, if they lie close to it.

        Close is a hundredth of all it can show: a leading 9 that is read as 0 is a tenth.

        Args:
            old: a value.
            new: one read after it.
            wraps: whether it starts again from zero; as the rules say if left out.
        """
        ticks = new - old
        if self.digits is None or not (self.rollover if wraps is None else wraps):
            return ticks
        range_ = int(10**self.digits)
        near = max(range_ // 100, 5)
        if ticks <= near - range_:
            return ticks + range_
        return ticks - range_ if ticks >= range_ - near else ticks

    def usual(self) -> Demand:
        """What makes a value that it can have counted to."""
        return Demand(self.confirm, self.confirm_s, self.confirm_jump_s)

    def untimed(self) -> "MeterRules":
        """The same for pictures that say nothing about time: each counts."""
        return msgspec.structs.replace(self, confirm_s=0, confirm_jump_s=0)

    def leap(self) -> Demand:
        """What makes one that it could not, when it first came."""
        return Demand(self.confirm_jump, self.confirm_jump_s, self.confirm_jump_s)


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


def ticks_of(value: float, rules: MeterRules) -> int:
    """What a display says that shows `value`, in the meter's unit.

    Raises:
        ValueError: no display of these rules shows it.
    """
    exact = value * float(10**rules.decimals)
    ticks = round(exact)
    if abs(ticks - exact) > ROUNDING * max(1, abs(ticks)):
        raise ValueError(
            f"expected at most {rules.decimals} digits behind the point, found {value!r}"
        )
    if ticks < 0 and rules.monotone:
        raise ValueError(f"expected no sign, found {value!r}")
    if rules.digits is not None and abs(ticks) >= 10**rules.digits:
        raise ValueError(f"expected {rules.digits} digits, found {value!r}")
    return ticks


def shown(seen: TicksSeen, rules: MeterRules) -> str:
    """A value as the meter would show it: `00123.4`."""
    digits = f"{abs(seen.value):0{max(rules.digits or 0, rules.decimals + 1)}}"
    point = len(digits) - rules.decimals
    text = f"{digits[:point]}.{digits[point:]}" if rules.decimals else digits
    return f"-{text}" if seen.value < 0 else text
