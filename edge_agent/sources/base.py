"""`Frame` and `FrameSource`: what every source gives, and how it is used."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self, TypeAlias

from edge_agent.arrays import U8
from edge_agent.bundle.preprocess import ColourOrder

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
    """

    image: U8
    order: ColourOrder
    seq: int
    captured_at: datetime
    monotonic_s: float


def bgr_frame(image: U8, seq: int) -> Frame:
    """A frame taken now, as OpenCV gives it."""
    return Frame(image, "bgr", seq, datetime.now(UTC), time.monotonic())


def unreported(available: bool, reason: str) -> None:
    """A `Report` for those who do not want to know."""


class FrameSource(Protocol):
    """Frames in order, numbers rising; a context manager, iterated once.

    `live` sources stay fresh by dropping frames, counted in `dropped`; others give every
    frame. Iteration ends when the source does, or soon after its `Stop` is set.
    """

    @property
    def live(self) -> bool:
        """Whether the world goes on while nobody looks."""
        ...

    @property
    def dropped(self) -> int:
        """Frames that a fresher one replaced before they were taken."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def __iter__(self) -> Iterator[Frame]: ...
