"""`Lease`: a frame in the memory of a camera's process, and when its slot is given back."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from edge_agent.common.arrays import U8
from edge_agent.sources.base import Frame
from edge_agent.sources.memory.ring import RingReader
from edge_agent.sources.memory.wire import Captured, Passing, Release
from edge_agent.sources.process import CameraProcess


class Lease:
    """A frame in shared memory, for several who may want it; each looks or drops it, once.

    Args:
        ring, slot: where it is.
        holders: how many.
        give_back: called when the slot is not needed any more.
        seq, said: which frame, and what the process said of it.
    """

    def __init__(
        self,
        ring: RingReader,
        said: Captured,
        holders: int,
        give_back: Callable[[], None],
        seq: int,
    ) -> None:
        self._ring, self._said, self._give_back = ring, said, give_back
        self._holders, self._seq = holders, seq
        self._lock = threading.Lock()
        self._image: U8 | None = None

    def frame(self) -> Frame:
        """The frame, copied out of the shared memory, and the hold on it dropped."""
        with self._lock:
            if self._image is None:
                self._image = self._ring.copy(self._said.slot)
            image = self._image
        self.drop()
        moment = datetime.fromtimestamp(self._said.wall_s, UTC)
        said = self._said
        return Frame(image, "bgr", self._seq, moment, said.monotonic_s, answered_s=said.answered_s)

    def age_s(self) -> float:
        """How long ago it came."""
        return time.monotonic() - self._said.came_s

    def drop(self) -> None:
        """Not wanted any more."""
        with self._lock:
            self._holders -= 1
            last = self._holders == 0
        if last:
            self._give_back()


class OpenCamera:
    """What a process gives between opening its camera and losing it."""

    def __init__(
        self,
        process: CameraProcess,
        ring: RingReader,
        before: "OpenCamera | None",
        first_seq: int,
    ) -> None:
        self._process, self._ring, self._first_seq = process, ring, first_seq
        self._counted: int = 0 if before is None else before._counted

    def passed_over(self, said: Captured | Passing) -> int:
        """How many more the process has passed over since the last time."""
        more, self._counted = said.passed_over - self._counted, said.passed_over
        return more

    def lease(self, said: Captured, holders: int) -> Lease:
        """The frame, for so many."""
        seq = self._first_seq + said.number
        return Lease(self._ring, said, holders, lambda: self.give_back(said), seq)

    def give_back(self, said: Captured) -> None:
        """The slot may be filled again."""
        self._process.tell(Release(said.slot))
