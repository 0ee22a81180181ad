"""`ProcessWatch`: listens to one capturing process, and offers what it captures."""

import math
import time
from collections.abc import Callable
from typing import Protocol, TypeAlias

from edge_agent.common.errors import SourceError
from edge_agent.common.stillness import Stillness
from edge_agent.sources.config import LiveConfig
from edge_agent.sources.memory.lease import Lease, OpenCamera
from edge_agent.sources.memory.wire import (
    CameraLost,
    CameraOpened,
    CameraOpening,
    Captured,
    Corrupt,
    Passing,
    Reopen,
)
from edge_agent.sources.memory.wire import LookPace as Paced
from edge_agent.sources.network.failures import BusyError
from edge_agent.sources.process import CameraProcess
from edge_agent.sources.supervision.record import CameraRecord

# Python and OpenCV take seconds to load from an SD card.
START_TIMEOUT_S = 60.0

Pace: TypeAlias = Callable[[], float]
"""How far apart looks are, in seconds, as things stand; infinite while there are none."""


class Taker(Protocol):
    """Who wants a camera's frames; called by the supervisor's thread."""

    pace: Pace

    def offer(self, lease: Lease) -> None:
        """A fresher frame: to look at, or to drop."""
        ...

    def forget(self) -> None:
        """What was offered is not fresh any more."""
        ...

    def report(self, available: bool, reason: str) -> None:
        """Frames come, or fail to, and why."""
        ...

    def end(self) -> None:
        """No frames any more."""
        ...


class Audience(Protocol):
    """Everybody who wants frames of the camera."""

    @property
    def ended(self) -> bool:
        """Whether nobody does any more."""
        ...

    def everybody(self) -> list[Taker]:
        """Those who do now."""
        ...

    def tell(self, available: bool, reason: str, *, once: bool = False) -> None:
        """Report that frames come, or why they do not."""
        ...

    def wait_after(self, error: SourceError) -> None:
        """Report a failure, and wait before the next attempt."""
        ...


class ProcessWatch:
    """One process from its start to its end.

    Args:
        config: the camera.
        process: that captures it.
        record: what is remembered of the camera.
        still: tells frames that do not change.
        audience: who wants the frames.
    """

    def __init__(
        self,
        config: LiveConfig,
        process: CameraProcess,
        record: CameraRecord,
        still: Stillness,
        audience: Audience,
    ) -> None:
        self._config, self._process, self._record = config, process, record
        self._still, self._audience = still, audience
        self._opening_s = config.open_timeout_s + config.read_timeout_s
        self._patience_s, self._trouble = START_TIMEOUT_S, ""
        self._first_seq = record.next_seq
        self._camera: OpenCamera | None = None
        self._told_pace_s = 0.0

    def tune(self) -> None:
        """Tell the process how far apart looks are, when that has changed."""
        pace_s = min((taker.pace() for taker in self._audience.everybody()), default=math.inf)
        if pace_s != self._told_pace_s:
            self._told_pace_s = pace_s
            self._process.tell(Paced(pace_s))

    def listen(self) -> None:
        """Listen until nobody wants frames any more.

        Raises:
            SourceError: only another process can help.
            GoneError: it has hung up.
        """
        heard_s = time.monotonic()
        while not self._audience.ended:
            self.tune()
            message = self._process.link.receive(heard_s + self._patience_s - time.monotonic())
            if message is None:
                last = f", but: {self._trouble}" if self._trouble else ""
                raise SourceError(
                    f"{self._config.place}: no frame for {self._patience_s:g} s{last}"
                )
            if self._is_sign_of_life(message):
                heard_s = time.monotonic()

    def _is_sign_of_life(self, message: object) -> bool:
        """Act on what the process says; whether it shows that the camera works."""
        match message:
            case Corrupt(number, reason):
                self._record.next_seq, self._trouble = self._first_seq + number + 1, reason
                self._record.corrupt(reason)
                return False
            case CameraOpening():
                self._patience_s = self._opening_s
            case CameraOpened() as opened:
                self._record.opened()
                ring, process = self._process.ring(opened), self._process
                self._camera = OpenCamera(process, ring, self._camera, self._first_seq)
            case Captured() as captured if self._camera is not None:
                self._passes(captured)
                self._offer(self._camera, captured)
                self._patience_s, self._trouble = self._config.read_timeout_s, ""
            case Passing() as passing:
                self._passes(passing)
                self._trouble = ""
            case CameraLost(reason, over, wait_s):
                self._reopen(BusyError(reason, wait_s), over)
                self._patience_s = self._opening_s
            case other:
                raise SourceError(f"{self._config.place}: its process said {other} out of turn")
        return True

    def _passes(self, message: Captured | Passing) -> None:
        """Count a frame, and those that the process has passed over before it."""
        if self._camera is not None:
            self._record.next_seq = self._first_seq + message.number + 1
            self._record.counts.passed_over += self._camera.passed_over(message)

    def _offer(self, camera: OpenCamera, captured: Captured) -> None:
        """Give a frame to every source, unless it is not what the camera sees now."""
        frozen = self._still.problem(captured.content, captured.came_s)
        if frozen:
            camera.give_back(captured)
            replace = self._record.frozen(self._config.frozen_s)
            self._audience.tell(False, f"{self._config.place}: {frozen}", once=True)
            if replace:
                raise SourceError(f"{self._config.place}: {frozen}")
            return
        if time.monotonic() - captured.came_s > self._config.read_timeout_s:
            # It waited, or its process did, as when it is stopped and goes on.
            self._record.counts.passed_over += 1
            camera.give_back(captured)
            return
        self._record.works()
        self._audience.tell(True, "")
        takers = self._audience.everybody()
        lease = camera.lease(captured, len(takers))
        for taker in takers:
            taker.offer(lease)

    def _reopen(self, error: BusyError, over: bool) -> None:
        if self._record.lost() or over:
            raise error
        self._audience.wait_after(error)
        self._record.counts.reopened += 1
        self._process.tell(Reopen())
