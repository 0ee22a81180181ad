"""Whether every stream still does its work: what the watchdog may be fed for.

A stream gives a sign of life when the answer about a frame has been handed to the outbox,
which returns once it is stored, and when its source says anew why there is no frame: a camera
that is looked for, again and again, is not a program that hangs. The broker plays no part,
since results wait for it in the outbox.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TypeAlias

from edge_agent.sources.base import Frame, FrameSource, Report, SourceCounters
from edge_agent.sources.config import LiveConfig, SourceConfig

# Beyond what the configuration says a frame may take: one slow answer, a page of text on a
# slow board, and the longest pause between two attempts to open a camera.
SLACK_S = 60.0

Allowance: TypeAlias = Callable[[], float]
"""The longest time between two signs of life, in seconds, as things stand; infinite at rest."""


def allowance_s(source: SourceConfig, interval_s: float) -> float:
    """The longest time between two signs of life of a stream that works, in seconds.

    Args:
        source: where its frames come from.
        interval_s: between two answers, as it is set now; infinite while it is paused.
    """
    waits = 0.0
    if isinstance(source, LiveConfig):
        waits = source.open_timeout_s + source.read_timeout_s + source.frozen_s
    return interval_s + waits + SLACK_S


class Liveness:
    """When each stream gave its last sign of life, and how long it may take to the next.

    Args:
        clock: seconds that only rise.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._allowances: dict[str, Allowance] = {}
        self._heard: dict[str, float] = {}

    def expect(self, stream: str, allowance: Allowance) -> None:
        """Signs of life of `stream` are due from now on, each within `allowance` of the last."""
        with self._lock:
            self._allowances[stream], self._heard[stream] = allowance, self._clock()

    def beat(self, stream: str) -> None:
        """A sign of life of `stream`."""
        with self._lock:
            self._heard[stream] = self._clock()

    def end(self, stream: str) -> None:
        """Nothing is due of `stream` any more."""
        with self._lock:
            self._allowances.pop(stream, None)

    def overdue(self) -> tuple[str, ...]:
        """The streams whose sign of life has not come in time."""
        with self._lock:
            now = self._clock()
            return tuple(name for name in self._allowances if self._is_overdue(name, now))

    def _is_overdue(self, stream: str, now: float) -> bool:
        allowed_s = self._allowances[stream]()
        if allowed_s == math.inf:
            # Whoever rests owes nothing for that time when it goes on.
            self._heard[stream] = now
        return now - self._heard[stream] > allowed_s


def beating_report(report: Report, beat: Callable[[], None]) -> Report:
    """`report`, and a sign of life with every word of it."""

    def both(available: bool, reason: str) -> None:
        beat()
        report(available, reason)

    return both


class BeatingSource:
    """`source`, and a sign of life whenever a frame has been dealt with.

    Who asks for the next frame has handed the answer about the last one to the outbox, or has
    decided that there is nothing to say. Files are read at most a few frames ahead, which
    moves the sign by as much.
    """

    def __init__(self, source: FrameSource, beat: Callable[[], None]) -> None:
        self._source, self._beat = source, beat

    @property
    def live(self) -> bool:
        """As `FrameSource.live`."""
        return self._source.live

    @property
    def counters(self) -> SourceCounters:
        """As `FrameSource.counters`."""
        return self._source.counters

    def __enter__(self) -> Self:
        self._source.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._source.__exit__(kind, error, trace)

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._source:
            yield frame
            self._beat()
