"""Which stored result is sent next: what is new does not wait behind what is late.

A schedule belongs to one session; the outbox knows what is left to the next one.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from edge_agent.outbox.outbox import Outbox, StoredMessage

Order: TypeAlias = Literal["live-first", "strict"]

# One message of so many is the backlog's, however much there is that is new.
SHARE = 5
# How much longer than the quickest ever a message of the backlog may take to be acknowledged:
# so long at most does what is new wait behind it in paho and in the network.
DELAY_S = 0.5
# How much of the backlog is sent before the first acknowledgement says how fast the link is.
FIRST_WINDOW = 4


@dataclass(frozen=True)
class Turn:
    """A result whose turn it is, and whether it is late."""

    queued: StoredMessage
    late: bool


class Schedule(Protocol):
    """What a session sends, in which order."""

    def next(self) -> Turn | None:
        """What is sent now; None if there is nothing, or nothing that may be."""
        ...

    def acknowledged(self, number: int) -> None:
        """The broker has the result of this id."""
        ...

    def forgotten(self, numbers: Sequence[int]) -> None:
        """The outbox has these ids no more."""
        ...


class StoredOrder:
    """The order of storing: what is new waits for all that is older.

    Args:
        outbox: results.
        window: how many the session has in flight at most.
    """

    def __init__(self, outbox: Outbox, window: int) -> None:
        self._outbox, self._queue = outbox, _Queue(outbox, window)

    def next(self) -> Turn | None:
        """As `Schedule.next`."""
        queued = self._queue.pop()
        return None if queued is None else Turn(queued, self._outbox.is_late(queued))

    def acknowledged(self, number: int) -> None:
        """As `Schedule.acknowledged`; it does not matter here."""

    def forgotten(self, numbers: Sequence[int]) -> None:
        """As `Schedule.forgotten`; it does not matter here."""


class LiveFirst:
    """Two queues, each in the order of storing: what is new, and the backlog, which is late.

    The backlog is sent beside what is new, at least every fifth message, and no more of it at a
    time than delays what is new by half a second. New results that have become late because the
    link is too slow for them go to the end of the backlog, so that newer ones need not wait.

    Args:
        outbox: results.
        window: how many the session has in flight at most.
        clock: seconds that never jump.
    """

    def __init__(
        self, outbox: Outbox, window: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._outbox, self._clock = outbox, clock
        self._live, self._backlog = _Queue(outbox, window), _Queue(outbox, window)
        self._pace = BacklogPace(max(1, window - window // SHARE))
        self._sent_s: dict[int, float] = {}  # of the backlog, in flight: when
        self._new: set[int] = set()  # sent as new, and still in the outbox
        self._since = 0  # new ones in a row
        self._turn_over(0)

    def next(self) -> Turn | None:
        """As `Schedule.next`."""
        if self._since >= SHARE - 1 and (turn := self._late()) is not None:
            return turn
        live = self._live.peek()
        if live is not None and self._outbox.is_late(live):
            self._turn_over(live.id)
            live = self._live.peek()
        if live is None:
            return self._late()
        self._live.pop()
        self._new.add(live.id)
        self._since += 1
        return Turn(live, late=False)

    def acknowledged(self, number: int) -> None:
        """As `Schedule.acknowledged`."""
        sent_s = self._sent_s.pop(number, None)
        if sent_s is not None:
            self._pace.answered(self._clock() - sent_s)

    def forgotten(self, numbers: Sequence[int]) -> None:
        """As `Schedule.forgotten`."""
        self._new.difference_update(numbers)
        for number in numbers:
            self._sent_s.pop(number, None)

    def _late(self) -> Turn | None:
        if len(self._sent_s) >= self._pace.window:
            return None
        while (queued := self._backlog.pop()) is not None:
            if queued.id not in self._new:
                self._sent_s[queued.id] = self._clock()
                self._since = 0
                return Turn(queued, late=True)
        return None

    def _turn_over(self, number: int) -> None:
        """All that is late by now is the backlog's, `number` at the least.

        What was sent of it is passed over there.
        """
        end = max(number, self._outbox.newest_late())
        self._backlog.end = end
        self._live.skip(end)


class BacklogPace:
    """How much of the backlog may be in flight, by how long its acknowledgements take.

    As LEDBAT (RFC 6817) does: the quickest is what the link itself takes; the rest is waiting,
    behind what we have sent.

    Args:
        most: the largest window.
    """

    def __init__(self, most: int) -> None:
        self._most, self.window = most, min(most, FIRST_WINDOW)
        self._quickest_s = float("inf")

    def answered(self, took_s: float) -> None:
        """One was acknowledged after `took_s` seconds."""
        self._quickest_s = min(self._quickest_s, took_s)
        step = 1 if took_s <= self._quickest_s + DELAY_S else -1
        self.window = min(self._most, max(1, self.window + step))


class _Queue:
    """Stored results from one place on, in their order.

    More are read than are asked for: looking for one at a time would cost as much.
    """

    def __init__(self, outbox: Outbox, batch: int) -> None:
        self._outbox, self._batch = outbox, batch
        self._ahead: deque[StoredMessage] = deque()
        self._cursor = 0  # the last id read
        self.end: int | None = None  # the last id that belongs to it; None for no end

    def peek(self) -> StoredMessage | None:
        """The next; None if there is none."""
        if not self._ahead:
            self._ahead.extend(self._outbox.pending(self._cursor, self._batch, self.end))
            if not self._ahead:
                return None
            self._cursor = self._ahead[-1].id
        return self._ahead[0]

    def pop(self) -> StoredMessage | None:
        """The next, which is not given again; None if there is none."""
        return self._ahead.popleft() if self.peek() is not None else None

    def skip(self, number: int) -> None:
        """Go on behind the id `number`."""
        self._cursor = max(self._cursor, number)
        while self._ahead and self._ahead[0].id <= number:
            self._ahead.popleft()


def schedule(order: Order) -> Callable[[Outbox, int], Schedule]:
    """What makes the schedule of a session, by its name in the configuration."""
    return StoredOrder if order == "strict" else LiveFirst
