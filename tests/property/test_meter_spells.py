"""Weeks in which a digit is read wrong for minutes or for a whole night, the same way every time.

The misread model: now and then, twice a day on average, one place of the display shows one digit
to the camera whatever is there, for a minute up to ten hours. Besides, one frame in five hundred
has any digit wrong, digits that turn are read as old or new, and readings fail for up to two days.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.tasks.ocr.meters.meter import judge, reset_to
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.meters.state import MeterState

HOUR, DAY = 3600.0, 86_400.0
DIGITS = 5
LONGEST_H = 10
# In ticks, of a meter that counts a tenth.
PER_HOUR = 6
RATE = MeterRules(digits=DIGITS, decimals=1, max_per_hour=PER_HOUR / 10)
NO_RATE = MeterRules(digits=DIGITS, decimals=1)


@dataclass(frozen=True)
class Moment:
    """One frame.

    Args:
        at: seconds.
        low, high: the tick behind what the display shows and the tick ahead.
        text: what is read.
        calm_s: for how long there were readings, and no digit was read wrong for long.
    """

    at: float
    low: int
    high: int
    text: str
    calm_s: float


def put(text: str, place: int, digit: int) -> str:
    return f"{text[:place]}{digit}{text[place + 1 :]}"


class Spell:
    """A place that shows one digit until a moment."""

    def __init__(self, rng: np.random.Generator, at: float) -> None:
        self.end = at + float(np.exp(rng.uniform(np.log(60), np.log(LONGEST_H * HOUR))))
        self.place, self.digit = int(rng.integers(DIGITS)), int(rng.integers(10))


def weeks(
    seed: int, days: float, interval: float = 60.0, exchanged_at: float = np.inf
) -> Iterator[Moment]:
    """Readings of a meter that is used as in a house, at most `PER_HOUR` ticks an hour.

    At `exchanged_at` seconds another takes its place, which starts at zero.
    """
    rng = np.random.default_rng(seed)
    truth, at, flow, since = 24_680.3, 0.0, 0.0, 0.0
    spell: Spell | None = None
    while at < days * DAY:
        wait = rng.uniform(HOUR, 2 * DAY) if rng.random() < 0.0001 else interval
        at += wait
        if at >= exchanged_at:
            truth, exchanged_at = 0.0, np.inf
        if rng.random() < 0.02:
            flow = float(rng.choice([0, 0, 0, 0.1, 0.3, 1.0]))
        truth += flow * PER_HOUR * wait / HOUR
        tick = int(truth)
        turns = truth - tick > 0.8
        text = f"{tick + int(turns and rng.random() < 0.5):0{DIGITS}}"
        if spell is None and rng.random() < interval / (DAY / 2):
            spell = Spell(rng, at)
        if spell is not None and at > spell.end:
            spell = None
        if spell is not None:
            text = put(text, spell.place, spell.digit)
        if rng.random() < 0.002:
            text = put(text, int(rng.integers(DIGITS)), int(rng.integers(10)))
        since = at if spell is not None or wait > interval else since
        yield Moment(at, tick, tick + int(turns), text, at - since)


@pytest.mark.parametrize(
    ("rules", "excess"),
    [(RATE, LONGEST_H * PER_HOUR), (NO_RATE, 10 * LONGEST_H * PER_HOUR)],
    ids=["rate", "no rate"],
)
def test_no_spell_runs_a_meter_back_or_away(rules: MeterRules, excess: int) -> None:
    """It never goes back, never further ahead than it can have come, and always catches up.

    Ahead: by the largest rate for as long as the longest spell; without one by ten times what
    the meter does. Behind: for a day at most of readings without a spell.
    """
    state, last, accepted, readings = MeterState(), 0, 0, 0
    for moment in weeks(4, 50):
        state, verdict = judge(state, rules, moment.text, moment.at)
        readings += 1
        accepted += verdict.state == "accepted"
        if state.confirmed is None:
            continue
        value = state.confirmed.value
        assert value >= last, moment
        assert value - moment.high <= excess, moment
        assert value >= moment.low - 3 or moment.calm_s < DAY + HOUR, moment
        last = value
    assert accepted > readings / 2  # it is not safe by saying nothing


def test_the_weeks_would_show_a_meter_that_counts_readings() -> None:
    """Must fire: ten readings in a row, without a time and a reach, make nonsense of them."""
    rules = MeterRules(digits=DIGITS, decimals=1, monotone=False, confirm=3, confirm_s=0)
    state, worst = MeterState(), 0
    for moment in weeks(4, 10):
        state, _ = judge(state, rules, moment.text, moment.at)
        if state.confirmed is not None:
            worst = max(worst, abs(state.confirmed.value - moment.high))
    assert worst >= 1000


def test_another_meter_is_found_among_spells() -> None:
    """One that starts at zero after a week: by the option, by a command at once, or not at all."""
    option = msgspec.structs.replace(RATE, exchange_after_h=36)
    assert found_after_h(RATE, told=False) is None
    assert found_after_h(RATE, told=True) == 0
    after_h = found_after_h(option, told=False)
    assert after_h is not None
    assert 36 <= after_h < 72


def found_after_h(rules: MeterRules, *, told: bool) -> float | None:
    """How long after the exchange its value is that of the other meter; None if it never is."""
    state, exchanged_at = MeterState(), 0.0
    for moment in weeks(5, 17, exchanged_at=7 * DAY):
        if moment.low < 10_000 and not exchanged_at:
            exchanged_at = moment.at
            state = reset_to(state, 0, moment.at) if told else state
        state, _ = judge(state, rules, moment.text, moment.at)
        if exchanged_at and state.confirmed is not None and state.confirmed.value < 10_000:
            return (moment.at - exchanged_at) / HOUR
    return None


@given(
    st.lists(st.tuples(st.integers(0, 99_999), st.floats(0, 1e5)), max_size=80),
    st.sampled_from([None, 100.0, 1e6]),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_whatever_is_read_a_meter_runs_back_only_over_its_zero(
    readings: list[tuple[int, float]], rate: float | None, five_a_second: bool
) -> None:
    """Any digits at any times: no exception, and what ran back is a rollover of a hundredth."""
    rules = MeterRules(digits=DIGITS, max_per_hour=rate, confirm=2, confirm_jump=2)
    state, at = MeterState(), 0.0
    for value, wait in readings:
        for _ in range(3):
            at += 0.2 if five_a_second else wait
            before = state.confirmed
            state, verdict = judge(state, rules, f"{value:0{DIGITS}}", at)
            assert (verdict.state == "accepted") == (verdict.why == "")
            if before is not None:
                assert state.confirmed is not None
                old, new = before.value, state.confirmed.value
                assert new >= old or rules.change(old, new, wraps=True) > 0
