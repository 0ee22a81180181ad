"""`FrameDelivery`: how the camera's process hands its frames over, and hears which are wanted."""

import math
import time

from edge_agent.sources.memory.ring import RingWriter
from edge_agent.sources.memory.wire import (
    MAX_REASON,
    CameraOpened,
    CameraOpening,
    Captured,
    Corrupt,
    FromCamera,
    GoneError,
    Link,
    LookPace,
    LookRequest,
    Passing,
    Release,
    Reopen,
    ToCamera,
)

# Frames that nobody wants are told of so often, that the camera may be known to work.
PASSING_S = 0.25
# Looks that are further apart are asked for, each; others get all frames.
ASKED_FROM_S = 0.5
# A still that is to be looked at as often as the model can is asked for so often.
STILL_S = 1.0
# However small an interval a command sets, a camera that is asked is not flooded.
LEAST_STILL_S = 0.05


class FrameDelivery:
    """What is said to whoever wants the frames of a camera, and what is heard of them.

    Args:
        link: to whoever wants them.
        memory: shared with them.
        place: how messages name the camera.
        stills_may_repeat: whether a picture that was asked for, and is the one before, is news.
    """

    def __init__(
        self, link: Link[ToCamera], memory: int, place: str, *, stills_may_repeat: bool = False
    ) -> None:
        self._link, self._memory, self.place = link, memory, place
        self.stills_may_repeat = stills_may_repeat
        self._ring: RingWriter | None = None
        self._number = self._passed_over = 0
        self._spoke_s = self._asked_s = -float("inf")
        self._wanted = True
        self._dated = math.nan, math.nan  # of the last frame: monotonic, and by the wall
        self.interval_s = 0.0  # between two looks

    def begin(self) -> None:
        """The camera is to be opened; its first frame says that there are frames."""
        self.reopens(0)  # the pace is known before the camera is open
        self.send(CameraOpening())
        self._wanted = True

    def reopens(self, timeout_s: float | None) -> bool:
        """Read what has come, waiting for the first so long; whether to open the camera again."""
        while (message := self._link.receive(timeout_s)) is not None:
            match message:
                case Release(slot) if self._ring is not None:
                    self._ring.take_back(slot)
                case LookRequest():
                    self._wanted = True
                case LookPace(interval_s):
                    self.interval_s = interval_s
                case Reopen():
                    return True
                case _:
                    raise GoneError(f"unexpected {message}")
            timeout_s = 0
        return False

    def wants(self) -> bool:
        """Whether somebody looks at the next frame."""
        return self._wanted or self.interval_s < ASKED_FROM_S

    def await_look(self) -> None:
        """Wait until a still is to be asked for.

        Raises:
            GoneError: the other side has hung up.
        """
        pause_s = LEAST_STILL_S if self.interval_s else STILL_S
        while not (self._wanted and time.monotonic() >= self._asked_s + pause_s):
            self.reopens(PASSING_S)
            self.idle()
        self._asked_s = time.monotonic()

    def count(self) -> int:
        """The number of the frame that has just been grabbed."""
        self._number += 1
        return self._number - 1

    def pass_over(self) -> None:
        """A frame that is sound, as far as we know, is not handed over."""
        self._passed_over += 1

    def idle(self) -> None:
        """Say that the camera works though nothing is handed over, if that was not just said."""
        if time.monotonic() - self._spoke_s >= PASSING_S:
            self.send(Passing(max(0, self._number - 1), self._passed_over))

    def corrupt(self, number: int, reason: str) -> None:
        """Say that a frame is damaged."""
        self.send(Corrupt(number, reason[:MAX_REASON]))

    def ring(self, shape: tuple[int, ...]) -> RingWriter:
        """The shared slots, made for the first frame's shape, and said to be there."""
        height, width, channels = shape
        if self._ring is None:
            self._ring = RingWriter(self._memory, (height, width, channels))
        self.send(CameraOpened(*self._ring.shape[:2]))
        return self._ring

    def hand_over(
        self,
        ring: RingWriter,
        slot: int,
        number: int,
        content: int | None,
        at: float,
        answered_s: float | None = None,
    ) -> None:
        """The frame in `slot` is the reader's; of a still, when the camera has answered."""
        ring.hand_over(slot)
        now = time.monotonic()
        self._wanted = False
        if at != self._dated[0]:  # a still that stands has one date, whatever the clocks do
            self._dated = at, time.time() - (now - at)
        self.send(Captured(slot, number, self._passed_over, content, *self._dated, now, answered_s))

    def send(self, message: FromCamera) -> None:
        """Send `message`.

        Raises:
            GoneError: the other side has hung up.
        """
        self._spoke_s = time.monotonic()
        self._link.send(message)
