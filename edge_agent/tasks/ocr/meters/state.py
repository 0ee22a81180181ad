"""`MeterState`: what is known of a meter, a frozen value between readings."""

from dataclasses import dataclass

from edge_agent.tasks.ocr.answer import ValueFrom
from edge_agent.tasks.ocr.meters.evidence import Chain, TicksSeen
from edge_agent.tasks.ocr.meters.rest import NO_REST, Rest
from edge_agent.tasks.ocr.meters.rules import MeterRules


@dataclass(frozen=True)
class MeterState:
    """What is known of a meter; the default is nothing.

    Args:
        confirmed: the meter's value, and when it was last seen to be that.
        pending: independent readings since, each onward from the one before; not yet confirmed.
        jump: those in a row that are consistent with each other but not with `confirmed`.
        stray: a reading that fits neither, and may be wrong.
        doubt: how many of those there were lately, less those that fit.
        contrary_s: for how long readings have stood that are none of `pending`, nor of `jump`.
        climb: the values ahead, each above the one before, that were seen since `confirmed`.
        pace: the most that it was seen to count, in ticks a second.
        since: from which value on that is being measured.
        came_from: how `confirmed` came to be.
        behind: by how much `confirmed` may lie behind what is shown, where digits may be turning.
        rest: readings of the same value, whatever that is.
    """

    confirmed: TicksSeen | None = None
    pending: Chain = ()
    jump: Chain = ()
    stray: TicksSeen | None = None
    doubt: float = 0.0
    contrary_s: float = 0.0
    climb: tuple[int, ...] = ()
    pace: float = 0.0
    since: TicksSeen | None = None
    came_from: ValueFrom = "readings"
    behind: int = 0
    rest: Rest = NO_REST

    def value(self, rules: MeterRules) -> float | None:
        """The confirmed value in the meter's unit."""
        return None if self.confirmed is None else self.confirmed.value / 10**rules.decimals
