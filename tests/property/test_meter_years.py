"""Years of simulated readings: no value that the meter did not show, and it always recovers.

The misread model, which is what is promised for: in a share `MISREAD` of the frames, each by
itself, one digit is any other. Where digits turn (the last fifth of the way to the next
tick), each of those is read as old or as new, and stays so as long as the meter rests there.
Now and then there are no readings for up to two days.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from edge_agent.tasks.ocr.meters.meter import judge
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.meters.state import MeterState

MISREAD = 0.005
DAY = 86_400.0
INTERVAL = 300.0
RULES = MeterRules(digits=5, decimals=1, max_per_hour=0.6, rollover=True)
MODULUS = 10**5


@dataclass(frozen=True)
class Moment:
    """One frame: when, what the display truly shows, and what is read.

    Args:
        at: seconds.
        low, high: the tick behind it and the tick ahead: equal unless the digits turn.
        text: what is read.
    """

    at: float
    low: int
    high: int
    text: str


def years(seed: int, days: float, misread: float) -> Iterator[Moment]:
    """Readings of a meter that starts at 99000.3 ticks: it rolls over in the first weeks."""
    rng = np.random.default_rng(seed)
    truth, at, flow = 99_000.3, 0.0, 0.0
    turning, ahead = -1, np.zeros(5, bool)
    while at < days * DAY:
        wait = rng.uniform(3600, 2 * DAY) if rng.random() < 0.0005 else INTERVAL
        at += wait
        if rng.random() < 0.1:
            flow = float(rng.choice([0, 0, 0.2, 0.5, 1.0]))
        truth += flow * 6 * wait / 3600  # ticks; 0.6 m3 an hour at the most
        tick = int(truth)
        turns = truth - tick > 0.8
        old, new = f"{tick % MODULUS:05}", f"{(tick + 1) % MODULUS:05}"
        if turns and turning != tick:
            turning, ahead = tick, rng.random(5) < 0.5
        text = "".join(n if a else o for o, n, a in zip(old, new, ahead & turns, strict=True))
        if rng.random() < misread:
            place = int(rng.integers(5))
            text = text[:place] + str(rng.integers(10)) + text[place + 1 :]
        yield Moment(at, tick, tick + int(turns), text)


@pytest.mark.parametrize(("seed", "days"), [(1, 730), (2, 365)])
def test_no_value_in_years_is_one_the_meter_did_not_show(seed: int, days: float) -> None:
    """Each confirmed value was on the display between three readings before it and now."""
    state, shown = MeterState(), dict[float, int]()
    recent: list[int] = []
    accepted = readings = 0
    for moment in years(seed, days, MISREAD):
        recent = [*recent[-3:], moment.low]
        shown[moment.at] = recent[0]
        before = state.confirmed
        state, verdict = judge(state, RULES, moment.text, moment.at)
        readings += 1
        accepted += verdict.state == "accepted"
        if state.confirmed is not None and state.confirmed != before:
            ahead = (state.confirmed.value - shown[state.confirmed.at]) % MODULUS
            assert ahead <= moment.high - shown[state.confirmed.at], moment
    assert readings > 200 * days
    assert accepted > readings / 2  # it is not safe by saying nothing


def test_it_is_never_behind_for_long() -> None:
    """Within six hours of readings after anything, the value is within three of the truth."""
    state = MeterState()
    near, last, calm = 0.0, 0.0, 0.0
    for moment in years(3, 200, MISREAD):
        if moment.at - last > 2 * INTERVAL:
            near = calm = moment.at  # an outage: counted from its end
        last = moment.at
        state, _ = judge(state, RULES, moment.text, moment.at)
        if state.confirmed is not None:
            behind = (moment.high - state.confirmed.value) % MODULUS
            if behind <= 3:
                near = moment.at
        assert moment.at - max(near, calm) < 6 * 3600, moment


def test_the_simulation_would_show_a_meter_without_confirmation() -> None:
    """Must fire: if one reading made a value, misreads would be among the values."""
    naive = MeterRules(
        digits=5, decimals=1, max_per_hour=600, confirm=1, confirm_jump=1, confirm_jump_s=60
    )
    state, wrong = MeterState(), 0
    for moment in years(1, 60, MISREAD):
        state, verdict = judge(state, naive, moment.text, moment.at)
        if state.confirmed is not None and verdict.state == "accepted":
            wrong += (
                not moment.low
                <= state.confirmed.value + MODULUS * (moment.low // MODULUS)
                <= moment.high
            )
    assert wrong > 5
