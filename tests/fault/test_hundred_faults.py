"""A hundred faults at random moments in one run: what the outbox took over has arrived.

A real agent with a camera and two streams of files, a real broker that keeps its sessions, a
real subscriber with one. EDGEWARD_FAULTS says how many faults, EDGEWARD_FAULT_SEED which ones.
Where the test may make one, the agent has a network name space of its own, whose cable is pulled;
elsewhere only a proxy parts it from the broker. What its user asks for comes at bad moments too:
another configuration, a wrong one, a restart.

What is not tried: a broker that forgets what it has acknowledged. mosquitto saves its sessions
after it has acknowledged, so it is killed only while the subscriber is connected, which takes
any number of messages at once, by way of a proxy that loses none: what mosquitto acknowledges it
has sent before.
"""

import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import cv2
import msgspec
import numpy as np
import pytest
from support.agents import Agent, write_config
from support.brokers import Mosquitto, wait_until
from support.faults import KINDS, PATIENCE_S, Archive, Scene, plan
from support.journaling_agent import Stored, stored
from support.mjpeg import MjpegCamera, mjpeg_camera
from support.partition import Cable
from support.proxy import Proxy
from support.small_disk import SmallDisk
from support.wall_clock import WallClock

from edge_agent.client import Ledger, Subscriber
from edge_agent.contract.messages import ResultMessage
from edge_agent.mqtt import session
from edge_agent.outbox.outbox import Outbox

T = TypeVar("T")

FAULTS = int(os.environ.get("EDGEWARD_FAULTS", "100"))
SEED = int(os.environ.get("EDGEWARD_FAULT_SEED", "1"))
PERSISTENT = (
    "persistence true",
    "autosave_on_changes true",
    "autosave_interval 1",
    "max_queued_messages 0",
    "max_inflight_messages 0",
)
JOURNALING = (sys.executable, str(Path(__file__).parents[1] / "support" / "journaling_agent.py"))
STREAMS = ("front", "yard", "door")
DISK_MB = 24


def configure(folder: Path, url: str, bundle: Path, camera: MjpegCamera, outbox: Path) -> Path:
    """Three streams; `door` waits for the disk."""
    images = folder / "images"
    images.mkdir()
    for level in (20, 230):
        cv2.imwrite(str(images / f"{level}.png"), np.full((24, 32, 3), level, np.uint8))
    source = (
        f'{{ kind = "camera", url = "{camera.url}", open_timeout_s = 1, read_timeout_s = 1, '
        "frozen_after_s = 0.5 }"
    )
    more = "".join(
        f"""
[[stream]]
name = "{name}"
bundle = "{bundle}"
source = {{ kind = "images", path = "{images}", loop = true }}
interval_s = 0.02
{durable}
"""
        for name, durable in (("yard", ""), ("door", 'synchronous = "full"'))
    )
    config = write_config(folder, url, bundle, source, stream="interval_s = 0.02", more=more)
    config.write_text(config.read_text().replace('"outbox.db"', f'"{outbox}"'))
    return config


@contextmanager
def where_possible(thing: AbstractContextManager[T]) -> Iterator[T | None]:
    """None where it cannot be made: the other faults are tried all the same."""
    with ExitStack() as owned:
        try:
            made = owned.enter_context(thing)
        except pytest.skip.Exception:
            made = None
        yield made


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> Iterator[SmallDisk | None]:
    with where_possible(SmallDisk(tmp_path / "disk", DISK_MB)) as disk:
        yield disk


@pytest.fixture(name="cable")
def _cable() -> Iterator[Cable | None]:
    with where_possible(Cable()) as cable:
        yield cable


def still_waiting(path: Path) -> set[Stored]:
    """What the outbox has not delivered."""
    with Outbox(path) as outbox:
        rows = outbox.pending(0, 10**6)
        return {msgspec.json.decode(row.payload, type=Stored) for row in rows}


def read_journal(path: Path) -> list[Stored]:
    """What the outbox said was stored; a last line that was cut short was not said."""
    lines = path.read_bytes().split(b"\n")[:-1]
    return [msgspec.json.decode(line, type=Stored) for line in lines]


def check(archive: Archive, journal: list[Stored], waiting: set[Stored], kills: int) -> str:
    """Whether all is well; in a few words, how much there was of it.

    Args:
        archive: what arrived.
        journal: what the outbox took over.
        waiting: what it still has.
        kills: how often the agent was killed, or left in haste.
    """
    ledger, first = Ledger(), dict[tuple[str, int], ResultMessage]()
    for result in archive.results:
        entry = ledger.record(result)
        key = (result.stream, result.seq)
        if entry.kind == "duplicate":
            # The number alone shows it, so it must be the same result.
            assert stored(result) == stored(first[key]), "a number was given twice"
        else:
            assert key not in first
            first[key] = result
        assert -1 < result.latency_ms < 60_000
    arrived = {stored(result) for result in first.values()}
    missing = [line for line in journal if line not in arrived | waiting]
    assert not missing, f"{len(missing)} lost, the first: {missing[0]}"
    assert len(journal) == len(set(journal)), "stored twice"
    # Killed between having stored it and having written that down: one of each stream at most.
    assert len(arrived - set(journal)) <= kills * len(STREAMS)
    account = ledger.total()
    assert (account.lost, account.resets, account.rivals) == (0, 0, 0)
    for name in STREAMS:
        assert min(seq for stream, seq in first if stream == name) == 1
        for late in (False, True):
            came = [r.seq for r in first.values() if (r.stream, r.late) == (name, late)]
            assert came == sorted(came), f"{name}: out of order, late: {late}"
    count_late = sum(result.late for result in archive.results)
    return f"{account.received} results, {count_late} late, {account.duplicated} duplicates"


def test_a_hundred_faults_lose_nothing(
    mosquitto_factory: Callable[..., Mosquitto],
    tmp_path: Path,
    bright_path: Path,
    disk: SmallDisk | None,
    cable: Cable | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each acknowledged result arrives once or with its number again; all recovers."""
    things = {thing for thing, *_ in KINDS.values()}
    things -= {name for name, made in (("disk", disk), ("cable", cable)) if made is None}
    address, inside = ("127.0.0.1", ()) if cable is None else (cable.address, cable.inside)
    faults = plan(SEED, FAULTS, frozenset(things))
    kinds = Counter(fault.kind for fault in faults)
    print(f"EDGEWARD_FAULTS={FAULTS} EDGEWARD_FAULT_SEED={SEED}: {dict(kinds)}")  # noqa: T201
    monkeypatch.setattr(session, "WINDOW", 60_000)  # of this process's subscriber
    broker, clock = mosquitto_factory(*PERSISTENT), WallClock(tmp_path)
    journal = tmp_path / "journal"
    outbox = (tmp_path if disk is None else disk.folder) / "outbox.db"
    environment = clock.environment | {
        "EDGEWARD_JOURNAL": str(journal),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(broker.port, address=address))
        camera = stack.enter_context(mjpeg_camera(address=address))
        # Through a proxy that nothing befalls: it takes what the broker had sent when it died.
        relay = stack.enter_context(Proxy(broker.port))
        subscriber = Subscriber(relay.url, "gate", client_id="archive")
        archive = stack.enter_context(Archive(subscriber))
        config = configure(tmp_path, proxy.url, bright_path, camera, outbox)
        agent = stack.enter_context(Agent(config, "info", environment, (*inside, *JOURNALING)))
        rng = random.Random(SEED)
        scene = Scene(agent, broker, proxy, camera, disk, clock, cable, archive, rng)
        wait_until(lambda: len(archive.fresh) == 3, "every stream has begun", PATIENCE_S)
        scene.play(faults)
        # What is on its way from an agent that was killed is no proof that the next one works.
        wait_until(scene.reached, "the broker is found again", PATIENCE_S)
        before, archive.waiting = archive.fresh.copy(), None

        def recovered() -> bool:
            scene.assert_alive()
            again = all(archive.fresh[name] >= before[name] + 5 for name in STREAMS)
            online = all(archive.states[name] == "online" for name in STREAMS)
            return again and online and archive.waiting is not None and archive.waiting < 100

        wait_until(recovered, "every stream gives fresh results", PATIENCE_S)
        assert agent.terminate() == 0
        # What could not be delivered in the seconds that an agent has for its end still waits.
        waiting = still_waiting(outbox)
        last = set(read_journal(journal)[-200:]) - waiting
        wait_until(lambda: last <= archive.newest(1000), "the last ones arrive", PATIENCE_S)
    ends = kinds["agent killed"] + kinds["agent told to restart"]
    told = check(archive, read_journal(journal), waiting, ends)
    log = agent.log.read_text()
    assert "Traceback" not in log
    print(told, f"{log.count(' waits: ')} waits for the disk", sep=", ")  # noqa: T201
