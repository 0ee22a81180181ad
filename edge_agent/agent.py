"""The agent's life: open everything, run one thread a stream, leave in good order.

Everything that happens reaches the main thread through one queue, so that it alone
decides when to end, and never polls.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from edge_agent import __version__
from edge_agent.bundle.archive import Bundle
from edge_agent.common.errors import AgentError
from edge_agent.common.stop import Stop
from edge_agent.config import AgentConfig
from edge_agent.contract.messages import BundleRef, HealthMessage, State, encode_message
from edge_agent.contract.topics import Topics
from edge_agent.events import (
    Ended,
    Event,
    Events,
    Failed,
    HungUp,
    Prepared,
    Restart,
    Signalled,
    first_plan,
    forget,
    signals,
    was_signalled,
)
from edge_agent.homeassistant.announced import announced_path, former_topics
from edge_agent.homeassistant.announcer import Announcer
from edge_agent.homeassistant.discovery import discovery_topic
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.light.light import lit
from edge_agent.mqtt.dialer import Dialer, Identity, Will
from edge_agent.outbox.outbox import Outbox
from edge_agent.pictures.crops import CropStore
from edge_agent.pictures.snapshots import SnapshotStore
from edge_agent.publish.kept_topics import gone_topics, kept_path
from edge_agent.publish.presence import Presence
from edge_agent.publish.publisher import MqttPublisher, Publisher
from edge_agent.publish.rivalry import Rivalry
from edge_agent.publish.speaker import Speaker
from edge_agent.remote.control import Control
from edge_agent.service.manager import Manager
from edge_agent.service.notify import notifier
from edge_agent.service.plan import OpenRecognizer, Plan
from edge_agent.service.reload import Reloader
from edge_agent.sources.base import FrameSource
from edge_agent.sources.live import Cameras
from edge_agent.sources.open import open_source
from edge_agent.stream.sink import PictureStores
from edge_agent.stream.stream import Stream
from edge_agent.system.wall_clock import WallClock
from edge_agent.tasks.registry import task_for

log = logging.getLogger(__name__)

# SIGTERM to exit takes at most five seconds: this much for the streams to end and to
# deliver what waits, the rest to close. What is not delivered stays in the outbox.
JOIN_S = 1.0
DRAIN_S = 2.0
# What the agent hears is short: commands, and retained states of its own.
MAX_PACKET_BYTES = 256 * 1024
# How late a signal may be noticed while only delivery is left to wait for.
PATIENCE_S = 0.25


@dataclass(frozen=True)
class Left:
    """Why an agent left, and what shall take over.

    Args:
        reason: for its last status.
        following: the plan of a reload.
        restart: whether somebody asked for the program to begin anew.
    """

    reason: str
    following: Plan | None = None
    restart: bool = False


def run_agent(
    config: AgentConfig,
    recognizer: OpenRecognizer = TfliteRecognizer,
    load: Callable[[], AgentConfig] | None = None,
) -> bool:
    """Run until every stream has ended and all is delivered, or a signal or command comes.

    Args:
        config: what to run.
        recognizer: how to open a bundle's model.
        load: reads the configuration anew at SIGHUP; one that is wrong changes nothing.

    Returns:
        Whether a restart was asked for.

    Raises:
        AgentError: something is wrong that waiting does not mend: a bundle, a file that
            should be a source, the outbox. And whatever an inference raises.
    """
    manager = Manager(notifier())
    plan: Plan | None = None
    left = Left("stopped")
    before: Plan | None = None  # the one that ran, until the next one runs
    with signals() as events:
        reloader = Reloader(
            load, recognizer, manager, lambda plan, error: events.put(Prepared(plan, error))
        )
        try:
            reloader.first(config)
            plan = first_plan(events, lambda: manager.tick("proving the models"), manager.tick_s)
            if plan is None:
                manager.stopping(left.reason)
            while plan is not None:
                # Of the streams before, and of a plan that could not be opened.
                forget(events)
                manager.forget_streams()
                with ExitStack() as owned:
                    try:
                        agent = open_agent(plan, events, owned, manager)
                    except AgentError as error:
                        if before is None:
                            raise
                        manager.refused(error)
                        plan.close()
                        plan, before = before, None
                        continue
                    if before is not None:
                        before.close()
                    left = agent.run(reloader)
                    before, plan = plan, left.following
        finally:
            for each in (before, plan):
                if each is not None:
                    each.close()
    if left.restart and was_signalled(events):
        manager.stopping("stopped")
        return False
    return left.restart


def open_agent(plan: Plan, events: Events, owned: ExitStack, manager: Manager) -> "Agent":
    """Everything else that the agent needs, opened; `owned` closes it in reverse order.

    Raises:
        AgentError: as `run_agent`.
    """
    config, box = plan.config, plan.config.outbox
    clock = WallClock()
    memories = _memories(plan, clock, owned)
    outbox = owned.enter_context(Outbox(box.path, box.limits(), config.lanes()))
    presence = Presence(config, outbox, clock)
    rivalry = Rivalry(config.device.name, presence.boot, presence.trouble)
    publisher = MqttPublisher(
        _dialer(plan, presence),
        outbox,
        lambda error: events.put(Failed(error)),
        order=box.order,
        rivalry=rivalry,
    )
    publisher.listen([presence.topics.status], rivalry.hear)
    stop, speaker = Stop(), Speaker(config.device.name, presence.boot, publisher, clock)
    streams = _streams(plan, memories, speaker, stop, manager)
    sources = _sources(streams, stop, manager, owned)
    _obey(config, streams, speaker, events, owned)
    home, name = config.home_assistant, config.device.name
    former = former_topics(announced_path(box.path), discovery_topic(home.prefix, name))
    former += gone_topics(
        kept_path(box.path), Topics(name), {s.name: s.options.keys() for s in config.streams}
    )
    Announcer(home, name, config.streams, config.commands.allow, publisher, former).announce()

    def health() -> HealthMessage:
        return presence.health(tuple(s.health() for s in streams), publisher.connections)

    if config.metrics is not None:
        # An HTTP server is a megabyte that most devices do without.
        from edge_agent.service.metrics import serve_metrics

        owned.enter_context(serve_metrics(config.metrics.port, health))
    owned.enter_context(publisher)
    pairs = list(zip(streams, sources, strict=True))
    return Agent(presence, publisher, pairs, stop, events, plan, manager)


def _dialer(plan: Plan, presence: Presence) -> Dialer:
    lost = presence.status("offline", "connection lost")
    will = Will(presence.topics.status, lost, plan.config.broker.will_delay_s)
    name = f"edgeward-{plan.config.device.name}"
    return Dialer(plan.broker, Identity(name, will, max_packet_bytes=MAX_PACKET_BYTES))


def _memories(plan: Plan, clock: WallClock, owned: ExitStack) -> dict[str, object]:
    """What each task of the plan knows from before, by the task's name."""
    tasks = {part.config.task: task_for(part.config.options) for part in plan.parts}
    path = plan.config.outbox.path
    return {
        name: owned.enter_context(task.memory(path, clock.is_set))
        for name, task in tasks.items()
        if task.memory is not None
    }


def _streams(
    plan: Plan, memories: Mapping[str, object], speaker: Speaker, stop: Stop, manager: Manager
) -> list[Stream]:
    config = plan.config
    pictures = PictureStores(
        None if config.crops is None else CropStore(config.crops),
        None if config.snapshots is None else SnapshotStore(config.snapshots),
    )
    return [
        Stream(
            part.config,
            _ref(part.bundle),
            part.looker(memories.get(part.config.task)),
            speaker,
            stop,
            pictures,
            partial(manager.hears, part.config),
        )
        for part in plan.parts
    ]


def _sources(
    streams: list[Stream], stop: Stop, manager: Manager, owned: ExitStack
) -> list[FrameSource]:
    """The source of each of `streams`, entered; those of the same camera share it."""
    cameras, sources = Cameras(), list[FrameSource]()
    for stream in streams:
        report = manager.hears(stream.config, stream.report)
        pace = stream.controls.between_looks_s
        source = open_source(stream.config.source, stop, report, cameras, pace)
        bright = lit(stream.config.light, owned.enter_context(source), stop)
        sources.append(manager.watch(stream.config, owned.enter_context(bright), pace))
    return sources


def _obey(
    config: AgentConfig, streams: list[Stream], speaker: Speaker, events: Events, owned: ExitStack
) -> None:
    """Listen to commands, if any are allowed."""
    told = config.commands
    if told.allow:
        limits = told.per_minute, told.snapshot_kb * 1024
        control = Control(speaker, streams, told.allow, *limits, lambda: events.put(Restart()))
        filters = [speaker.topics.command("+")]
        speaker.publisher.listen(filters, owned.enter_context(control).receive)


def _ref(bundle: Bundle) -> BundleRef:
    return BundleRef(name=bundle.manifest.name, id=bundle.id[:12])


class Agent:
    """Everything opened; `run` once.

    Args:
        presence: what the agent says about itself.
        publisher: where it says it.
        streams: what to look at, with the source of each, entered.
        stop: ends every stream.
        events: what happens, put in by signals and threads.
        plan: what it was opened from.
        manager: what is told how it goes.
    """

    def __init__(
        self,
        presence: Presence,
        publisher: Publisher,
        streams: list[tuple[Stream, FrameSource]],
        stop: Stop,
        events: Events,
        plan: Plan,
        manager: Manager,
    ) -> None:
        self._plan, self._manager = plan, manager
        self._presence, self._publisher = presence, publisher
        self._streams, self._stop, self._events = streams, stop, events
        self._health_s = presence.config.health.interval_s
        self._left = False

    def run(self, reloader: Reloader) -> Left:
        """Start the streams, wait for the end, leave in good order; why, and what follows.

        Args:
            reloader: what SIGHUP starts.

        Raises:
            BaseException: what a thread died of.
        """
        names = [f"{part.config.name} by {part.bundle.short_id}" for part in self._plan.parts]
        log.info("edgeward-agent %s looks at %s", __version__, ", ".join(names))
        self._say_status("online")
        threads = [
            threading.Thread(target=self._work, args=pair, name=pair[0].config.name, daemon=True)
            for pair in self._streams
        ]
        for thread in threads:
            thread.start()
        self._manager.ready(self._words())
        left = Left("stopped")
        try:
            left = self._supervise(reloader)
        except BaseException as error:
            left = Left(f"failed: {error}")
            raise
        finally:
            self._leave(threads, left)
        return left

    def _supervise(self, reloader: Reloader) -> Left:
        """Wait for the end; why it came, and what shall take over."""
        running = len(self._streams)
        health_due = time.monotonic() + self._health_s
        delivered = False
        while running or not delivered:
            self._manager.tick(self._words())
            wait_s = min(self._manager.tick_s, health_due - time.monotonic())
            match self._next_event(max(0.0, wait_s) if running else 0.0):
                case Signalled():
                    return Left("stopped")
                case Restart():
                    return Left("restarting", restart=True)
                case Ended(stream):
                    log.info("stream %s: its source has ended", stream)
                    self._manager.ended(stream)
                    running -= 1
                case HungUp():
                    reloader.begin()
                case Prepared(plan, error):
                    following = reloader.finish(self._plan, plan, error)
                    if following is not None:
                        return Left("reloading", following)
                    if not reloader.busy:
                        self._manager.ready(self._words())
                case None if running and time.monotonic() >= health_due:
                    self._say_health()
                    health_due = time.monotonic() + self._health_s
            delivered = not running and self._publisher.flush(PATIENCE_S)
        return Left("done")

    def _words(self) -> str:
        results = sum(stream.health().results for stream, _ in self._streams)
        reached = "" if self._publisher.connections else ", broker not reached yet"
        return f"{len(self._streams)} stream(s), {results} results{reached}"

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
            self._tell(Failed(error))
        else:
            stream.report(False, "stopped" if self._stop.is_set() else "ended")
            self._tell(Ended(stream.config.name))

    def _tell(self, event: Event) -> None:
        # A thread that was left behind has nothing to say to whoever took over.
        if not self._left:
            self._events.put(event)

    def _leave(self, threads: list[threading.Thread], left: Left) -> None:
        log.info("leaving: %s", left.reason)
        if left.restart:
            self._manager.restarting()
        elif left.following is None:
            self._manager.stopping(left.reason)
        self._stop.set()
        deadline = time.monotonic() + JOIN_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._say_health()
        self._say_status("offline", left.reason)
        if not self._publisher.flush(DRAIN_S):
            log.warning("left before all was delivered: it waits in the outbox for the next start")
        self._left = True

    def _say_health(self) -> None:
        counters = tuple(stream.health() for stream, _ in self._streams)
        message = self._presence.health(counters, self._publisher.connections)
        self._publisher.retain(self._presence.topics.health, encode_message(message))

    def _say_status(self, state: State, reason: str = "") -> None:
        self._presence.say_status(self._publisher, state, reason)
