"""`RateLimit`: so many at once, so many a minute."""

import time
from collections.abc import Callable


class RateLimit:
    """A bucket of permissions that fills up again steadily.

    Args:
        per_minute: how many permissions come in a minute.
        burst: how many can be saved up.
        clock: seconds that never jump.
    """

    def __init__(
        self, per_minute: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s, self._burst, self._clock = per_minute / 60, burst, clock
        self._saved, self._at_s = float(burst), clock()

    def take(self) -> bool:
        """Use one permission; False if there is none."""
        now_s = self._clock()
        self._saved = min(self._burst, self._saved + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
