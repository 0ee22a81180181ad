"""How a meter would have come from one value to another: onward, or how else."""

from typing import Literal, TypeAlias

from edge_agent.tasks.ocr.meters.evidence import TicksSeen
from edge_agent.tasks.ocr.meters.rules import MeterRules

Motion: TypeAlias = Literal["onward", "turning", "backwards", "too fast"]


def motion(
    rules: MeterRules, old: TicksSeen, new: TicksSeen, limit: float, *, wraps: bool | None = None
) -> Motion:
    """How a meter would have come from `old` to `new`, if it can have come `limit` ticks.

    Args:
        rules: how it counts.
        old: a value.
        new: one read after it.
        limit: the most ticks between them.
        wraps: whether it starts again from zero; as the rules say if left out.
    """
    wraps = rules.rollover if wraps is None else wraps
    change = rules.change(old.value, new.value, wraps=wraps)
    if not rules.monotone:
        return "onward" if abs(change) <= limit else "too fast"
    reach = limit if rules.max_per_hour is not None else 0.0
    if new.value != old.value and carries(rules, old.value, new.value, reach, wraps):
        return "turning"
    if 0 <= change <= limit:
        return "onward"
    if change == -1:
        return "turning"  # it was read early
    return "backwards" if change < 0 else "too fast"


def carries(rules: MeterRules, old: int, new: int, reach: float, wraps: bool) -> list[int]:
    """The values before a carry of which `new` has some digits, and some from behind it.

    At 0199 going on to 0200 three digits turn together, and each may be read as what it was
    or as what it will be: 0299, 0109, 0190. A meter can rest there for hours. One that truly
    says 0190 and may have come as far as 0199 (within `reach` ticks of `old`: after an outage,
    or where the largest rate is set far too high) looks the same; see `rest`.
    """
    width = rules.digits or len(str(max(old, new)))
    found: list[int] = []
    for turning in range(1, width + 1):
        low, power = new % 10**turning, int(10**turning)
        if not set(f"{low:0{turning}}") <= {"0", "9"}:
            break
        if turning == width:
            candidates = [power - 1] if wraps else []
        else:
            # The digit before the turning ones is either still that, or already one more.
            above = new // power
            candidates = [above * power + power - 1] if above % 10 != 9 else []
            candidates += [above * power - 1] if above % 10 != 0 else []
        for before in candidates:
            behind = 0 if turning == width else before + 1
            # Of a tick that was read early the carry lies one behind.
            reached = -1 <= rules.change(old, before, wraps=wraps) <= reach
            if reached and new not in (before, behind):
                found.append(before)
    return found
