"""`Numbering`: which numbers of one outbox's stream have come, and from which agent starts.

An outbox numbers the results of a stream from 1, without a gap, over all starts of its agent. So
the numbers of each start are a range, and the ranges of later starts lie higher.
"""

from bisect import bisect_right
from dataclasses import dataclass, field

# A subscriber that lives for months must not grow with the gaps it saw: beyond this many, the
# oldest are forgotten, and lost for good.
MAX_GAPS = 1024
# An old agent start is heard of again only while its results wait to be delivered.
MAX_BOOTS = 1024


@dataclass
class Numbering:
    """The numbers of one outbox's stream, from the first that came to the last.

    Args:
        first, last: of those that came.
        boots: the agent starts that they came from, in the order of their coming: the lowest and
            the highest number of each.
        gaps: what is missing, first to last, ascending.
        forgotten: the highest number of the gaps that are not remembered any more.
        lost_for_good: how many numbers those left out.
        begun: where it began, if that is known only from a reset: what is below is missing.
        alive: whether its agent has spoken after that of a later numbering.
    """

    first: int
    last: int
    boots: dict[str, tuple[int, int]]
    gaps: list[tuple[int, int]] = field(default_factory=list)
    forgotten: int = 0
    lost_for_good: int = 0
    begun: int | None = None
    alive: bool = False

    @property
    def lost(self) -> int:
        """How many numbers are missing."""
        return self.lost_for_good + sum(last - first + 1 for first, last in self.gaps)

    def has(self, seq: int) -> bool:
        """Whether `seq` has come."""
        return self.first <= seq <= self.last and self._gap(seq) is None and seq > self.forgotten

    def fits(self, boot: str, seq: int) -> bool:
        """Whether `seq` may be of `boot` here: it is in no other start's range."""
        return not any(
            name != boot and low <= seq <= high for name, (low, high) in self.boots.items()
        )

    def newer(self, boot: str, seq: int) -> bool:
        """Whether a start other than `boot` has given higher numbers than `seq` only."""
        return any(name != boot and low > seq for name, (low, _) in self.boots.items())

    def enter(self, boot: str, seq: int) -> int | None:
        """`seq` has come, for the first time, from `boot`.

        Returns:
            How many are missing right before it; None if it filled a gap, or came before all.
        """
        low, high = self.boots.get(boot, (seq, seq))
        self.boots[boot] = min(low, seq), max(high, seq)
        if len(self.boots) > MAX_BOOTS:
            del self.boots[next(iter(self.boots))]
        if seq > self.last:
            missing = seq - self.last - 1
            if missing:
                self._miss(len(self.gaps), self.last + 1, seq - 1)
            self.last = seq
            return missing
        if seq < self.first:
            # We came in the middle of a transmission whose beginning comes now.
            if seq + 1 < self.first:
                self._miss(0, seq + 1, self.first - 1)
            self.first = seq
        else:
            self._fill(seq)
        return None

    def part(self, seq: int) -> "Numbering":
        """Take out what lies above `seq`, of starts that gave only that: another outbox's."""
        moved = {name: span for name, span in self.boots.items() if span[0] > seq}
        first = min(low for low, _ in moved.values())
        other = Numbering(first, self.last, moved, [gap for gap in self.gaps if gap[0] > first])
        other.begun, other.alive = first, True
        for name in moved:
            del self.boots[name]
        self.last = max((high for _, high in self.boots.values()), default=self.first)
        self.gaps = [gap for gap in self.gaps if gap[1] <= self.last]
        return other

    def begin_there(self) -> None:
        """It was no reset: what lies below its first number was never missing."""
        if self.begun is None:
            return
        self.first = max(self.first, self.begun)
        self.gaps = [gap for gap in self.gaps if gap[1] >= self.begun]

    def _gap(self, seq: int) -> int | None:
        place = bisect_right(self.gaps, (seq, self.last + 1)) - 1
        return place if place >= 0 and self.gaps[place][0] <= seq <= self.gaps[place][1] else None

    def _fill(self, seq: int) -> None:
        place = self._gap(seq)
        if place is None:
            return  # of a gap that is forgotten
        first, last = self.gaps[place]
        parts = ((first, seq - 1), (seq + 1, last))
        self.gaps[place : place + 1] = [part for part in parts if part[0] <= part[1]]
        self._forget()

    def _miss(self, place: int, first: int, last: int) -> None:
        self.gaps.insert(place, (first, last))
        self._forget()

    def _forget(self) -> None:
        while len(self.gaps) > MAX_GAPS:
            first, last = self.gaps.pop(0)
            self.lost_for_good += last - first + 1
            self.forgotten = last
