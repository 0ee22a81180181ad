"""A disk without room: nothing that was stored is lost, and work goes on."""

import logging
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.agents import Agent, write_config
from support.brokers import Mosquitto, wait_until
from support.proxy import Proxy
from support.small_disk import MB, SmallDisk

from edge_agent.client import Ledger, Subscriber
from edge_agent.common.errors import DiskFullError
from edge_agent.common.exit_codes import ExitCode
from edge_agent.contract.messages import AvailabilityMessage, Message, ResultMessage, StatusMessage
from edge_agent.outbox import reserve
from edge_agent.outbox.outbox import Outbox
from edge_agent.pictures.folder import PictureFolder


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """24 MB."""
    with SmallDisk(tmp_path / "disk", 24) as disk:
        yield disk


@pytest.fixture(name="impatient", autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reserve is tried for at once."""
    monkeypatch.setattr(reserve, "RETRY_S", 0.0)


def payload(seq: int) -> bytes:
    return b"%06d" % seq + b"x" * 500


def store_until_full(outbox: Outbox, most: int = 100_000) -> int:
    """How many messages there was room for."""
    for count in range(most):
        try:
            outbox.append("a", "t", payload)
        except DiskFullError:
            return count
    pytest.fail(f"room for {most} messages")


def waiting(outbox: Outbox) -> list[int]:
    return [int(row.payload[:6]) for row in outbox.pending(0, 10**6)]


def box(disk: SmallDisk) -> Path:
    return disk.folder / "o.db"


def test_nothing_stored_is_lost_and_no_number_is_left_out(disk: SmallDisk) -> None:
    """Full, and again room, three times: every number once, in order, without a gap."""
    given = 0
    with Outbox(box(disk)) as outbox:
        for _ in range(3):
            for _ in range(100):
                given = outbox.append("a", "t", payload)
            disk.fill()
            given += store_until_full(outbox)
            with pytest.raises(DiskFullError):
                outbox.append("a", "t", payload)
            assert waiting(outbox) == list(range(1, given + 1))
            disk.clean()
            given += 1
            assert outbox.append("a", "t", payload) == given
    with closing(sqlite3.connect(box(disk))) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with Outbox(box(disk)) as outbox:
        assert waiting(outbox) == list(range(1, given + 1))
        assert outbox.state().evicted == 0


def test_on_a_full_disk_what_is_delivered_makes_room(disk: SmallDisk) -> None:
    """Work goes on for as long as the broker takes what is stored, whoever takes the disk."""
    with Outbox(box(disk)) as outbox:
        for _ in range(3000):
            outbox.append("a", "t", payload)
        disk.fill()
        store_until_full(outbox)
        disk.fill()
        stored = 0
        for _ in range(200):
            rows = outbox.pending(0, 50)
            outbox.delete([row.id for row in rows])
            assert outbox._forgotten == set()
            assert outbox.pending(0, 1)[0].id > rows[-1].id
            stored += store_until_full(outbox)
            disk.fill()
        assert stored > 0.9 * 200 * 50
        last = waiting(outbox)[-1]
        assert waiting(outbox) == list(range(last - outbox.state().depth + 1, last + 1))


def test_an_empty_outbox_works_on_a_full_disk(disk: SmallDisk) -> None:
    """A file of a few pages: the reserve becomes room in it, for some hundreds of results."""
    with Outbox(box(disk)) as outbox:
        outbox.append("a", "t", payload)
        outbox.delete([row.id for row in outbox.pending(0, 9)])
        disk.fill()
        assert 500 < store_until_full(outbox) < 5000
        disk.fill()
        for _ in range(20):
            outbox.delete([row.id for row in outbox.pending(0, 10**6)])
            assert outbox.state().depth == 0
            assert 500 < store_until_full(outbox) < 5000


def test_the_reserve_is_there_again_once_there_is_room(disk: SmallDisk) -> None:
    """Not before there is plenty: the outbox itself must not fill the disk."""
    kept = disk.folder / "o.reserve"
    with Outbox(box(disk)) as outbox:
        assert kept.stat().st_blocks * 512 == reserve.RESERVE_BYTES
        disk.fill()
        store_until_full(outbox)
        assert not kept.exists()
        disk.clean()
        disk.fill(leave=reserve.NEEDED_BYTES // 2)
        store_until_full(outbox)
        assert not kept.exists()
        disk.clean()
        for _ in range(2):
            outbox.append("a", "t", payload)
        assert kept.stat().st_blocks * 512 == reserve.RESERVE_BYTES
        # The file may grow again.
        for _ in range(5000):
            outbox.append("a", "t", payload)


def test_a_reserve_that_somebody_removed_is_made_again(disk: SmallDisk) -> None:
    """Or, if there is no room for it, the file keeps to what it can be emptied into."""
    kept = disk.folder / "o.reserve"
    with Outbox(box(disk)) as outbox:
        kept.unlink()
        outbox.append("a", "t", payload)
        assert kept.stat().st_blocks * 512 == reserve.RESERVE_BYTES
        kept.unlink()
        disk.fill(leave=4 * MB)
        assert 500 < store_until_full(outbox) < 5000
        disk.fill()
        for _ in range(5):
            outbox.delete([row.id for row in outbox.pending(0, 100)])
            assert outbox._forgotten == set()
            outbox.append("a", "t", payload)


def test_what_is_forgotten_is_not_given_again_while_the_disk_cannot_forget(
    disk: SmallDisk,
) -> None:
    """No room at all, the reserve taken by others too: remembered, and written when it can be."""
    with Outbox(box(disk)) as outbox:
        for _ in range(1000):
            outbox.append("a", "t", payload)
        (disk.folder / "o.reserve").unlink()
        disk.fill()
        store_until_full(outbox)
        before = waiting(outbox)
        rows = outbox.pending(0, 100)
        outbox.delete([row.id for row in rows])
        assert waiting(outbox) == before[100:]
        assert [row.id for row in outbox.pending(0, 5)] == [rows[-1].id + n for n in range(1, 6)]
        assert outbox.state().depth == len(before) - 100
        disk.clean()
        outbox.append("a", "t", payload)
    with Outbox(box(disk)) as outbox:
        assert waiting(outbox) == [*before[100:], before[-1] + 1]


def test_an_outbox_opens_on_a_full_disk(disk: SmallDisk) -> None:
    """It writes nothing to be opened: what waits can be delivered."""
    with Outbox(box(disk)) as outbox:
        for _ in range(100):
            outbox.append("a", "t", payload)
    disk.fill()
    with Outbox(box(disk)) as outbox:
        assert waiting(outbox) == list(range(1, 101))
        outbox.delete([row.id for row in outbox.pending(0, 50)])
        assert waiting(outbox) == list(range(51, 101))
        outbox.append("a", "t", payload)
    with Outbox(box(disk)) as outbox:
        assert waiting(outbox) == list(range(51, 102))


def test_a_new_outbox_on_a_full_disk_says_what_to_do(disk: SmallDisk) -> None:
    """Nothing can be kept: said at once, with how much is missing."""
    disk.fill()
    with pytest.raises(DiskFullError) as caught:
        Outbox(box(disk))
    assert str(caught.value) == (
        f"{box(disk)}: the disk is full: expected 8 MB free, found 0.0 MB; "
        "make room on it, and it goes on by itself"
    )
    disk.clean()
    with Outbox(box(disk)) as outbox:
        assert outbox.append("a", "t", payload) == 1


def failure(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = name
    return error


def test_an_io_error_is_a_full_disk_only_if_the_disk_is_full(disk: SmallDisk) -> None:
    """A quota, or a synchronisation without room, has no name of its own; a dying card neither."""
    names = ("SQLITE_IOERR_FSYNC", "SQLITE_IOERR_WRITE", "SQLITE_CANTOPEN")
    assert not any(reserve.is_full(failure(name), disk.folder) for name in names)
    assert reserve.is_full(failure("SQLITE_FULL"), disk.folder)
    disk.fill()
    assert all(reserve.is_full(failure(name), disk.folder) for name in names)
    assert not reserve.is_full(failure("SQLITE_CORRUPT"), disk.folder)
    assert [path.name for path in disk.folder.iterdir()] == ["hog"]


def test_a_disk_that_was_never_large_enough_for_the_reserve_is_used(tmp_path: Path) -> None:
    """Some hundreds of results may wait on it, and no more than are safe to be forgotten."""
    with SmallDisk(tmp_path / "disk", 6) as disk, Outbox(box(disk)) as outbox:
        assert store_until_full(outbox) > 500
        for _ in range(5):
            outbox.delete([row.id for row in outbox.pending(0, 100)])
            assert outbox._forgotten == set()
            outbox.append("a", "t", payload)


def test_a_crash_while_room_is_made_leaves_nothing_behind(disk: SmallDisk) -> None:
    """What fills the file for a moment is no message, and goes at the next start."""
    with Outbox(box(disk)) as outbox:
        outbox.append("a", "t", payload)
    with sqlite3.connect(box(disk)) as db:
        db.execute("CREATE TABLE filling (bytes BLOB)")
        db.execute("INSERT INTO filling VALUES (zeroblob(100000))")
    db.close()
    with Outbox(box(disk)) as outbox:
        assert waiting(outbox) == [1]
    with closing(sqlite3.connect(box(disk))) as db:
        (tables,) = db.execute("SELECT group_concat(name) FROM sqlite_master").fetchone()
    assert "filling" not in tables


def test_pictures_wait_for_room_and_stop_nothing(
    disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    """Their folder cannot even be made: one line in the log, and pictures once there is room."""
    caplog.set_level(logging.WARNING, "edge_agent")
    disk.fill()
    now = [0.0]
    pictures = PictureFolder(disk.folder / "a" / "b", "png", 10, 1, lambda: now[0])
    for _ in range(5):
        now[0] += 1
        assert pictures.keep("door", 0, lambda: b"x" * 10_000, lambda number: b"{}") is None
    assert [message.split(": ")[1] for message in caplog.messages] == ["cannot keep pictures"]
    disk.clean()
    now[0] += 1
    kept = pictures.keep("door", 0, lambda: b"x" * 10_000, lambda number: b"{}")
    assert kept is not None
    assert kept.number == 0


def test_an_agent_that_cannot_make_its_outbox_says_so_and_is_started_again(
    disk: SmallDisk, tmp_path: Path, bright_path: Path
) -> None:
    """A status that systemd answers with another start."""
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((24, 32, 3), np.uint8))
    disk.fill()
    source = f'{{ kind = "images", path = "{tmp_path}", loop = true }}'
    config = write_config(tmp_path, "mqtt://127.0.0.1:1", bright_path, source)
    config.write_text(config.read_text().replace("outbox.db", f"{disk.folder}/outbox.db"))
    with Agent(config) as agent:
        assert agent.process.wait(120) == ExitCode.MACHINE
    assert "outbox.db: the disk is full: expected 8 MB free, found 0.0 MB" in agent.log.read_text()
    unit = Path(__file__).parents[2] / "deploy" / "edgeward-agent.service"
    (final,) = re.findall(r"RestartPreventExitStatus=(.*)", unit.read_text())
    assert str(int(ExitCode.MACHINE)) not in final.split()


def hear_until(
    subscriber: Subscriber, ledger: Ledger, wanted: Callable[[Message], bool]
) -> Message:
    """The next message that is wanted; the results before it are entered."""
    deadline = time.monotonic() + 60
    while (left := deadline - time.monotonic()) > 0:
        delivery = subscriber.receive(left)
        if delivery is None:
            break
        if isinstance(delivery.message, ResultMessage):
            ledger.record(delivery.message)
        if wanted(delivery.message):
            return delivery.message
    pytest.fail("not heard within 60 s")


def available(state: str) -> Callable[[Message], bool]:
    return lambda m: isinstance(m, AvailabilityMessage) and m.state == state


def test_an_agent_waits_for_room_and_goes_on(
    mosquitto_factory: Callable[..., Mosquitto], tmp_path: Path, bright_path: Path
) -> None:
    """No broker and no room: it stays, says why once it can, and nothing stored is lost.

    Then room; then a disk that is full when it starts: what waits is delivered all the same.
    """
    images = tmp_path / "images"
    images.mkdir()
    cv2.imwrite(str(images / "20.png"), np.full((24, 32, 3), 20, np.uint8))
    source = f'{{ kind = "images", path = "{images}", loop = true }}'
    ledger = Ledger()
    # By default it drops what comes while a thousand messages wait for a subscriber.
    mosquitto = mosquitto_factory("max_queued_messages 0")
    with (
        SmallDisk(tmp_path / "box", 12) as disk,
        Proxy(mosquitto.port) as proxy,
        Subscriber(mosquitto.url, "gate", client_id="archive") as subscriber,
    ):
        config = write_config(tmp_path, proxy.url, bright_path, source, stream="interval_s = 0.002")
        config.write_text(config.read_text().replace("outbox.db", f"{disk.folder}/outbox.db"))
        with Agent(config) as agent:
            hear_until(subscriber, ledger, lambda m: isinstance(m, ResultMessage))
            proxy.cut()
            disk.fill()
            wait_until(lambda: "front waits" in agent.log.read_text(), "it waits", 60)
            assert agent.process.poll() is None
            proxy.mend()
            offline = hear_until(subscriber, ledger, available("offline"))
            assert isinstance(offline, AvailabilityMessage)
            assert "the disk is full: expected 8 MB free, found " in offline.reason
            # What is delivered makes room, before anybody else does.
            hear_until(subscriber, ledger, available("online"))
            agent.kill()
            disk.fill()
            agent.start()
            before = offline.boot
            wait_until(lambda: agent.log.read_text().count("connected to") > 1, "it is back", 60)
            disk.clean()
            hear_until(
                subscriber, ledger, lambda m: isinstance(m, ResultMessage) and m.boot != before
            )
            assert agent.terminate() == 0
        hear_until(
            subscriber, ledger, lambda m: isinstance(m, StatusMessage) and m.state == "offline"
        )
        with Outbox(disk.folder / "outbox.db") as outbox:
            waits = outbox.state().depth
            given = outbox.append("front", "t", lambda seq: b"") - 1
        # A state may overtake the last results.
        while ledger.total().received < given - waits:
            delivery = subscriber.receive(60)
            assert delivery is not None, f"{ledger.total()} of {given}, and {waits} wait"
            if isinstance(delivery.message, ResultMessage):
                ledger.record(delivery.message)
    account = ledger.total()
    # Of what waits the last may have come, and its acknowledgement not.
    assert given - waits <= account.received <= given
    assert account.lost <= waits
    assert account.resets == 0
