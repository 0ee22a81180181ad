"""`MeterRate`: how fast a meter has counted lately, from the values that were confirmed."""

from collections import deque

from edge_agent.tasks.ocr.meters.evidence import TicksSeen
from edge_agent.tasks.ocr.meters.rules import MeterRules

# Over which time the mean is taken: as long as an hour's use, which is what `max_per_hour` bounds.
WINDOW_S = 3600.0
# Below it one tick, for a digit that has just turned, would be a rate of its own.
LEAST_S = 600.0
# Of values closer together than this the first is kept: a window has so many at most.
APART_S = 60.0


class MeterRate:
    """The mean rate over the last hour that was seen, or between the last two values.

    Args:
        rules: how the meter counts.
    """

    def __init__(self, rules: MeterRules) -> None:
        self._rules = rules
        self._seen: deque[TicksSeen] = deque()
        self._last: TicksSeen | None = None

    def add(self, confirmed: TicksSeen) -> None:
        """A confirmed value; an older one than the last, or one further back, begins anew."""
        last = self._last
        if last is not None and (
            confirmed.at < last.at or (self._rules.monotone and self._change(last, confirmed) < 0)
        ):
            self._seen.clear()
        self._last = confirmed
        if not self._seen or confirmed.at - self._seen[-1].at >= APART_S:
            self._seen.append(confirmed)
        # The newest of those that are an hour old is where the hour begins.
        while len(self._seen) > 1 and confirmed.at - self._seen[1].at >= WINDOW_S:
            self._seen.popleft()

    def forget(self) -> None:
        """Begin anew: the next value is not counted from the last."""
        self._seen.clear()
        self._last = None

    def per_hour(self) -> float | None:
        """In the meter's unit; None before values ten minutes apart were seen."""
        if self._last is None:
            return None
        first, last = self._seen[0], self._last
        seconds = last.at - first.at
        if seconds < LEAST_S:
            return None
        decimals = self._rules.decimals
        ticks_per_h = self._change(first, last) * 3600 / seconds
        # A digit more than the meter shows; what is behind it is noise of the division.
        return round(ticks_per_h / float(10**decimals), decimals + 1)

    def _change(self, old: TicksSeen, new: TicksSeen) -> int:
        change: int = self._rules.change(old.value, new.value)
        return change
