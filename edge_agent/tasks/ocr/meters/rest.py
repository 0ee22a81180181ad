"""A meter at rest on what may be digits turning: how long it stands to be believed after all.

A reading such as 1300 is itself, or 1309 going on to 1310; 1299 is itself, or 1289 going on to
1290. While it stands, nothing tells them apart. What differs is what a mistake does: one below the
carry lies between the value before and the true one, so that to believe it is nearer than not to;
one above it is ahead of the meter, for as long as that needs to catch up.
"""

from dataclasses import dataclass

from edge_agent.tasks.ocr.meters.evidence import NEARLY, Chain, Demand, TicksSeen
from edge_agent.tasks.ocr.meters.motion import carries
from edge_agent.tasks.ocr.meters.rules import MeterRules

# Digits turn in minutes while water runs; who rests for longer is mostly not between them.
LEAST_S, MOST_S = 3600.0, 86_400.0
# What lies ahead of the carry stands so many times as long as the meter would need for that.
TIMES = 10.0
# How many readings in a row that say otherwise, or every second, end a rest.
MOST_DOUBT = 1.5


@dataclass(frozen=True)
class Rest:
    """Independent readings of one and the same value.

    Args:
        chain: the readings.
        stray: one of another value.
        doubt: how many of those there were lately, less those that fit.
    """

    chain: Chain = ()
    stray: TicksSeen | None = None
    doubt: float = 0.0


NO_REST = Rest()


def rested(rest: Rest, rules: MeterRules, seen: TicksSeen) -> Rest:
    """`rest` with one more reading; one of another value now and then ends nothing."""
    demand = Demand(rules.confirm, max(LEAST_S, rules.confirm_jump_s), rules.confirm_jump_s)
    if rest.chain and rest.chain[0].value == seen.value:
        return Rest(demand.grown(rest.chain, seen), doubt=max(0.0, rest.doubt - 0.5))
    stray, doubt = rest.stray, rest.doubt
    if stray is None or len(rules.usual().grown((stray,), seen)) > 1:
        stray, doubt = seen, doubt + 1
    if not rest.chain or doubt > MOST_DOUBT:
        return Rest((seen,))
    return Rest(rest.chain, stray, doubt)


def needed(
    rules: MeterRules, old: TicksSeen, new: TicksSeen, at_first: float, by_now: float
) -> Demand | None:
    """What makes a value of `new`, which may be digits turning; None where only the next tick does.

    Args:
        rules: how it counts.
        old: the value before.
        new: the first reading that said so.
        at_first: the most ticks that it can have counted between them.
        by_now: the same up to now.
    """
    change = rules.change(old.value, new.value)
    # What was within reach when it came: the reach grows while digits stand half way.
    limit = at_first if change <= at_first else by_now
    if rules.max_per_hour is None or not 0 <= change <= limit:
        return None
    wait_s = LEAST_S if change <= NEARLY * at_first else MOST_S
    for before in carries(rules, old.value, new.value, limit, rules.rollover):
        ahead = rules.change(before, new.value)
        if ahead <= 0:
            continue
        if rules.change(old.value, before) <= 1:
            return None  # it was last seen right there
        ticks_per_h = rules.max_per_hour * float(10**rules.decimals)
        wait_s = max(wait_s, min(MOST_S, TIMES * ahead / ticks_per_h * 3600))
    return Demand(rules.confirm, max(wait_s, rules.confirm_jump_s), rules.confirm_jump_s)


def behind(rules: MeterRules, old: TicksSeen, new: TicksSeen, limit: float) -> int:
    """By how many ticks a believed `new` may lie behind the meter, if it was turning after all."""
    found = carries(rules, old.value, new.value, limit, rules.rollover)
    return max([0, *(rules.change(new.value, before) + 1 for before in found)])
