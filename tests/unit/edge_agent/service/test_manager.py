"""What the service manager hears of the agent: fed for work, told in one line how it goes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.managers import ServiceManager, short_address

from edge_agent.common.errors import BundleError
from edge_agent.common.stop import Stop
from edge_agent.service.liveness import allowance_s
from edge_agent.service.manager import STATUS_INTERVAL_S, Manager
from edge_agent.service.notify import Notifier
from edge_agent.sources.config import ImagesConfig
from edge_agent.sources.files import ImageSource
from edge_agent.stream.config import StreamConfig

DOOR = StreamConfig(name="door", bundle=Path("b"), source=ImagesConfig(path=Path("x")))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="systemd")
def _systemd(tmp_path: Path) -> Iterator[ServiceManager]:
    with ServiceManager(short_address(tmp_path)) as listening:
        yield listening


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="manager")
def _manager(systemd: ServiceManager, clock: Clock) -> Manager:
    manager = Manager(Notifier(systemd.address, watchdog_s=40), clock)
    manager.watch(DOOR, ImageSource(Path("x"), Stop()), lambda: DOOR.interval_s)
    return manager


def test_ticks_come_often_enough_for_the_watchdog() -> None:
    """A quarter of its patience, and never rarer than the line for people."""
    assert Manager(Notifier("x", watchdog_s=8)).tick_s == 2
    assert Manager(Notifier("x", watchdog_s=600)).tick_s == STATUS_INTERVAL_S
    assert Manager(Notifier()).tick_s == STATUS_INTERVAL_S


def test_a_working_stream_feeds_the_watchdog(
    manager: Manager, systemd: ServiceManager, clock: Clock
) -> None:
    """Each tick; the line for people only now and then."""
    for _ in range(2):
        manager.tick("1 stream(s)")
        clock.now += STATUS_INTERVAL_S / 2
    manager.ready("end")
    heard = [systemd.hear() for _ in range(4)]
    assert heard == [
        {"WATCHDOG": "1"},
        {"STATUS": "1 stream(s)"},
        {"WATCHDOG": "1"},
        {"READY": "1", "STATUS": "end"},
    ]


def test_a_hanging_stream_does_not(
    manager: Manager,
    systemd: ServiceManager,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Must fire: no food, a line that names the stream, one line in the log; and back again."""
    clock.now += allowance_s(DOOR.source, DOOR.interval_s) + 1
    for _ in range(3):
        manager.tick("1 stream(s)")
    assert systemd.hear() == {"STATUS": "1 stream(s); hanging: door"}
    assert [r.message for r in caplog.records] == [
        "stream door: no sign of life: the watchdog is not fed"
    ]
    manager.hears(DOOR, lambda *words: None)(True, "")
    manager.tick("1 stream(s)")
    assert systemd.hear() == {"WATCHDOG": "1"}


def test_a_camera_that_is_looked_for_keeps_the_watchdog_fed(
    manager: Manager, systemd: ServiceManager, clock: Clock
) -> None:
    """Unplugged for a day: no restart would help. The line says what is lost, and why."""
    hears = manager.hears(DOOR, lambda *words: None)
    for _ in range(24 * 60):
        hears(False, "camera 0: none that opens")
        clock.now += 60
        manager.tick("1 stream(s)")
        assert systemd.hear() == {"WATCHDOG": "1"}
        said = systemd.hear()
    assert said == {"STATUS": "1 stream(s); door lost: camera 0: none that opens"}
    hears(True, "")
    clock.now += STATUS_INTERVAL_S
    manager.tick("1 stream(s)")
    assert [systemd.hear(), systemd.hear()] == [{"WATCHDOG": "1"}, {"STATUS": "1 stream(s)"}]


def test_a_stream_that_has_ended_is_not_waited_for(
    manager: Manager, systemd: ServiceManager, clock: Clock
) -> None:
    """Its results may still wait for the broker for days."""
    manager.ended("door")
    clock.now += 1e6
    manager.tick("x")
    assert systemd.hear() == {"WATCHDOG": "1"}


def test_a_refused_configuration_stays_in_the_line_until_one_holds(
    manager: Manager, systemd: ServiceManager
) -> None:
    """Nobody looks at the log in the very minute."""
    manager.refused(BundleError("b: damaged"))
    manager.ready("1 stream(s)")
    assert systemd.hear()["STATUS"] == (
        "1 stream(s); new configuration refused: b: damaged; running on the old one"
    )
    manager.accepted(changed=False)
    manager.ready("1 stream(s)")
    assert systemd.hear()["STATUS"] == "1 stream(s)"


def test_other_streams_owe_nothing_for_those_before(
    manager: Manager, systemd: ServiceManager, clock: Clock
) -> None:
    """After a reload neither a debt nor a loss of the old streams is left."""
    manager.hears(DOOR, lambda *words: None)(False, "gone")
    manager.forget_streams()
    clock.now += 1e6
    manager.tick("x")
    assert [systemd.hear(), systemd.hear()] == [{"WATCHDOG": "1"}, {"STATUS": "x"}]
