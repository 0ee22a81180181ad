"""`StreamClock`: when a frame was taken, by the clock of the stream that it came in."""

import math
from collections.abc import Callable

from edge_agent.common.errors import SourceError

# A frame older than that when it comes was held back: by the network, a proxy, or a decoder.
LATE_S = 2.0
# Nothing else came for so long: the stream has fallen behind, or its clock stood still.
BEHIND_S = 4.0
# A stall counts as no more than this: what comes after it is to be compared with what came before.
GAP_S = 1.0


class StreamClock:
    """Dates frames by the stream's clock, whose zero nobody knows and which may run astray.

    The frame that came soonest after its own time, of those of the last seconds, is taken to
    have come at once; so a clock that runs a little wrong is followed.

    Args:
        place: names the camera in errors.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._restart()

    def _restart(self) -> None:
        self._soonest = self._soonest_before = math.inf  # of this window, and of the one before
        self._window_s = self._late_s = 0.0
        self._last: tuple[float, float] | None = None

    def date(self, stream_s: float, now: float) -> float:
        """When the frame was taken, in seconds of `now`'s clock; `now` if the stream says nothing.

        Args:
            stream_s: the frame's time in the stream; not finite, or the last one's, says nothing.
            now: when it came.

        Raises:
            SourceError: nothing fresh comes any more; opening it again helps.
        """
        last, self._last = self._last, (stream_s, now)
        if not math.isfinite(stream_s) or (last is not None and stream_s == last[0]):
            return now
        if last is not None and stream_s < last[0] - BEHIND_S:
            self._restart()  # the stream has begun anew
            last, self._last = None, (stream_s, now)
        passed_s = 0.0 if last is None else min(now - last[1], GAP_S)
        delay_s = now - stream_s
        late_s = max(0.0, delay_s - min(self._soonest, self._soonest_before, delay_s))
        if late_s > LATE_S:
            self._late_s += passed_s
            if self._late_s > BEHIND_S:
                raise SourceError(
                    f"{self._place}: expected fresh frames, found them {late_s:.0f} s late"
                )
            return now - late_s
        self._late_s = 0.0
        self._window_s += passed_s
        if self._window_s > BEHIND_S / 2:
            self._soonest_before, self._soonest, self._window_s = self._soonest, math.inf, 0.0
        self._soonest = min(self._soonest, delay_s)
        return now - late_s


class Backlog:
    """Tells what a stream without a clock held back: it comes at once after a stall.

    Args:
        waits: whether more has come already.
    """

    def __init__(self, waits: Callable[[], bool]) -> None:
        self._waits = waits
        self._came: float | None = None
        self._until = -math.inf

    def holds(self, now: float) -> bool:
        """Whether the frame that came at `now` is one of those, and a fresher one is there."""
        gap_s = 0.0 if self._came is None else now - self._came
        self._came = now
        if gap_s > LATE_S:
            self._until = now + gap_s  # not for ever, where a slow reader always finds more
        if now >= self._until:
            return False
        if self._waits():
            return True
        self._until = -math.inf
        return False
