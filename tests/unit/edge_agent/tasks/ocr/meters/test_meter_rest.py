"""A meter at rest on 0s and 9s: it may be digits turning, and is not held for ever."""

import pytest

from edge_agent.tasks.ocr.meters.meter import judge
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.meters.state import MeterState

MINUTE, HOUR = 60.0, 3600.0
RULES = MeterRules(digits=6, decimals=1, max_per_hour=2.5)


def known(text: str, rules: MeterRules = RULES) -> MeterState:
    """A meter that has shown `text` until second 720."""
    state = MeterState()
    for minute in range(13):
        state, _ = judge(state, rules, text, minute * MINUTE)
    assert state.confirmed is not None
    return state


def believed_after_h(old: str, new: str, away_h: float, rules: MeterRules = RULES) -> float | None:
    """How long `new` has to stand after `old` and hours without a reading; None beyond 50 h."""
    state, start = known(old, rules), 720 + away_h * HOUR
    for minute in range(3000):
        state, verdict = judge(state, rules, new, start + minute * MINUTE)
        if verdict.state == "accepted":
            assert state.value(rules) == int(new) / 10
            return minute / 60
    return None


@pytest.mark.parametrize(
    ("old", "new", "away_h", "after_h"),
    [
        ("001299", "001300", 1, 1),
        ("001234", "001400", 240, 1),
        ("001290", "001300", 10, 1),
        ("001234", "001290", 10, 1),
        ("001234", "002000", 240, 1),
        ("009999", "010000", 1, 1),
        # What may be ten ticks too high stands for ten times what those need, a hundred for a day.
        ("001234", "001279", 4, 4),
        ("001234", "001399", 240, 24),
        ("001234", "001401", 240, 2 / 60),
    ],
)
def test_a_meter_that_rests_on_0_or_9_is_believed(
    old: str, new: str, away_h: float, after_h: float
) -> None:
    """An hour if nothing is wrong by it, longer if it may lie ahead of the meter."""
    assert believed_after_h(old, new, away_h) == pytest.approx(after_h, abs=0.02)


@pytest.mark.parametrize(
    ("old", "new", "away_h"),
    [
        ("000199", "000299", 0.02),
        ("000199", "000299", 10),
        ("000199", "000109", 10),
        ("000199", "000190", 10),
        ("000200", "000299", 10),
        ("000200", "000209", 10),
        ("000198", "000299", 10),
        ("000200", "000199", 10),
    ],
)
def test_digits_that_turn_where_the_meter_was_seen_stay_held(
    old: str, new: str, away_h: float
) -> None:
    """Must not fire: for two days and more, until the meter moves."""
    assert believed_after_h(old, new, away_h) is None


def test_a_wheel_half_way_that_is_read_as_0_never_makes_the_value_go_back() -> None:
    """001239.5 is read as 001230 for 90 minutes, and is 001240 then: each is less than the true."""
    state, last = known("001215"), 1215
    texts = ["001230"] * 90 + ["001240"] * 90 + ["001241"] * 5
    for minute, text in enumerate(texts):
        state, _ = judge(state, RULES, text, 720 + HOUR + minute * MINUTE)
        assert state.confirmed is not None
        assert last <= state.confirmed.value <= (1239 if minute < 90 else 1241)
        last = state.confirmed.value
    assert last == 1241


def test_misreadings_now_and_then_do_not_end_a_rest() -> None:
    """One in thirty, at one a minute; but of two that take turns neither rests."""
    state, at = known("001299"), 720 + HOUR
    for minute in range(62):
        text = "001308" if minute % 30 == 7 else "001300"
        state, verdict = judge(state, RULES, text, at + minute * MINUTE)
    assert (verdict.state, state.value(RULES)) == ("accepted", 130.0)
    state = known("001299")
    for minute in range(600):
        text = "001300" if minute % 2 else "001390"
        state, verdict = judge(state, RULES, text, 720 + 20 * HOUR + minute * MINUTE)
    assert (verdict.state, state.value(RULES)) == ("held", 129.9)


def test_what_was_seen_to_have_passed_does_not_turn() -> None:
    """001292 and 001296 wait: 001289 is behind the meter, and 001299 needs no hours."""
    rules = MeterRules(digits=6, decimals=1, max_per_hour=2.5, confirm=4, confirm_s=1)
    state, start = known("001280"), 720 + 2 * HOUR
    texts = {0: "001292", 20: "001296", **dict.fromkeys(range(40, 44), "001299")}
    for minute, text in texts.items():
        state, verdict = judge(state, rules, text, start + minute * MINUTE)
    assert (verdict.state, state.value(RULES)) == ("accepted", 129.9)


def test_a_rest_on_0_beyond_the_rate_is_believed_like_any_leap() -> None:
    """Nearly within reach: an hour; from further: a day, once it is within reach."""
    assert believed_after_h("001237", "001300", 1) == pytest.approx(1.5, abs=0.1)
    assert believed_after_h("001237", "001400", 0.1) == pytest.approx(24, abs=0.5)


def test_the_first_value_may_be_one_of_those() -> None:
    """Some readings, two hours without any, and then 001300 for good."""
    state = MeterState()
    for minute in range(3):
        state, _ = judge(state, RULES, "001299", minute * MINUTE)
    for minute in range(15):
        state, verdict = judge(state, RULES, "001300", 2 * HOUR + minute * MINUTE)
    assert (verdict.state, state.value(RULES)) == ("accepted", 130.0)
