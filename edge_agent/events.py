"""What can happen to an agent as a whole, and the one queue it reaches the main thread through."""

import logging
import os
import queue
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeAlias

from edge_agent.service.plan import AgentPlan

log = logging.getLogger(__name__)

# As long as systemd waits for a start (TimeoutStartSec in the unit).
PROVING_S = 180.0


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
class HungUp:
    """SIGHUP came: read the configuration anew."""


@dataclass(frozen=True)
class Restart:
    """Somebody asked for a restart."""


@dataclass(frozen=True)
class Prepared:
    """What proving a configuration has come to: a plan, or why there is none."""

    plan: AgentPlan | None
    error: Exception | None


Event: TypeAlias = Signalled | Ended | Failed | Restart | HungUp | Prepared
Events: TypeAlias = queue.SimpleQueue[Event]


def first_plan(events: Events, alive: Callable[[], None], every_s: float) -> AgentPlan | None:
    """Wait for the plan the agent begins with; None if it is told to leave before that.

    A bundle is proven by running its network, which takes its time.

    Args:
        events: where the plan comes.
        alive: called every `every_s` seconds meanwhile, for `PROVING_S`: a watchdog that an agent
            was fed before it began anew still waits.
        every_s: how often.

    Raises:
        Exception: why there is no plan.
    """
    hung_up, end = False, time.monotonic() + PROVING_S
    while True:
        try:
            event = events.get(timeout=every_s)
        except queue.Empty:
            if time.monotonic() < end:
                alive()
            continue
        match event:
            case Prepared(plan, error):
                if error is not None:
                    raise error
                if hung_up:
                    events.put(HungUp())  # the file may be newer than what was proven
                return plan
            case Signalled():
                return None
            case HungUp():
                hung_up = True


def forget(events: Events) -> None:
    """Take out of `events` what streams and publishers that are closed have put there."""
    kept = []
    with suppress(queue.Empty):
        while True:
            event = events.get_nowait()
            if isinstance(event, Failed):
                log.error("while leaving: %s", event.error)
            elif not isinstance(event, Ended):
                kept.append(event)
    for event in kept:
        events.put(event)


def was_signalled(events: Events) -> bool:
    """Whether somebody wanted an end while the agent left for another reason; empties `events`."""
    found = False
    with suppress(queue.Empty):
        while True:
            found |= isinstance(events.get_nowait(), Signalled)
    return found


@contextmanager
def signals() -> Iterator[Events]:
    """A queue that SIGTERM, SIGINT and SIGHUP are put in; a second SIGTERM or SIGINT kills.

    `SimpleQueue.put` may interrupt itself, so a handler may call it; a lock it may not take.
    """
    events: Events = queue.SimpleQueue()

    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        events.put(Signalled(number))

    def hang_up(number: int, frame: FrameType | None) -> None:
        events.put(HungUp())

    handlers = {signal.SIGTERM: handle, signal.SIGINT: handle}
    # In a terminal it means that the terminal has gone.
    if not os.isatty(0):
        handlers[signal.SIGHUP] = hang_up
    before: dict[int, Any] = {n: signal.signal(n, handler) for n, handler in handlers.items()}
    try:
        yield events
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
