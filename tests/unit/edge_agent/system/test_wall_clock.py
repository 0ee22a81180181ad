"""Whether the time of day can be believed, on machines made of a folder."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.system.wall_clock import BORN, WallClock, clock_synchronised

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Machine:
    """A machine with two clocks."""

    def __init__(self, root: Path) -> None:
        self.root, self.now, self.monotonic = root, NOON.timestamp(), 100.0
        self.synchronised: bool | None = False

    def put(self, path: str, text: str = "") -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.monotonic += seconds

    def clock(self) -> WallClock:
        return WallClock(
            self.root, lambda: self.now, lambda: self.monotonic, lambda: self.synchronised
        )


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_container_is_believed(machine: Machine) -> None:
    """Must not fire: nobody disciplines its clock, and nothing says that it came from a file."""
    assert machine.clock().is_set()


def test_1970_is_never_believed(machine: Machine) -> None:
    """Whatever the kernel says; and at the first moment that can be it is."""
    machine.now, machine.synchronised = 3600.0, True
    clock = machine.clock()
    assert not clock.is_set()
    machine.now = BORN - 1
    assert not clock.is_set()
    machine.now = BORN
    assert clock.is_set()


@pytest.mark.parametrize(
    "saved",
    ["etc/fake-hwclock.data", "var/lib/systemd/timesync/clock", "run/systemd/timesync/x"],
)
def test_a_time_from_a_file_is_not_believed_until_it_is_set(machine: Machine, saved: str) -> None:
    """Must fire: a board without a battery begins where it was switched off."""
    machine.put(saved)
    clock = machine.clock()
    assert not clock.is_set()
    machine.synchronised = True
    machine.passes(1)
    assert clock.is_set()
    machine.synchronised = False
    machine.passes(10 * 3600)
    assert clock.is_set()  # the kernel forgets in hours without a network; the clock does not


def test_in_the_sandbox_timesyncd_says_it(machine: Machine) -> None:
    """The service may not ask the kernel."""
    machine.synchronised = None
    machine.put("run/systemd/timesync/x")
    clock = machine.clock()
    assert not clock.is_set()
    machine.put("run/systemd/timesync/synchronized")
    machine.passes(1)
    assert clock.is_set()


def test_where_nobody_can_say_it_is_believed(machine: Machine) -> None:
    """No right to ask, and another daemon than timesyncd."""
    machine.synchronised = None
    machine.put("etc/fake-hwclock.data")
    assert machine.clock().is_set()


def battery(machine: Machine) -> None:
    machine.put("sys/class/rtc/rtc0/since_epoch", f"{int(machine.now)}\n")


def empty_battery(machine: Machine) -> None:
    machine.put("sys/class/rtc/rtc0/since_epoch", "3611\n")


def no_number(machine: Machine) -> None:
    machine.put("sys/class/rtc/rtc0/since_epoch", "\n")


@pytest.mark.parametrize(
    ("made", "believed"), [(battery, True), (empty_battery, False), (no_number, False)]
)
def test_a_clock_with_a_battery_is_believed(
    machine: Machine, made: Callable[[Machine], None], believed: bool
) -> None:
    """Also without a network; one whose battery is empty begins in 1970 itself."""
    machine.put("etc/fake-hwclock.data")
    made(machine)
    assert machine.clock().is_set() == believed


def test_the_system_is_asked_once_a_second(machine: Machine) -> None:
    """It is asked for every result."""
    machine.put("etc/fake-hwclock.data")
    asked = []

    def synchronised() -> bool:
        asked.append(machine.monotonic)
        return False

    clock = WallClock(machine.root, lambda: machine.now, lambda: machine.monotonic, synchronised)
    for _ in range(100):
        assert not clock.is_set()
        machine.passes(0.1)
    assert 9 <= len(asked) <= 11


def test_what_was_dated_before_the_clock_was_set_is_dated_wrongly(machine: Machine) -> None:
    """Asked before and afterwards; what is dated afterwards is right, and a small step is none."""
    machine.put("etc/fake-hwclock.data")
    clock = machine.clock()
    before = clock.now(), machine.monotonic
    assert not clock.dates(*before)
    machine.passes(2)
    machine.now += 3 * 86_400
    machine.synchronised = True
    assert not clock.dates(*before)
    after = clock.now(), machine.monotonic
    machine.passes(5)
    machine.now += 1.5
    assert clock.dates(*after)
    assert not clock.dates(after[0] - timedelta(hours=1), after[1])


def test_the_kernel_can_be_asked() -> None:
    """The real call: an answer, or None where a container forbids it."""
    assert clock_synchronised() in (True, False, None)
