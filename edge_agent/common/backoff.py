"""Waiting longer after each failure, with jitter so that many devices do not return at once."""

import random


class Backoff:
    """Delays that double from `first_s` to `cap_s`, each cut by up to half at random.

    Args:
        first_s: the longest first delay, in seconds.
        cap_s: no delay is longer.
        rng: the source of jitter.

    Attributes:
        ceiling_s: the longest that the next delay may be.
    """

    def __init__(
        self, first_s: float = 0.5, cap_s: float = 30.0, rng: random.Random | None = None
    ) -> None:
        self._first_s, self._cap_s = first_s, cap_s
        self._rng = rng or random.Random()
        self.ceiling_s = first_s

    def next(self) -> float:
        """The seconds to wait before the next attempt: half to all of the current ceiling."""
        delay = self.ceiling_s * self._rng.uniform(0.5, 1.0)
        self.ceiling_s = min(self._cap_s, self.ceiling_s * 2)
        return delay

    def reset(self) -> None:
        """An attempt succeeded: the next failure starts from the first delay again."""
        self.ceiling_s = self._first_s
