"""`Frame` and `FrameSource`: what every source gives, and how it is used."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self, TypeAlias

from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import U8

# Told whether a source gives frames, and if not, why; from any thread.
Report: TypeAlias = Callable[[bool, str], None]


@dataclass(frozen=True, eq=False)
class Frame:
    """One image and when it was taken.

    Args:
        image: (H, W, 3) uint8, channels in `order`.
        order: OpenCV reads BGR; swapping is left to the preprocessing, which does it on
            the small image.
        seq: the source's frame number, from 0.
        captured_at: wall clock, UTC, aware.
        monotonic_s: `time.monotonic()` at the same moment: a latency must not jump with
            the wall clock.
        doubt: why what is seen in it is not to be believed, whatever that is; empty if it is.
        answered_s: when the camera that was asked for it has answered, by the monotonic clock; a
            picture that stands may be old by then. None of one that gives frames by itself.
    """

    image: U8
    order: ColourOrder
    seq: int
    captured_at: datetime
    monotonic_s: float
    doubt: str = ""
    answered_s: float | None = None

    def latency_ms(self) -> float:
        """How long ago it was taken; a still, when it came."""
        began_s = self.monotonic_s if self.answered_s is None else self.answered_s
        return round((time.monotonic() - began_s) * 1000, 3)


@dataclass(frozen=True)
class SourceCounters:
    """What happened at a source since it was entered; files have nothing to tell.

    Args:
        dropped: sound frames that a fresher one replaced before they were taken.
        corrupt: frames that were damaged, and not given.
        frozen: frames that were the same for too long, and not given.
        reopened: how often the camera was opened again.
        respawned: how often its process was replaced.
        capture_rss_bytes: the memory of that process, the part shared with us included.
    """

    dropped: int = 0
    corrupt: int = 0
    frozen: int = 0
    reopened: int = 0
    respawned: int = 0
    capture_rss_bytes: int | None = None

    def and_dropped(self, more: int) -> "SourceCounters":
        """These, with `more` frames dropped."""
        return replace(self, dropped=self.dropped + more)


NO_TROUBLE = SourceCounters()


def bgr_frame(image: U8, seq: int) -> Frame:
    """A frame taken now, as OpenCV gives it."""
    return Frame(image, "bgr", seq, datetime.now(UTC), time.monotonic())


def unreported(available: bool, reason: str) -> None:
    """A `Report` for those who do not want to know."""


class FrameSource(Protocol):
    """Frames in order, numbers rising; a context manager, iterated once.

    `live` sources stay fresh by dropping frames, counted in `counters`, however long nobody asked;
    others give every frame. Iteration ends when the source does, or soon after its `Stop` is set.
    """

    @property
    def live(self) -> bool:
        """Whether the world goes on while nobody looks."""
        ...

    @property
    def counters(self) -> SourceCounters:
        """What happened so far, besides the frames that were given."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def __iter__(self) -> Iterator[Frame]: ...
