"""A region's meter: what it says of itself, and how a person sets it while it is read."""

import logging
import threading
from pathlib import Path

import pytest

from edge_agent.tasks.ocr.meters.memory import MeterMemory
from edge_agent.tasks.ocr.meters.region_meter import MeterStand, RegionMeter
from edge_agent.tasks.ocr.meters.rules import MeterRules

RULES = MeterRules(
    digits=5, decimals=1, max_per_hour=100, confirm=2, confirm_s=0, confirm_jump=2, confirm_jump_s=0
)


def meter(memory: MeterMemory | None = None, rules: MeterRules = RULES) -> RegionMeter:
    return RegionMeter("cellar", "water", rules, memory)


def fed(found: RegionMeter, *readings: tuple[str, float]) -> str:
    """The states of readings."""
    return "".join(found.judge(text, at, None).state[0] for text, at in readings)


def test_before_a_reading_nothing_is_known() -> None:
    """No value, no moment, no rate."""
    assert meter().shows() == MeterStand(None, None, None, None)


def test_a_value_has_the_moment_it_was_last_seen() -> None:
    """Of the newest reading that was accepted, not of one that was held."""
    found = meter()
    assert fed(found, ("0012.3", 0), ("0012.3", 60), ("0012.3", 660), ("0012.3", 1260)) == "haaa"
    assert fed(found, ("0099.9", 1320)) == "h"
    assert found.shows() == MeterStand(12.3, 1260, 0.0, "readings")


def test_a_value_that_is_not_seen_for_an_hour_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Must fire once for each time; it may be an exchange that nobody told."""
    caplog.set_level(logging.WARNING, "edge_agent")
    found = meter()
    fed(found, ("0912.3", 0), ("0912.3", 60))
    for start in (120, 20_000):
        fed(found, *(("0003.4", start + 60 * n) for n in range(200)))
        fed(found, ("0912.3", start + 60 * 201))
    first, second = caplog.messages
    assert first == (
        "stream 'cellar', region 'water': its value was not seen for 1.0 h: "
        "runs backwards from 0912.3, as another meter would: set its value"
    )
    assert "not seen for 2.3 h" in second  # no reading came for two


def test_a_meter_in_motion_or_seldom_read_is_no_complaint(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Must not fire: no reading is accepted, but the value moves; or days lie between them."""
    found = meter()
    fed(found, *((f"{n // 10:04}.{n % 10}", 60 * n) for n in range(300)))
    seldom = meter()
    fed(seldom, ("0912.3", 0), ("0912.3", 86_400), ("0912.4", 2 * 86_400))
    assert caplog.messages == []


def test_a_person_sets_it() -> None:
    """Lower; and it goes on from there, without a rate of its own yet."""
    found = meter()
    fed(found, ("0912.3", 0), ("0912.3", 60), ("0912.3", 1200))
    assert found.set_to(3.4, 1300) == "set from 0912.3 to 0003.4"
    assert found.shows() == MeterStand(3.4, 1300, None, "command")
    assert fed(found, ("0003.4", 1360), ("0003.5", 1420), ("0003.5", 1480)) == "aha"
    assert found.shows() == MeterStand(3.5, 1480, None, "readings")


def test_what_a_person_sets_is_no_use_of_water() -> None:
    """Ahead: the rate counts from there, not from the value that was wrong."""
    found = meter()
    fed(found, ("0012.3", 0), ("0012.3", 60), ("0012.3", 1200))
    found.set_to(912.3, 1300)
    fed(found, ("0912.3", 1300), ("0912.3", 2000), ("0912.3", 2700))
    assert found.shows() == MeterStand(912.3, 2700, 0.0, "command")


def test_a_person_has_it_begin_anew() -> None:
    """Nothing is known, and its next readings make the value."""
    found = meter()
    fed(found, ("0912.3", 0), ("0912.3", 60))
    assert found.set_to(None, 90) == "set from 0912.3 to nothing: it begins anew"
    assert found.shows() == MeterStand(None, None, None, None)
    assert fed(found, ("0003.4", 120), ("0003.4", 180)) == "ha"
    assert meter().set_to(7, 0) == "set from nothing to 0007.0"


@pytest.mark.parametrize("value", [12.34, -1, 10_000])
def test_what_it_cannot_show_is_refused(value: float) -> None:
    """And nothing changes."""
    found = meter()
    fed(found, ("0912.3", 0), ("0912.3", 60))
    with pytest.raises(ValueError, match=r"^expected .*, found "):
        found.set_to(value, 90)
    assert found.shows().value == 912.3


def test_what_was_set_survives_a_kill(tmp_path: Path) -> None:
    """On disk before the answer."""
    path = tmp_path / "outbox.meters.json"
    found = meter(MeterMemory(path))
    fed(found, ("0912.3", 0), ("0912.3", 60))
    found.set_to(3.4, 90)
    assert meter(MeterMemory(path)).shows().value == 3.4
    found.set_to(None, 90)
    assert meter(MeterMemory(path)).shows().value is None


def test_without_a_clock_the_moment_is_not_known(tmp_path: Path) -> None:
    """A value that stands, but nobody knows since when; the next reading says it."""
    path = tmp_path / "outbox.meters.json"
    fed(meter(MeterMemory(path)), ("0912.3", 0), ("0912.3", 60))
    found = meter(MeterMemory(path, clock=lambda: 5.0, is_set=lambda: False))
    assert found.shows() == MeterStand(912.3, None, None, "readings")
    fed(found, ("0912.3", 65))
    assert found.shows().seen_at == 65


def test_it_is_set_while_it_is_read() -> None:
    """Two threads: every state that is seen is whole, and the last value set stands."""
    found, done = meter(), threading.Event()
    fed(found, ("0000.0", 0), ("0000.0", 1))
    seen = set[float | None]()

    def read() -> None:
        at = 2.0
        while not done.is_set():
            found.judge("0000.0", at, None)
            seen.add(found.shows().value)
            at += 1

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(2000):
        found.set_to(5000.0 + number % 2, 1e9)
    done.set()
    thread.join(60)
    assert seen <= {0.0, 5000.0, 5001.0}
    assert found.shows().value == 5001.0
