"""sd_notify(3) by hand, heard by a real datagram socket."""

import os
import time
import uuid
from pathlib import Path

import pytest
from support.managers import ServiceManager, short_address

from edge_agent.service.notify import Notifier, notifier


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_every_word_reaches_the_socket(kind: str, tmp_path: Path) -> None:
    """As sd_notify(3) writes them, through both kinds of address."""
    address = short_address(tmp_path) if kind == "path" else f"@edgeward-{uuid.uuid4().hex}"
    with ServiceManager(address) as manager:
        told = Notifier(address, watchdog_s=10)
        told.ready("2 streams")
        assert manager.hear() == {"READY": "1", "STATUS": "2 streams"}
        told.status("fine")
        assert manager.hear() == {"STATUS": "fine"}
        told.alive()
        assert manager.hear() == {"WATCHDOG": "1"}
        told.stopping("stopped")
        assert manager.hear() == {"STOPPING": "1", "STATUS": "stopped"}


def test_a_reload_carries_the_time_that_systemd_compares(tmp_path: Path) -> None:
    """CLOCK_MONOTONIC in microseconds, as Type=notify-reload asks for."""
    with ServiceManager(short_address(tmp_path)) as manager:
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        Notifier(manager.address).reloading("reloading")
        heard = manager.hear()
        assert heard["RELOADING"] == "1"
        assert before <= int(heard["MONOTONIC_USEC"]) <= time.clock_gettime_ns(1) // 1000


def test_a_status_of_several_lines_is_one_variable(tmp_path: Path) -> None:
    """An error's text cannot smuggle in another word of the protocol."""
    with ServiceManager(short_address(tmp_path)) as manager:
        Notifier(manager.address).status("broken\nWATCHDOG=1")
        assert manager.hear() == {"STATUS": r"broken\nWATCHDOG=1"}


def test_without_a_manager_nothing_is_said() -> None:
    """Must not fire: an agent started by hand."""
    quiet = notifier({})
    assert quiet == Notifier(None, None)
    quiet.ready("x")
    quiet.alive()


def test_the_watchdog_is_fed_only_where_one_is_asked_for(tmp_path: Path) -> None:
    """No WATCHDOG_USEC, no feeding."""
    with ServiceManager(short_address(tmp_path)) as manager:
        told = Notifier(manager.address)
        told.alive()
        told.status("end")
        assert manager.hear() == {"STATUS": "end"}


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({"WATCHDOG_USEC": "2500000"}, 2.5),
        ({"WATCHDOG_USEC": "2500000", "WATCHDOG_PID": str(os.getpid())}, 2.5),
        ({"WATCHDOG_USEC": "2500000", "WATCHDOG_PID": str(os.getpid() + 1)}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_ours_or_nobodys(variables: dict[str, str], seconds: float | None) -> None:
    """Microseconds for this very process; anything else is not fed."""
    assert notifier(variables).watchdog_s == seconds


def test_an_address_that_is_none_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    """Said once, not raised: the agent works without a manager."""
    assert notifier({"NOTIFY_SOCKET": "vsock:2:1"}).address is None
    assert "NOTIFY_SOCKET: expected a path or @name, found 'vsock:2:1'" in caplog.text


def test_a_manager_that_is_gone_does_not_stop_the_agent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning that names the socket."""
    Notifier(str(tmp_path / "gone")).ready("x")
    assert "gone does not listen" in caplog.text
