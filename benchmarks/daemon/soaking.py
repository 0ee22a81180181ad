"""Whether a process stays as it is: samples of it over time, and what they say."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from daemon.running import Memory, memory

# What a running program may grow by after its warm-up, between the first and the last tenth.
GROWTH_MB = 2.0
SHARES = 10


@dataclass(frozen=True)
class Sample:
    """A process at a moment.

    Args:
        at_s: since the first sample.
        memory: what it holds.
        fds, threads: how many it has.
    """

    at_s: float
    memory: Memory
    fds: int
    threads: int


@dataclass(frozen=True)
class Trend:
    """What became of a process after its warm-up.

    Args:
        growth_mb: of the median RSS, from the first tenth of the samples to the last.
        slope_mb_per_h: of the line through all of them.
        private_growth_mb: as `growth_mb`, of the memory that is nobody else's.
        fds: the median number in the first tenth and in the last, the least and the most.
        threads: likewise.
    """

    growth_mb: float
    slope_mb_per_h: float
    private_growth_mb: float
    fds: tuple[float, float, int, int]
    threads: tuple[float, float, int, int]

    @property
    def memory_holds(self) -> bool:
        """Whether it grew by less than it may."""
        return self.growth_mb < GROWTH_MB

    @property
    def files_hold(self) -> bool:
        """Whether it has as many open files as before.

        Of a moment, as reading a file of the system's opens one for as long.
        """
        return self.fds[0] == self.fds[1]


def sample(pid: int, start: float) -> Sample:
    """The process now, `start` being the `time.monotonic()` of the first sample.

    Raises:
        OSError: there is no such process (any more).
    """
    folder = Path(f"/proc/{pid}")
    fds = sum(1 for _ in (folder / "fd").iterdir())
    threads = sum(1 for _ in (folder / "task").iterdir())
    return Sample(time.monotonic() - start, memory(pid), fds, threads)


def trend(samples: Sequence[Sample]) -> Trend:
    """What `samples`, those of the warm-up left out, say.

    Raises:
        ValueError: they are fewer than ten.
    """
    if len(samples) < SHARES:
        raise ValueError(f"expected {SHARES} samples after the warm-up, found {len(samples)}")
    hours = [s.at_s / 3600 for s in samples]
    rss = [s.memory.rss_mb for s in samples]
    private = [s.memory.private_mb for s in samples]
    slope = float(np.polyfit(hours, rss, 1)[0])
    fds, threads = [s.fds for s in samples], [s.threads for s in samples]
    return Trend(
        growth_mb=_last(rss) - _first(rss),
        slope_mb_per_h=slope,
        private_growth_mb=_last(private) - _first(private),
        fds=(_first(fds), _last(fds), min(fds), max(fds)),
        threads=(_first(threads), _last(threads), min(threads), max(threads)),
    )


def _first(values: Sequence[float]) -> float:
    return statistics.median(values[: len(values) // SHARES])


def _last(values: Sequence[float]) -> float:
    return statistics.median(values[-(len(values) // SHARES) :])
