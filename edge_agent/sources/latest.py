"""`LatestFrame`: a slot for one frame, overwritten by fresher ones."""

import threading

from edge_agent.sources.base import Frame


class LatestFrame:
    """Between a thread that captures and one that looks; neither waits for the other's work."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._closed = False
        self.dropped = 0

    def put(self, frame: Frame) -> None:
        """`frame` is the freshest; one that nobody took is dropped, and counted."""
        with self._changed:
            if self._frame is not None:
                self.dropped += 1
            self._frame = frame
            self._changed.notify()

    def take(self, timeout_s: float) -> Frame | None:
        """The freshest frame, each once; None after `timeout_s` without one, or when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._closed, timeout_s)
            frame, self._frame = self._frame, None
            return None if self._closed else frame

    def close(self) -> None:
        """Wake whoever waits; nothing can be taken any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
