"""What meters showed, over restarts: kept soon, recalled with its age, never a danger."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.tasks.ocr.meters.evidence import TicksSeen
from edge_agent.tasks.ocr.meters.memory import MeterMemory, meters_path
from edge_agent.tasks.ocr.meters.meter import judge
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.meters.state import MeterState

RULES = MeterRules(digits=5, decimals=1, max_per_hour=1.0, confirm=2, confirm_jump=4)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Machine:
    """A device with a file and two clocks; a reboot sets one of them to zero."""

    def __init__(self, folder: Path) -> None:
        self.path = meters_path(folder / "outbox.db")
        self.clock, self.now, self.clock_set = 100.0, NOON, True

    def passes(self, seconds: float) -> None:
        self.clock += seconds
        self.now += timedelta(seconds=seconds)

    def reboots(self, after_s: float = 0.0) -> None:
        self.passes(after_s)
        self.clock = 5.0

    def memory(self) -> MeterMemory:
        return MeterMemory(self.path, lambda: self.clock, lambda: self.now, lambda: self.clock_set)

    def keep(self, memory: MeterMemory, value: int, region: str = "water") -> None:
        memory.keep("cellar", region, RULES, MeterState(TicksSeen(value, self.clock)))

    def recall(self, region: str = "water", rules: MeterRules = RULES) -> MeterState:
        return self.memory().recall("cellar", region, rules)


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_meter_comes_back_with_its_age(machine: Machine) -> None:
    """An hour after, on another clock: as much as it may have counted meanwhile is believed."""
    with machine.memory() as memory:
        machine.keep(memory, 1234)
    machine.reboots(after_s=3600)
    state = machine.recall()
    assert state == MeterState(TicksSeen(1234, machine.clock - 3600))
    verdicts = [
        judge(state, RULES, text, machine.clock)[1]
        for text in ("0123.4", "0124.3", "0143.4", "0023.4")
    ]
    assert [(verdict.state, verdict.why.partition(",")[0]) for verdict in verdicts] == [
        ("accepted", ""),
        ("held", "1 of 2 readings agree"),
        ("held", "faster than 1 an hour from 0123.4"),
        ("held", "runs backwards from 0123.4"),
    ]


def test_an_unknown_meter_begins_with_nothing(machine: Machine) -> None:
    """No file, and a file without this region."""
    assert machine.recall() == MeterState()
    with machine.memory() as memory:
        machine.keep(memory, 1)
    assert machine.recall("gas") == MeterState()
    assert machine.recall() != MeterState()


def test_meters_that_are_not_asked_for_stay(machine: Machine) -> None:
    """A stream that is left out of the configuration for a day is not forgotten."""
    with machine.memory() as memory:
        machine.keep(memory, 1, "water")
        machine.keep(memory, 2, "gas")
    with machine.memory() as memory:
        machine.keep(memory, 3, "water")
    assert [machine.recall(region).confirmed for region in ("water", "gas")] == [
        TicksSeen(3, machine.clock),
        TicksSeen(2, machine.clock),
    ]


def test_a_change_is_on_disk_soon(machine: Machine) -> None:
    """At once, but not for every reading of a meter in motion; a kill then costs seconds."""
    memory = machine.memory()  # never closed: as if killed
    machine.keep(memory, 1)
    assert machine.recall().confirmed == TicksSeen(1, machine.clock)
    machine.passes(9)
    machine.keep(memory, 2)
    assert machine.recall().confirmed == TicksSeen(1, machine.clock - 9)
    machine.passes(1)
    machine.keep(memory, 3)
    assert machine.recall().confirmed == TicksSeen(3, machine.clock)


def test_a_meter_at_rest_is_written_once_an_hour(machine: Machine) -> None:
    """Its time has to be true to an hour, for the largest rate; more would wear out the card."""
    memory = machine.memory()
    writes = []
    for _ in range(4 * 60):
        machine.keep(memory, 7)
        writes.append(machine.path.stat().st_mtime_ns)
        machine.passes(60)
    assert len(set(writes)) == 4


def test_nothing_is_written_where_nothing_is_confirmed(machine: Machine) -> None:
    """Must not fire; nor for what no reader of JSON could take."""
    with machine.memory() as memory:
        memory.keep("cellar", "water", RULES, MeterState())
        machine.keep(memory, 10**30)
    assert not machine.path.exists()


@pytest.mark.parametrize("after", [timedelta(days=30, seconds=1), timedelta(days=3000)])
def test_no_value_is_too_old(machine: Machine, after: timedelta) -> None:
    """A house that stood empty for years: its meter shows no less than it did."""
    with machine.memory() as memory:
        machine.keep(memory, 7)
    machine.now += after
    state = machine.recall()
    assert state.confirmed == TicksSeen(7, machine.clock - after.total_seconds())


def test_without_a_clock_a_value_is_recalled_and_dated_later(machine: Machine) -> None:
    """1970 at the start: what it showed stands, and has its age once the network has the time."""
    with machine.memory() as memory:
        machine.keep(memory, 1234)
    later = NOON + timedelta(days=3)
    machine.reboots()
    machine.now, machine.clock_set = datetime(1970, 1, 1, 0, 1, tzinfo=UTC), False
    memory = machine.memory()
    state = memory.recall("cellar", "water", RULES)
    assert state.confirmed == TicksSeen(1234, machine.clock)
    assert not memory.knows_when("cellar", "water")
    _, verdict = judge(state, RULES, "0133.4", machine.clock)
    assert verdict.state == "held"
    assert verdict.why.startswith("faster than")
    memory.keep("cellar", "water", RULES, state)  # not seen since: the file stays as it is
    assert memory.dated("cellar", "water", state) == state
    machine.now, machine.clock_set = later, True
    dated = memory.dated("cellar", "water", state)
    assert dated.confirmed == TicksSeen(1234, machine.clock - 3 * 86_400)
    assert memory.knows_when("cellar", "water")
    _, verdict = judge(dated, RULES, "0133.4", machine.clock)
    assert verdict.why == "1 of 2 readings agree"


def test_what_was_seen_meanwhile_is_not_dated_back(machine: Machine) -> None:
    """Must not fire: a reading of this start has its own time."""
    with machine.memory() as memory:
        machine.keep(memory, 1234)
    machine.clock_set = False
    memory = machine.memory()
    memory.recall("cellar", "water", RULES)
    seen = MeterState(TicksSeen(1234, machine.clock + 60))
    machine.clock_set = True
    assert memory.dated("cellar", "water", seen) == seen


def test_what_was_written_without_a_clock_has_no_age(machine: Machine) -> None:
    """Dated 1970, recalled in 2026: not 56 years in which it may have counted anything."""
    machine.now, machine.clock_set = datetime(1970, 1, 1, 0, 1, tzinfo=UTC), False
    with machine.memory() as memory:
        machine.keep(memory, 1234)
    machine.now, machine.clock_set = NOON, True
    memory = machine.memory()
    state = memory.recall("cellar", "water", RULES)
    assert state.confirmed == TicksSeen(1234, machine.clock)
    assert not memory.knows_when("cellar", "water")
    machine.passes(60)
    with memory:
        machine.keep(memory, 1234)
    assert machine.recall().confirmed == TicksSeen(1234, machine.clock)
    assert machine.memory().knows_when("cellar", "water")


def test_how_fast_it_counts_and_what_made_its_value_are_kept(machine: Machine) -> None:
    """Where no largest rate is given, the first is what readings are held to."""
    with machine.memory() as memory:
        state = MeterState(TicksSeen(7, machine.clock), pace=0.5, came_from="command")
        memory.keep("cellar", "water", RULES, state)
    assert machine.recall().pace == 0.5
    assert machine.recall().came_from == "command"


def test_a_file_of_the_version_before_is_read(machine: Machine) -> None:
    """It says neither whether the clock was set nor how fast it counted."""
    machine.path.write_text(
        '{"schema": "edgeward.meters/1", "meters": [{"stream": "cellar", "region": "water", '
        '"ticks": 7, "decimals": 1, "digits": 5, "seen_at": "2026-11-21T11:00:00Z"}]}'
    )
    assert machine.recall() == MeterState(TicksSeen(7, machine.clock - 3600))


def test_what_a_person_says_is_on_disk_at_once(machine: Machine) -> None:
    """A value that was set, and that nothing is known."""
    memory = machine.memory()  # never closed: as if killed
    machine.keep(memory, 1)
    memory.keep("cellar", "water", RULES, MeterState(TicksSeen(2, machine.clock)), now=True)
    assert machine.recall().confirmed == TicksSeen(2, machine.clock)
    memory.forget("cellar", "water")
    assert machine.recall() == MeterState()


def test_a_value_from_the_future_counts_as_seen_now(machine: Machine) -> None:
    """A clock that was set back an hour does not make the meter older than the agent."""
    with machine.memory() as memory:
        machine.keep(memory, 7)
    machine.now -= timedelta(hours=1)
    assert machine.recall().confirmed == TicksSeen(7, machine.clock)


def test_other_digits_are_another_meter(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    """1234 of a tenth is not 1234 of a unit: begins anew, and says so."""
    with machine.memory() as memory:
        machine.keep(memory, 1234)
    with caplog.at_level(logging.WARNING, "edge_agent"):
        assert machine.recall(rules=MeterRules(digits=5)) == MeterState()
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{machine.path}: stream 'cellar', region 'water': expected a value of 5 digits, 0 behind "
        "the point, found one of 5, 1; beginning anew"
    )


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def not_text(path: Path) -> None:
    path.write_bytes(b'{"schema": "\xff"}')


def of_another_version(path: Path) -> None:
    path.write_text('{"schema": "edgeward.meters/2", "meters": []}')


def out_of_range(path: Path) -> None:
    path.write_text(path.read_text().replace("1234", "9" * 40))


@pytest.mark.parametrize("harm", [cut, emptied, not_text, of_another_version, out_of_range])
def test_a_damaged_file_is_passed_over(
    machine: Machine, caplog: pytest.LogCaptureFixture, harm: Callable[[Path], None]
) -> None:
    """With one line in the log; the next value replaces it."""
    with machine.memory() as memory:
        machine.keep(memory, 1234)
    harm(machine.path)
    with caplog.at_level(logging.WARNING, "edge_agent"):
        assert machine.recall() == MeterState()
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{machine.path}: damaged, meters begin anew: ")
    with machine.memory() as memory:
        machine.keep(memory, 5)
    assert machine.recall().confirmed == TicksSeen(5, machine.clock)


def test_a_disk_that_fails_stops_no_reading(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither when it is read nor when it is written, and it is said once."""
    machine.path.mkdir()
    with caplog.at_level(logging.WARNING, "edge_agent"), machine.memory() as memory:
        for value in range(3):
            machine.keep(memory, value)
            machine.passes(60)
    assert [record.getMessage() for record in caplog.records] == [
        f"{machine.path}: cannot be read, meters begin anew: Is a directory",
        f"{machine.path}: cannot keep the meters: Is a directory",
    ]
    machine.path.rmdir()
    machine.passes(60)
    machine.keep(memory, 9)
    assert machine.recall().confirmed == TicksSeen(9, machine.clock)
