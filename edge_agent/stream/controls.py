"""`Controls`: what can be changed about a stream while it runs, and the pace it keeps."""

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

from edge_agent.common.stop import Stop
from edge_agent.sources.base import Frame, FrameSource
from edge_agent.stream.view import AS_IT_IS, View


class Controls:
    """Shared by a stream's thread, which keeps to it, and the one that obeys commands.

    Args:
        interval_s: the least time between two answers; 0 is as fast as the model.
        stop: ends the waiting.
    """

    def __init__(self, interval_s: float, stop: Stop) -> None:
        self._changed = threading.Condition()
        self._interval_s, self._paused, self._stop = interval_s, False, stop
        self._last: Frame | None = None
        self._live = False
        self._wanted = False  # somebody waits for a fresh frame
        stop.on_set(self._wake)

    @property
    def interval_s(self) -> float:
        """The least time between two answers."""
        return self._interval_s

    def between_looks_s(self) -> float:
        """The time between two answers as things stand: infinite while paused."""
        return math.inf if self._paused else self._interval_s

    @property
    def paused(self) -> bool:
        """Whether the stream looks at nothing."""
        return self._paused

    def set_interval(self, interval_s: float) -> None:
        """From now on, not only after the pause that is running."""
        with self._changed:
            self._interval_s = interval_s
            self._changed.notify_all()

    def pause(self, paused: bool) -> None:
        """Stop looking, or go on."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def fresh(self, timeout_s: float) -> Frame | None:
        """A frame that a camera takes after this call, or the last one read from a file.

        None if there is none in time. For one caller at a time.
        """
        with self._changed:
            if self._live or self._last is None:
                self._wanted, self._last = True, None
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._last is not None, timeout_s)
            return self._last

    def paced(self, source: FrameSource, view: View = AS_IT_IS) -> Iterator[Frame]:
        """The frames of `source` that are to be looked at, until it ends or we are stopped.

        It waits before it asks: a live source gives the frame that is fresh by then, and a
        file's frames all come, only slower. While paused, nothing is asked for.

        Args:
            source: where they come from.
            view: how they are seen, here and by whoever asks for a fresh one.
        """
        self._live = source.live
        looked_s = -math.inf  # when the last look was due
        for frame in source:
            if self._stop.is_set():
                return
            seen = view(frame) if self._wanted or not source.live else None
            if seen is not None:
                self._show(seen)
            if not source.live:
                self._hold(looked_s)
            elif self._paused or not self._due(looked_s):
                self._rest(looked_s)  # taken for a snapshot only
                continue
            if self._stop.is_set():
                return
            yield view(frame) if seen is None else seen
            looked_s = beat(looked_s, self._interval_s)
            self._rest(looked_s)

    def _due(self, looked_s: float) -> bool:
        return time.monotonic() >= looked_s + self._interval_s

    def _hold(self, looked_s: float) -> None:
        """Wait while paused, and for the next look."""
        with self._changed:
            while not self._stop.is_set() and (self._paused or not self._due(looked_s)):
                left_s = looked_s + self._interval_s - time.monotonic()
                self._changed.wait(None if self._paused else max(0.0, left_s))

    def _rest(self, looked_s: float) -> None:
        """Wait for the next look, or until a fresh frame is wanted, or we stop."""
        with self._changed:
            while not (self._stop.is_set() or (self._live and self._wanted)):
                if self._paused:
                    if not self._live:  # its next frame is read, and held
                        return
                    self._changed.wait()
                    continue
                left_s = looked_s + self._interval_s - time.monotonic()
                if left_s <= 0:
                    return
                self._changed.wait(left_s)

    def _show(self, frame: Frame) -> None:
        # A camera's frame may be in memory that it wants back: only a copy may be kept.
        kept = replace(frame, image=frame.image.copy()) if self._live else frame
        with self._changed:
            self._last, self._wanted = kept, False
            self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


def beat(looked_s: float, interval_s: float) -> float:
    """The moment to count the next interval from: being a little late costs nothing.

    Args:
        looked_s: the moment that the last one was counted from.
        interval_s: how long one is.
    """
    due_s, now_s = looked_s + interval_s, time.monotonic()
    return due_s if now_s - due_s < interval_s else now_s
