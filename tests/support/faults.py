"""What goes wrong around an agent, when, and who takes part: for a hundred faults in one run."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from edge_agent.client import Subscriber
from edge_agent.client.remote import Remote
from edge_agent.common.atomic import write_whole
from edge_agent.common.errors import BrokerError
from edge_agent.contract.commands import DescribeCommand, RestartCommand
from edge_agent.contract.messages import AvailabilityMessage, HealthMessage, ResultMessage
from support.agents import Agent
from support.brokers import Mosquitto, wait_until
from support.journaling_agent import Stored, stored
from support.mjpeg import MjpegCamera, red_jpeg
from support.partition import Cable
from support.proxy import Proxy
from support.small_disk import SmallDisk
from support.wall_clock import WallClock

# Between the beginnings of two faults, on average.
GAP_S = 0.6
# To find each other again after the last fault; the longest pauses between attempts are 30 s.
PATIENCE_S = 90.0


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
    "cable pulled": ("cable", 3, 1.0),
    "interface switched off": ("cable", 2, 1.0),
    "agent reconfigured": ("agent", 1, 1.0),
    "agent misconfigured": ("agent", 1, 1.0),
    "agent told to restart": ("agent", 1, 0.1),
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
        cable: Cable | None,
        archive: Archive,
        rng: random.Random,
    ) -> None:
        self._agent, self._archive, self._broker = agent, archive, broker
        self._down, self._may_restart, self._log_before = False, False, 0
        good = agent.config.read_text()
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
            "agent reconfigured": (
                lambda: self._reload(good.replace("interval_s = 0.02", "interval_s = 0.03")),
                lambda: self._reload(good),
            ),
            "agent misconfigured": (
                lambda: self._misconfigure(good + "[nonsense]\n"),
                lambda: self._reload(good),
            ),
            "agent told to restart": (self._tell_restart, lambda: None),
        }
        if cable is not None:
            self._do["cable pulled"] = cable.pull, cable.plug_in
            self._do["interface switched off"] = cable.switch_off, cable.plug_in
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

    def _reload(self, text: str) -> None:
        wait_until(lambda: self._begun() > 0, "the agent runs", PATIENCE_S)
        write_whole(self._agent.config, text.encode())
        self._agent.process.send_signal(signal.SIGHUP)

    def _tell_restart(self) -> None:
        """It may hear of it later, where the link is stalled or slow, or never."""
        before = self._begun()
        with suppress(BrokerError), Remote(self._broker.url, "gate") as remote:
            if remote.ask(RestartCommand(), 0.5).ok:
                wait_until(lambda: self._begun() > before, "it begins anew", PATIENCE_S)
                return
        self._may_restart = True

    def _misconfigure(self, text: str) -> None:
        """Not while it may begin anew: that would be an end, as it should be."""
        if self._may_restart:
            with suppress(BrokerError), Remote(self._broker.url, "gate") as remote:
                # What was said before this has been heard when this has.
                self._may_restart = not remote.ask(DescribeCommand(), 0.5).ok
        if not self._may_restart:
            self._reload(text)

    def _begun(self) -> int:
        """How often the agent has begun since its process was started: by a reload, too."""
        return self._said().count(b" looks at ")

    def _said(self) -> bytes:
        return self._agent.log.read_bytes()[self._log_before :]

    def reached(self) -> bool:
        """Whether the agent has found the broker since it was started."""
        return b"connected to" in self._said()

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
