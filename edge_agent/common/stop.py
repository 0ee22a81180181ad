"""`Stop`: the flag that ends the agent and wakes everything that waits."""

import threading
from collections.abc import Callable


class Stop:
    """Set once, never cleared. Not to be set from a signal handler: it takes a lock."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], None]] = []

    def is_set(self) -> bool:
        """Whether everything should end."""
        return self._event.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Sleep for `timeout_s` seconds, or until set; whether it is set."""
        return self._event.wait(timeout_s)

    def set(self) -> None:
        """End everything: sleepers in `wait` return, and every waker is called."""
        self._event.set()
        with self._lock:
            wakers, self._wakers = self._wakers, []
        for wake in wakers:
            wake()

    def on_set(self, wake: Callable[[], None]) -> None:
        """Call `wake` when set, from the setting thread; at once if it already is."""
        with self._lock:
            if not self._event.is_set():
                self._wakers.append(wake)
                return
        wake()
