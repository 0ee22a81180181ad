"""A hundred faults at random moments in one run: what the outbox took over has arrived.

A real agent with a camera and two streams of files, a real broker that keeps its sessions, a
real subscriber with one. EDGEWARD_FAULTS says how many faults, EDGEWARD_FAULT_SEED which ones.

What is not tried: a broker that forgets what it has acknowledged. mosquitto saves its sessions
after it has acknowledged, so it is killed only while the subscriber is connected, which takes
any number of messages at once, by way of a proxy that loses none: what mosquitto acknowledges it
has sent before.
"""

import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from agents import Agent, write_config
from brokers import Mosquitto, wait_until
from journaling_agent import Stored
from mjpeg import MjpegCamera, mjpeg_camera, red_jpeg
from proxy import Proxy
from small_disk import SmallDisk
from wall_clock import WallClock

from edge_agent import mqtt
from edge_agent.client import Ledger, Subscriber
from edge_agent.messages import AvailabilityMessage, HealthMessage, ResultMessage
from edge_agent.outbox import Outbox

FAULTS = int(os.environ.get("EDGEWARD_FAULTS", "100"))
SEED = int(os.environ.get("EDGEWARD_FAULT_SEED", "1"))
# Between the beginnings of two faults, on average.
GAP_S = 0.6
# To find each other again after the last fault; the longest pauses between attempts are 30 s.
PATIENCE_S = 90.0
PERSISTENT = (
    "persistence true",
    "autosave_on_changes true",
    "autosave_interval 1",
    "max_queued_messages 0",
    "max_inflight_messages 0",
)
JOURNALING = (sys.executable, str(Path(__file__).parents[1] / "journaling_agent.py"))
STREAMS = ("front", "yard", "door")
DISK_MB = 24


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong `at` seconds after the beginning, for `lasts` seconds."""

    kind: str
    at: float
    lasts: float


# What breaks, how often, and for how long at most: faults of the same thing do not overlap, all
# others do.
KINDS = {
    "agent killed": ("agent", 3, 1.0),
    "broker killed": ("broker", 3, 1.0),
    "link cut": ("link", 3, 1.0),
    "link stalled": ("link", 2, 1.0),
    "link slow": ("rate", 2, 1.0),
    "camera hangs up": ("camera", 2, 1.0),
    "camera stalls": ("camera", 2, 1.0),
    "camera freezes": ("camera", 2, 1.0),
    "camera sends damage": ("camera", 2, 1.0),
    # A log that has its size already takes results for seconds.
    "disk full": ("disk", 1, 6.0),
    "disk full, reserve gone": ("disk", 1, 6.0),
    "clock jumps": ("clock", 2, 3.0),
}


def plan(seed: int, count: int, things: frozenset[str]) -> list[Fault]:
    """`count` faults of `things`, by their beginnings; every kind if there are enough."""
    rng = random.Random(seed)
    possible = [kind for kind, (thing, *_) in KINDS.items() if thing in things]
    kinds = possible.copy() if count >= len(possible) else []
    weights = [KINDS[kind][1] for kind in possible]
    kinds += rng.choices(possible, weights, k=count - len(kinds))
    rng.shuffle(kinds)
    faults, now, free = [], 0.0, dict.fromkeys((thing for thing, *_ in KINDS.values()), 0.0)
    for kind in kinds:
        now += rng.expovariate(1 / GAP_S)
        thing, _, longest = KINDS[kind]
        at, lasts = max(now, free[thing]), rng.uniform(0.1, longest)
        # An agent needs about a second to start: now and then it shall get that far.
        free[thing] = at + lasts + rng.uniform(0.05, 2.0)
        faults.append(Fault(kind, at, lasts))
    return sorted(faults, key=lambda fault: fault.at)


class Archive:
    """A subscriber in a thread of its own, that keeps all it hears."""

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber, self._ended = subscriber, threading.Event()
        self.results: list[ResultMessage] = []
        self.states: dict[str, str] = {}
        self.waiting: int | None = None  # in the outbox, as it last said
        self.fresh = Counter[str]()  # results that were not late, by stream
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> "Archive":
        self._subscriber.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._subscriber.__exit__(None, None, None)

    @property
    def connected(self) -> bool:
        """Whether there is a broker."""
        return self._subscriber._session is not None

    def newest(self, count: int) -> set[Stored]:
        """Of the last `count` results."""
        return {stored(result) for result in self.results[-count:]}

    def _listen(self) -> None:
        while not self._ended.is_set():
            delivery = self._subscriber.receive(0.1)
            match delivery.message if delivery is not None else None:
                case ResultMessage() as result:
                    self.results.append(result)
                    self.fresh[result.stream] += not result.late
                case AvailabilityMessage() as message:
                    self.states[message.stream] = message.state
                case HealthMessage() as health:
                    self.waiting = health.outbox.depth


class Scene:
    """All that takes part; `begin` and `end` a fault."""

    def __init__(
        self,
        agent: Agent,
        broker: Mosquitto,
        proxy: Proxy,
        camera: MjpegCamera,
        disk: SmallDisk | None,
        clock: WallClock,
        archive: Archive,
        rng: random.Random,
    ) -> None:
        self._agent, self._archive = agent, archive
        self._down, self._log_before = False, 0
        damage = red_jpeg((64, 48))[:-200]

        def corrupt(jpeg: bytes | None) -> Callable[[], None]:
            return lambda: setattr(camera, "jpeg", jpeg)

        def jump() -> None:
            clock.jump(rng.choice((3600, -3600)))

        self._do: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
            "agent killed": (self._kill_agent, self._start_agent),
            "broker killed": (lambda: self._kill(broker), broker.start),
            "link cut": (proxy.cut, proxy.mend),
            "link stalled": (proxy.stall, proxy.mend),
            "link slow": (lambda: proxy.pace(10_000), lambda: proxy.pace(None)),
            "camera hangs up": (camera.hang_up.set, camera.hang_up.clear),
            "camera stalls": (camera.pause, camera.resume),
            "camera freezes": (camera.frozen.set, camera.frozen.clear),
            "camera sends damage": (corrupt(damage), corrupt(None)),
            "clock jumps": (jump, lambda: clock.jump(0)),
        }
        if disk is not None:
            self._do["disk full"] = disk.fill, disk.clean
            self._do["disk full, reserve gone"] = lambda: _fill_to_the_brim(disk), disk.clean

    def play(self, faults: list[Fault]) -> None:
        """Begin and end each in its time, or soon after."""
        moments = sorted(
            (at, number, kind, which)
            for number, (kind, at, lasts) in enumerate((f.kind, f.at, f.lasts) for f in faults)
            for which, at in ((0, at), (1, at + lasts))
        )
        start = time.monotonic()
        for at, _, kind, which in moments:
            time.sleep(max(0.0, start + at - time.monotonic()))
            self.assert_alive()
            self._do[kind][which]()

    def assert_alive(self) -> None:
        """The agent has not ended by itself."""
        status = None if self._down else self._agent.process.poll()
        assert status is None, f"the agent has ended with status {status}"

    def _kill_agent(self) -> None:
        self._down = True
        self._agent.kill()

    def reached(self) -> bool:
        """Whether the agent has found the broker since it was started."""
        return b"connected to" in self._agent.log.read_bytes()[self._log_before :]

    def _start_agent(self) -> None:
        self._log_before = self._agent.log.stat().st_size
        self._agent.start()
        self._down = False

    def _kill(self, broker: Mosquitto) -> None:
        wait_until(lambda: self._archive.connected, "the subscriber is connected", PATIENCE_S)
        broker.kill()


def _fill_to_the_brim(disk: SmallDisk) -> None:
    (disk.folder / "outbox.reserve").unlink(missing_ok=True)
    disk.fill()


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


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> Iterator[SmallDisk | None]:
    """None where none can be made: the other faults are tried all the same."""
    disk = SmallDisk(tmp_path / "disk", DISK_MB)
    try:
        disk.__enter__()
    except pytest.skip.Exception:
        yield None
        return
    yield disk
    disk.__exit__()


def stored(result: ResultMessage) -> Stored:
    """What the journal has of it."""
    return Stored(result.stream, result.boot, result.seq, result.frame)


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
        kills: how often the agent was killed.
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
    assert (account.lost, account.out_of_order, account.resets) == (0, 0, 0)
    for name in STREAMS:
        assert min(seq for stream, seq in first if stream == name) == 1
    late = sum(result.late for result in archive.results)
    return f"{account.received} results, {late} late, {account.duplicated} duplicates"


def test_a_hundred_faults_lose_nothing(
    mosquitto_factory: Callable[..., Mosquitto],
    tmp_path: Path,
    bright_path: Path,
    disk: SmallDisk | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each acknowledged result arrives once or with its number again, in order; all recovers."""
    things = {thing for thing, *_ in KINDS.values()} - ({"disk"} if disk is None else set())
    faults = plan(SEED, FAULTS, frozenset(things))
    kinds = Counter(fault.kind for fault in faults)
    print(f"EDGEWARD_FAULTS={FAULTS} EDGEWARD_FAULT_SEED={SEED}: {dict(kinds)}")  # noqa: T201
    monkeypatch.setattr(mqtt, "WINDOW", 60_000)  # of this process's subscriber
    broker, clock = mosquitto_factory(*PERSISTENT), WallClock(tmp_path)
    journal = tmp_path / "journal"
    outbox = (tmp_path if disk is None else disk.folder) / "outbox.db"
    environment = clock.environment | {
        "EDGEWARD_JOURNAL": str(journal),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(broker.port))
        camera = stack.enter_context(mjpeg_camera())
        # Through a proxy that nothing befalls: it takes what the broker had sent when it died.
        relay = stack.enter_context(Proxy(broker.port))
        subscriber = Subscriber(relay.url, "gate", client_id="archive")
        archive = stack.enter_context(Archive(subscriber))
        config = configure(tmp_path, proxy.url, bright_path, camera, outbox)
        agent = stack.enter_context(Agent(config, "info", environment, JOURNALING))
        rng = random.Random(SEED)
        scene = Scene(agent, broker, proxy, camera, disk, clock, archive, rng)
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
        wait_until(lambda: last <= archive.newest(1000), "the last ones arrive", 10)
    told = check(archive, read_journal(journal), waiting, kinds["agent killed"])
    log = agent.log.read_text()
    assert "Traceback" not in log
    print(told, f"{log.count(' waits: ')} waits for the disk", sep=", ")  # noqa: T201
