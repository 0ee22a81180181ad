"""The agent's life: open everything, run one thread a stream, leave in good order.

Everything that happens reaches the main thread through one queue, so that it alone
decides when to end, and never polls.
"""

import logging
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeAlias

from edge_agent.announcer import Announcer
from edge_agent.bundle.archive import Bundle, open_bundle
from edge_agent.config import AgentConfig
from edge_agent.control import Control
from edge_agent.crops import CropStore
from edge_agent.messages import BundleRef, HealthMessage, State, encode_message
from edge_agent.meter_memory import MeterMemory, meters_path
from edge_agent.mqtt import Dialer, Identity, Will
from edge_agent.outbox import Outbox
from edge_agent.presence import Presence
from edge_agent.publisher import MqttPublisher, Publisher
from edge_agent.reader import open_reader
from edge_agent.recognizer import Recognizer, open_recognizer
from edge_agent.snapshots import SnapshotStore
from edge_agent.sources.base import FrameSource
from edge_agent.sources.live import Cameras
from edge_agent.sources.open import open_source
from edge_agent.speaker import Speaker
from edge_agent.stop import Stop
from edge_agent.stream import Stream

log = logging.getLogger(__name__)

# SIGTERM to exit takes at most five seconds: this much for the streams to end and to
# deliver what waits, the rest to close. What is not delivered stays in the outbox.
JOIN_S = 1.0
DRAIN_S = 2.0
RESTARTING = "restarting"
# What the agent hears is short: commands, and retained states of its own.
MAX_PACKET_BYTES = 256 * 1024
# How late a signal may be noticed while only delivery is left to wait for.
PATIENCE_S = 0.25

OpenRecognizer: TypeAlias = Callable[[Bundle, int], AbstractContextManager[Recognizer]]


@dataclass(frozen=True)
class Signalled:
    """SIGTERM or SIGINT came."""

    number: int


@dataclass(frozen=True)
class Ended:
    """A stream's source has no more frames."""

    stream: str


@dataclass(frozen=True)
class Failed:
    """A thread died of an error that nothing there can mend."""

    error: BaseException


@dataclass(frozen=True)
class Restart:
    """Somebody asked for a restart."""


Event: TypeAlias = Signalled | Ended | Failed | Restart
Events: TypeAlias = queue.SimpleQueue[Event]


def run_agent(config: AgentConfig, recognizer: OpenRecognizer = open_recognizer) -> bool:
    """Run until every stream has ended and all is delivered, or a signal or command comes.

    Args:
        config: what to run.
        recognizer: how to open a bundle's model.

    Returns:
        Whether a restart was asked for.

    Raises:
        AgentError: something is wrong that waiting does not mend: a bundle, a file that
            should be a source, the outbox. And whatever an inference raises.
    """
    with ExitStack() as owned, signals() as events:
        return open_agent(config, recognizer, events, owned).run() == RESTARTING


@contextmanager
def signals() -> Iterator[Events]:
    """A queue that SIGTERM and SIGINT are put in; a second one kills, as by default.

    `SimpleQueue.put` may interrupt itself, so a handler may call it; a lock it may not take.
    """
    events: Events = queue.SimpleQueue()

    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        events.put(Signalled(number))

    before: dict[int, Any] = {
        number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield events
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def open_agent(
    config: AgentConfig, recognizer: OpenRecognizer, events: Events, owned: ExitStack
) -> "Agent":
    """Everything the agent needs, opened; `owned` closes it in reverse order.

    Raises:
        AgentError: as `run_agent`.
    """
    broker = config.broker.broker()
    bundles = [open_bundle(stream.bundle) for stream in config.streams]
    models = [
        owned.enter_context(recognizer(bundle, stream.threads))
        for bundle, stream in zip(bundles, config.streams, strict=True)
    ]
    memory = owned.enter_context(MeterMemory(meters_path(config.outbox.path)))
    readers = [
        open_reader(part, bundle.manifest, str(bundle.path), model, memory)
        for part, bundle, model in zip(config.streams, bundles, models, strict=True)
    ]
    crops = CropStore(config.crops) if config.crops is not None else None
    snapshots = SnapshotStore(config.snapshots) if config.snapshots is not None else None
    box = config.outbox
    outbox = owned.enter_context(Outbox(box.path, box.limits(), config.lanes()))
    identity = Presence(config, outbox)
    lost = identity.status("offline", "connection lost")
    will = Will(identity.topics.status, lost, config.broker.will_delay_s)
    client = Identity(f"edgeward-{config.device.name}", will, max_packet_bytes=MAX_PACKET_BYTES)
    dialer = Dialer(broker, client)
    publisher = MqttPublisher(dialer, outbox, lambda error: events.put(Failed(error)))
    stop = Stop()
    speaker = Speaker(config.device.name, identity.boot, publisher)
    refs = [BundleRef(name=bundle.manifest.name, id=bundle.id[:12]) for bundle in bundles]
    streams = [
        Stream(part, ref, model, speaker, stop, reader, crops, snapshots)
        for part, ref, model, reader in zip(config.streams, refs, models, readers, strict=True)
    ]
    cameras = Cameras()
    sources = [
        owned.enter_context(open_source(stream.config.source, stop, stream.report, cameras))
        for stream in streams
    ]
    told = config.commands
    if told.allow:
        limits = told.per_minute, told.snapshot_kb * 1024
        control = Control(speaker, streams, told.allow, *limits, lambda: events.put(Restart()))
        publisher.listen([speaker.topics.command("+")], owned.enter_context(control).receive)
    home, name = config.home_assistant, config.device.name
    Announcer(home, name, config.streams, told.allow, publisher).announce()

    def health() -> HealthMessage:
        return identity.health(tuple(s.health() for s in streams), publisher.connections)

    if config.metrics is not None:
        # An HTTP server is a megabyte that most devices do without.
        from edge_agent.metrics import serve_metrics

        owned.enter_context(serve_metrics(config.metrics.port, health))
    owned.enter_context(publisher)
    return Agent(identity, publisher, list(zip(streams, sources, strict=True)), stop, events)


class Agent:
    """Everything opened; `run` once.

    Args:
        presence: what the agent says about itself.
        publisher: where it says it.
        streams: what to look at, with the source of each, entered.
        stop: ends every stream.
        events: what happens, put in by signals and threads.
    """

    def __init__(
        self,
        presence: Presence,
        publisher: Publisher,
        streams: list[tuple[Stream, FrameSource]],
        stop: Stop,
        events: Events,
    ) -> None:
        self._presence, self._publisher = presence, publisher
        self._streams, self._stop, self._events = streams, stop, events
        self._health_s = presence.config.health.interval_s

    def run(self) -> str:
        """Start the streams, wait for the end, leave in good order; why it ended.

        Raises:
            BaseException: what a thread died of.
        """
        self._say_status("online")
        threads = [
            threading.Thread(target=self._work, args=pair, name=pair[0].config.name, daemon=True)
            for pair in self._streams
        ]
        for thread in threads:
            thread.start()
        reason = "stopped"
        try:
            reason = self._supervise()
        except BaseException as error:
            reason = f"failed: {error}"
            raise
        finally:
            self._leave(threads, reason)
        return reason

    def _supervise(self) -> str:
        """Wait for the end; why it came."""
        running = len(self._streams)
        while running:
            match self._next_event(self._health_s):
                case Signalled():
                    return "stopped"
                case Restart():
                    return RESTARTING
                case Ended(stream):
                    log.info("stream %s: its source has ended", stream)
                    running -= 1
                case None:
                    self._say_health()
        while not self._publisher.flush(PATIENCE_S):
            match self._next_event(0):
                case Signalled():
                    return "stopped"
                case Restart():
                    return RESTARTING
                case _:
                    pass
        return "done"

    def _next_event(self, timeout_s: float) -> Event | None:
        try:
            event = self._events.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(event, Failed):
            raise event.error
        return event

    def _work(self, stream: Stream, source: FrameSource) -> None:
        try:
            stream.run(source)
        except BaseException as error:
            stream.report(False, str(error))
            self._events.put(Failed(error))
        else:
            stream.report(False, "stopped" if self._stop.is_set() else "ended")
            self._events.put(Ended(stream.config.name))

    def _leave(self, threads: list[threading.Thread], reason: str) -> None:
        log.info("leaving: %s", reason)
        self._stop.set()
        deadline = time.monotonic() + JOIN_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._say_health()
        self._say_status("offline", reason)
        if not self._publisher.flush(DRAIN_S):
            log.warning("left before all was delivered: it waits in the outbox for the next start")

    def _say_health(self) -> None:
        counters = tuple(stream.health() for stream, _ in self._streams)
        message = self._presence.health(counters, self._publisher.connections)
        self._publisher.retain(self._presence.topics.health, encode_message(message))

    def _say_status(self, state: State, reason: str = "") -> None:
        self._publisher.retain(self._presence.topics.status, self._presence.status(state, reason))
