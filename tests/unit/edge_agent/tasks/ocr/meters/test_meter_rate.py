"""How fast a meter counts, from values that were confirmed."""

import pytest

from edge_agent.tasks.ocr.meters.evidence import TicksSeen
from edge_agent.tasks.ocr.meters.rate import MeterRate
from edge_agent.tasks.ocr.meters.rules import MeterRules

RULES = MeterRules(digits=5, decimals=1, max_per_hour=100, rollover=True)


def rate(*seen: tuple[int, float], rules: MeterRules = RULES) -> float | None:
    """Of values in ticks at minutes."""
    found = MeterRate(rules)
    for value, minute in seen:
        found.add(TicksSeen(value, minute * 60))
    return found.per_hour()


def test_it_is_the_mean_over_the_last_hour() -> None:
    """What was before that does not count: 30 ticks in the first hour, 60 in the second."""
    first = [(n // 2, n) for n in range(60)]
    second = [(30 + n, 60 + n) for n in range(61)]
    assert rate(*first) == pytest.approx(3.0, abs=0.1)
    assert rate(*first, *second) == 6.0


def test_a_meter_at_rest_has_a_rate_of_zero() -> None:
    """And one of which little was seen has none."""
    assert rate() is None
    assert rate((7, 0), (7, 9)) is None
    assert rate((7, 0), (7, 10)) == 0.0


def test_an_outage_is_part_of_the_time() -> None:
    """A day between two values: the mean of the day, not of the last hour."""
    assert rate((0, 0), (240, 24 * 60)) == 1.0


def test_a_rollover_is_no_running_backwards() -> None:
    """99999 to 00029 in an hour are 30 ticks."""
    assert rate((99_999, 0), (29, 60)) == 3.0


def test_a_meter_that_begins_anew_has_no_rate_of_the_one_before() -> None:
    """Must not fire: an exchange is no use of minus nine thousand."""
    rules = MeterRules(digits=5)
    assert rate((9000, 0), (5, 60), rules=rules) is None
    assert rate((9000, 0), (5, 60), (15, 120), rules=rules) == 10.0
    assert rate((5, 60), (5, 0), (6, 30), rules=rules) == 2.0


def test_forgetting_begins_anew() -> None:
    """What was set by hand is no use either."""
    found = MeterRate(RULES)
    found.add(TicksSeen(0, 0))
    found.forget()
    found.add(TicksSeen(9000, 3600))
    assert found.per_hour() is None


def test_a_thermometer_may_fall() -> None:
    """Both ways: the rate is negative."""
    rules = MeterRules(decimals=1, monotone=False)
    assert rate((200, 0), (180, 60), rules=rules) == -2.0


def test_five_values_a_second_take_no_room() -> None:
    """A value a minute is kept of them."""
    found = MeterRate(RULES)
    for n in range(5 * 2 * 3600):
        found.add(TicksSeen(n // 600, n / 5))
    assert len(found._seen) <= 62
    assert found.per_hour() == pytest.approx(3.0, abs=0.2)
