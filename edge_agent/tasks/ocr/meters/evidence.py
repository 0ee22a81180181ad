"""How long, and how often, a value stands before it is believed: chains of independent readings.

Five readings of one second have the same reflection in them, and two of the same picture the
same noise: they are one piece of evidence. So a reading is *independent* of the one before that
counted only if some time lies between them and the picture is another; and what is asked for is
a number of independent readings **and** a time that lies between the first and the last.
"""

from dataclasses import dataclass
from typing import TypeAlias

# A reading that comes a little early is in time: pictures are not taken to the millisecond.
EARLY = 0.99
# How many values on its way say that a meter was seen moving, and how far apart they may lie, in
# shares of the whole way. A digit that is read wrong goes nearly all of the way at once.
LEAST_VALUES, LARGEST_STEP = 8, 0.25
# How far beyond reach a leap may be when it first comes, to be believed as soon as it is within:
# a rate that is set a little too tight. A digit that is read wrong is mostly further.
NEARLY = 3.0
# How many values on the way are kept; beyond it those that lie close to another are left out.
MOST_VALUES = 32


@dataclass(frozen=True)
class TicksSeen:
    """A value in ticks, when it was read, and a number that is the same for the same picture."""

    value: int
    at: float
    picture: int | None = None


Chain: TypeAlias = tuple[TicksSeen, ...]


@dataclass(frozen=True)
class Demand:
    """What makes a value.

    Args:
        readings: so many independent ones.
        seconds: between the first and the last of them; of a single one there is no time.
        same_s: after so long even the same picture counts again: some sources have no noise.
    """

    readings: int
    seconds: float
    same_s: float

    def grown(self, chain: Chain, seen: TicksSeen) -> Chain:
        """`chain` with `seen`, if that is independent of its last.

        The first stays, of the others as many as are ever asked for.
        """
        if chain and not self._independent(chain[-1], seen):
            return chain
        most = 2 * self.readings
        return (*chain[:1], *chain[1:][-most:], seen)

    def met(self, chain: Chain) -> bool:
        """Whether `chain` is enough."""
        return bool(chain) and self._enough(len(chain), chain[-1].at - chain[0].at)

    def settled(self, chain: Chain) -> Chain:
        """`chain` from the newest reading on that those behind it confirm; empty if none is."""
        for number in range(len(chain) - self.readings, -1, -1):
            if self._enough(len(chain) - number, chain[-1].at - chain[number].at):
                return chain[number:]
        return ()

    def progress(self, agree: int, chain: Chain) -> str:
        """How far it is, for people."""
        if agree < self.readings:
            return f"{agree} of {self.readings} readings agree"
        seconds = chain[-1].at - chain[0].at
        return f"readings agree for {seconds:.0f} of {self.seconds:g} s"

    def _independent(self, last: TicksSeen, seen: TicksSeen) -> bool:
        passed_s = seen.at - last.at
        # Half of an even distance: uneven ones still fit as many into the time.
        if self.readings > 1 and passed_s < self.seconds / (2 * (self.readings - 1)):
            return False
        another = seen.picture is None or seen.picture != last.picture
        return another or passed_s >= self.same_s

    def _enough(self, readings: int, seconds: float) -> bool:
        in_time = self.readings == 1 or seconds >= EARLY * self.seconds
        return readings >= self.readings and in_time


def risen(start: int, values: tuple[int, ...], value: int) -> tuple[int, ...]:
    """The values seen on the way from `start` up to `value`: what is above it was read wrong."""
    below = [v for v in values if v < value]
    if len(below) >= MOST_VALUES:
        gap, kept = 2 * (value - start) / MOST_VALUES, [start]
        for each in below:
            if each - kept[-1] >= gap:
                kept.append(each)
        below = kept[1:]
    return (*below, value)


def seen_moving(start: int, values: tuple[int, ...]) -> bool:
    """Whether a meter was watched on all of its way from `start` to the last of `values`."""
    steps = [after - before for before, after in zip((start, *values), values, strict=False)]
    return len(steps) >= LEAST_VALUES and max(steps) <= LARGEST_STEP * sum(steps)
