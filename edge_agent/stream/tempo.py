"""`Tempo`: how many results a second, and how long each took, lately."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

# Enough for a percentile, and no more than some kilobytes.
KEPT = 512
WINDOW_S = 300.0


@dataclass(frozen=True)
class ResultPace:
    """Of the results of the last minutes.

    Args:
        per_s: how many a second.
        p50_ms, p95_ms: how long half, and nineteen of twenty, took at most; None without any.
    """

    per_s: float = 0.0
    p50_ms: float | None = None
    p95_ms: float | None = None


class Tempo:
    """Told of every result; safe to ask from another thread.

    Args:
        clock: seconds that never jump.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._kept: deque[tuple[float, float]] = deque(maxlen=KEPT)  # when, latency in ms

    def record(self, latency_ms: float) -> None:
        """A result was given."""
        with self._lock:
            self._kept.append((self._clock(), latency_ms))

    def pace(self) -> ResultPace:
        """Of the last results; a stream that has fallen silent slows down."""
        now_s = self._clock()
        with self._lock:
            kept = [pair for pair in self._kept if now_s - pair[0] <= WINDOW_S]
        if not kept:
            return ResultPace()
        span_s = now_s - kept[0][0]
        latencies = sorted(latency for _, latency in kept)
        return ResultPace(
            round((len(kept) - 1) / span_s, 3) if span_s > 0 else 0.0,
            _percentile(latencies, 50),
            _percentile(latencies, 95),
        )


def _percentile(ordered: list[float], percent: int) -> float:
    """The nearest rank: the smallest value that so many percent do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
