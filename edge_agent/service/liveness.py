"""Whether every stream still does its work: what the watchdog may be fed for.

A stream gives a sign of life when the answer about a frame has been handed to the outbox,
which returns once it is stored, and when its source says anew why there is no frame: a camera
that is looked for, again and again, is not a program that hangs. The broker plays no part,
since results wait for it in the outbox.
"""

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from edge_agent.config import StreamConfig
from edge_agent.sources.base import Frame, FrameSource, Report, SourceCounters
from edge_agent.sources.config import CameraConfig, PicameraConfig

# Beyond what the configuration says a frame may take: one slow answer, a page of text on a
# slow board, and the longest pause between two attempts to open a camera.
SLACK_S = 60.0


def allowance_s(stream: StreamConfig) -> float:
    """The longest time between two signs of life of a stream that works, in seconds."""
    source = stream.source
    waits = 0.0
    if isinstance(source, CameraConfig | PicameraConfig):
        waits = source.open_timeout_s + source.read_timeout_s
    return stream.interval_s + waits + SLACK_S


class Liveness:
    """By when each stream's next sign of life is due.

    Args:
        clock: seconds that only rise.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._due: dict[str, float] = {}

    def beat(self, stream: str, allowance_s: float) -> None:
        """A sign of life of `stream`; its next is due in `allowance_s` seconds."""
        with self._lock:
            self._due[stream] = self._clock() + allowance_s

    def rest(self, stream: str) -> None:
        """Nothing is due of `stream` until its next sign of life: it has ended, or is paused."""
        with self._lock:
            self._due.pop(stream, None)

    def overdue(self) -> tuple[str, ...]:
        """The streams whose sign of life has not come in time."""
        with self._lock:
            now = self._clock()
            return tuple(name for name, due in self._due.items() if now > due)


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
