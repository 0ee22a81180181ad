"""The link to the broker is cut, stalls or is slow, and the clock jumps; nothing is lost."""

import itertools
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.agents import AGENT, Agent, hear, write_config
from support.brokers import Mosquitto
from support.partition import Cable
from support.proxy import Proxy
from support.wall_clock import WallClock

from edge_agent.client import Ledger, Subscriber
from edge_agent.contract.messages import ResultMessage, StatusMessage
from edge_agent.outbox.outbox import Outbox

PACE = "interval_s = 0.01"


@pytest.fixture(name="images")
def _images(tmp_path: Path) -> str:
    """A looped folder with one image, as TOML."""
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "20.png"), np.full((24, 32, 3), 20, np.uint8))
    return f'{{ kind = "images", path = "{folder}", loop = true }}'


class Archive:
    """A subscriber that enters what it hears in a ledger, and keeps the results."""

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber, self.ledger = subscriber, Ledger()
        self.results: list[ResultMessage] = []

    def hear(self, seconds: float) -> Iterator[ResultMessage]:
        """What comes within `seconds`."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            delivery = self._subscriber.receive(left)
            if delivery is not None and isinstance(delivery.message, ResultMessage):
                if self.ledger.record(delivery.message).kind != "duplicate":
                    self.results.append(delivery.message)
                yield delivery.message

    def hear_some(self, count: int, timeout_s: float = 60) -> None:
        """The next `count` results, however long they take."""
        heard = sum(1 for _ in itertools.islice(self.hear(timeout_s), count))
        assert heard == count, f"{heard} of {count} results within {timeout_s:g} s"

    def hear_all(self, count: int, timeout_s: float = 60) -> None:
        """Until so many have come in all; which ones, the order does not tell."""
        messages = self.hear(timeout_s)
        while len(self.results) < count and next(messages, None) is not None:
            pass


def given(folder: Path) -> tuple[int, int]:
    """The last number the outbox gave, and how many results still wait in it."""
    with Outbox(folder / "outbox.db") as outbox:
        depth = outbox.state().depth
    with closing(sqlite3.connect(folder / "outbox.db")) as db:
        ((last,),) = db.execute("SELECT last_seq FROM stream").fetchall()
    return int(last), depth


def assert_nothing_lost(archive: Archive, folder: Path) -> None:
    last, waiting = given(folder)
    archive.hear_all(last - waiting)
    account = archive.ledger.total()
    # What the agent could not deliver in the seconds it has for its end still waits.
    assert account.received + waiting >= last
    assert account.lost <= waiting
    assert (account.resets, account.rivals) == (0, 0)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_link_that_is_cut_again_and_again_loses_nothing(
    seed: int, mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """Five cuts at random moments, some of them in the middle of catching up."""
    rng = random.Random(seed)
    with (
        Proxy(mosquitto.port) as proxy,
        Subscriber(mosquitto.url, "gate", client_id="archive") as subscriber,
    ):
        archive = Archive(subscriber)
        config = write_config(tmp_path, proxy.url, bright_path, images, stream=PACE)
        with Agent(config) as agent:
            for _ in range(5):
                archive.hear_some(rng.randrange(1, 40))
                proxy.cut()
                for _ in archive.hear(rng.uniform(0.0, 0.5)):
                    pass
                proxy.mend()
            archive.hear_some(100)
            assert agent.terminate() == 0
        assert proxy.accepted >= 2
        assert_nothing_lost(archive, tmp_path)


@pytest.fixture(name="cable")
def _cable() -> Iterator[Cable]:
    """A network of its own for an agent; skips the test where none can be made."""
    with Cable() as cable:
        yield cable


@pytest.mark.parametrize("part", [Cable.pull, Cable.switch_off, Cable.renumber])
def test_an_agent_whose_network_goes_loses_nothing(
    part: Callable[[Cable], None],
    cable: Cable,
    mosquitto: Mosquitto,
    tmp_path: Path,
    bright_path: Path,
    images: str,
) -> None:
    """No carrier, no interface, another address: nothing comes meanwhile, and all afterwards."""
    with (
        Proxy(mosquitto.port, address=cable.address) as proxy,
        Subscriber(mosquitto.url, "gate", client_id="archive") as subscriber,
    ):
        archive = Archive(subscriber)
        config = write_config(tmp_path, proxy.url, bright_path, images, stream=PACE)
        with Agent(config, command=(*cable.inside, *AGENT)) as agent:
            archive.hear_some(10)
            part(cable)
            # What was on its way still comes; and then, for a second, nothing.
            quiet = (not list(archive.hear(1)) for _ in range(5))
            assert any(quiet)
            cable.plug_in()
            archive.hear_some(100)
            assert agent.terminate() == 0
        assert_nothing_lost(archive, tmp_path)


def test_a_link_that_swallows_everything_is_found_out(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """No connection breaks, nothing is answered: the keepalive tells, and all comes late."""
    with (
        Proxy(mosquitto.port) as proxy,
        Subscriber(mosquitto.url, "gate", client_id="archive") as subscriber,
    ):
        archive = Archive(subscriber)
        config = write_config(tmp_path, proxy.url, bright_path, images, stream=PACE)
        text = config.read_text().replace('"outbox.db"', '"outbox.db"\nlate_after_s = 4')
        config.write_text(text)
        with Agent(config) as agent:
            archive.hear_some(10)
            assert not any(message.late for message in archive.results)
            proxy.stall()
            # The broker gives up after one and a half keepalives of five seconds.
            status = hear(subscriber, StatusMessage)
            while status.state != "offline":
                status = hear(subscriber, StatusMessage)
            assert status.reason == "connection lost"
            proxy.cut()
            proxy.mend()
            before = len(archive.results)
            archive.hear_some(200)
            assert any(message.late for message in archive.results[before:])
            for message in archive.hear(60):
                if not message.late:
                    break
            else:
                pytest.fail("it never caught up")
            assert agent.terminate() == 0
        assert_nothing_lost(archive, tmp_path)


def test_a_slow_link_delays_and_loses_nothing(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """Ten kilobytes a second for five times as many: what waits grows, each queue in order."""
    with (
        Proxy(mosquitto.port, 10_000) as proxy,
        Subscriber(mosquitto.url, "gate", client_id="archive") as subscriber,
    ):
        archive = Archive(subscriber)
        config = write_config(tmp_path, proxy.url, bright_path, images, stream=PACE)
        with Agent(config) as agent:
            archive.hear_some(60, 60)
            assert agent.terminate() == 0
        for late in (False, True):
            numbers = [message.seq for message in archive.results if message.late == late]
            assert numbers == sorted(numbers)
        assert given(tmp_path)[1] > 0
        # The rest comes over a link that is as it should be.
        config.write_text(config.read_text().replace(proxy.url, mosquitto.url))
        boot = archive.results[-1].boot
        with Agent(config) as agent:
            for message in archive.hear(60):
                if message.boot != boot:
                    break
            assert agent.terminate() == 0
        assert_nothing_lost(archive, tmp_path)
        assert any(message.late for message in archive.results)


@pytest.mark.parametrize("jump_s", [3600, -3600])
def test_a_clock_that_jumps_loses_and_delays_nothing(
    jump_s: int, mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """An hour on or back: results go on at their pace, with the new time, and none is late."""
    clock = WallClock(tmp_path)
    with Subscriber(mosquitto.url, "gate", client_id="archive") as subscriber:
        archive = Archive(subscriber)
        config = write_config(tmp_path, mosquitto.url, bright_path, images, stream=PACE)
        text = config.read_text().replace('"outbox.db"', '"outbox.db"\nmax_age_h = 0.5')
        config.write_text(text)
        with Agent(config, environment=clock.environment) as agent:
            archive.hear_some(20)
            clock.jump(jump_s)
            archive.hear_some(100)
            off_s = (archive.results[-1].captured_at - datetime.now(UTC)).total_seconds()
            assert abs(off_s - jump_s) < 60
            assert all(-1 < message.latency_ms < 60_000 for message in archive.results)
            assert not any(message.late for message in archive.results)
            assert agent.terminate() == 0
        assert_nothing_lost(archive, tmp_path)
