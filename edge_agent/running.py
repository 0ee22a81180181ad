"""`RunningAgent`: one thread a stream, a main thread that waits for events, and a good end."""

import logging
import queue
import threading
import time
from dataclasses import dataclass

from edge_agent import __version__
from edge_agent.common.stop import Stop
from edge_agent.contract.messages import State, encode_message
from edge_agent.events import (
    Ended,
    Event,
    Events,
    Failed,
    HungUp,
    Prepared,
    Restart,
    Signalled,
)
from edge_agent.publish.publisher import Publisher
from edge_agent.publish.status import AgentStatus
from edge_agent.service.manager import Manager
from edge_agent.service.plan import AgentPlan
from edge_agent.service.reload import Reloader
from edge_agent.sources.base import FrameSource
from edge_agent.stream.stream import Stream

log = logging.getLogger(__name__)

# SIGTERM to exit takes at most five seconds: this much for the streams to end and to
# deliver what waits, the rest to close. What is not delivered stays in the outbox.
JOIN_S = 1.0
DRAIN_S = 2.0
# How late a signal may be noticed while only delivery is left to wait for.
PATIENCE_S = 0.25


@dataclass(frozen=True)
class Departure:
    """Why an agent left, and what shall take over.

    Args:
        reason: for its last status.
        following: the plan of a reload.
        restart: whether somebody asked for the program to begin anew.
    """

    reason: str
    following: AgentPlan | None = None
    restart: bool = False


class RunningAgent:
    """Everything opened; `run` once.

    Args:
        status: of the agent as a whole.
        publisher: where it says it.
        streams: what to look at, with the source of each, entered.
        stop: ends every stream.
        events: what happens, put in by signals and threads.
        plan: what it was opened from.
        manager: what is told how it goes.
    """

    def __init__(
        self,
        status: AgentStatus,
        publisher: Publisher,
        streams: list[tuple[Stream, FrameSource]],
        stop: Stop,
        events: Events,
        plan: AgentPlan,
        manager: Manager,
    ) -> None:
        self._plan, self._manager = plan, manager
        self._status, self._publisher = status, publisher
        self._streams, self._stop, self._events = streams, stop, events
        self._health_s = plan.config.health.interval_s
        self._left = False

    def run(self, reloader: Reloader) -> Departure:
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
        departure = Departure("stopped")
        try:
            departure = self._supervise(reloader)
        except BaseException as error:
            departure = Departure(f"failed: {error}")
            raise
        finally:
            self._leave(threads, departure)
        return departure

    def _supervise(self, reloader: Reloader) -> Departure:
        """Wait for the end; why it came, and what shall take over."""
        running = len(self._streams)
        health_due = time.monotonic() + self._health_s
        delivered = False
        while running or not delivered:
            self._manager.tick(self._words())
            wait_s = min(self._manager.tick_s, health_due - time.monotonic())
            match self._next_event(max(0.0, wait_s) if running else 0.0):
                case Signalled():
                    return Departure("stopped")
                case Restart():
                    return Departure("restarting", restart=True)
                case Ended(stream):
                    log.info("stream %s: its source has ended", stream)
                    self._manager.ended(stream)
                    running -= 1
                case HungUp():
                    reloader.begin()
                case Prepared(plan, error):
                    following = reloader.finish(self._plan, plan, error)
                    if following is not None:
                        return Departure("reloading", following)
                    if not reloader.busy:
                        self._manager.ready(self._words())
                case None if running and time.monotonic() >= health_due:
                    self._say_health()
                    health_due = time.monotonic() + self._health_s
            delivered = not running and self._publisher.flush(PATIENCE_S)
        return Departure("done")

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

    def _leave(self, threads: list[threading.Thread], departure: Departure) -> None:
        log.info("leaving: %s", departure.reason)
        if departure.restart:
            self._manager.restarting()
        elif departure.following is None:
            self._manager.stopping(departure.reason)
        self._stop.set()
        deadline = time.monotonic() + JOIN_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._say_health()
        self._say_status("offline", departure.reason)
        if not self._publisher.flush(DRAIN_S):
            log.warning("left before all was delivered: it waits in the outbox for the next start")
        self._left = True

    def _say_health(self) -> None:
        counters = tuple(stream.health() for stream, _ in self._streams)
        message = self._status.health(counters, self._publisher.connections)
        self._publisher.retain(self._status.topics.health, encode_message(message))

    def _say_status(self, state: State, reason: str = "") -> None:
        self._status.say_status(self._publisher, state, reason)
