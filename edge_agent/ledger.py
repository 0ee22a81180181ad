"""`Ledger`: the proof that nothing was lost, kept by whoever receives results.

Pure bookkeeping over sequence numbers; `docs/mqtt.md` gives the argument.
"""

from dataclasses import dataclass, field
from typing import Literal

from edge_agent.messages import ResultMessage

# A subscriber that lives for months must not grow with the gaps it saw: beyond this many
# per stream, the oldest are lost for good.
MAX_GAPS = 1024
# An old agent start is heard of again only while its results wait to be delivered.
MAX_BOOTS = 1024
# Whoever may publish may invent streams: beyond this many, the one that was silent for longest
# is counted in the total alone, and begins anew if it comes again.
MAX_STREAMS = 10_000


@dataclass(frozen=True)
class Account:
    """What was received of one stream, or of all of them together.

    Args:
        received: distinct results.
        lost: numbers that were left out and have not come since.
        duplicated: results received again.
        out_of_order: results that came after a later one, filling a gap.
        resets: how often the numbering began anew (the device lost its outbox).
    """

    received: int = 0
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    resets: int = 0

    def __add__(self, other: "Account") -> "Account":
        return Account(
            self.received + other.received,
            self.lost + other.lost,
            self.duplicated + other.duplicated,
            self.out_of_order + other.out_of_order,
            self.resets + other.resets,
        )


@dataclass(frozen=True)
class Entry:
    """What one result means.

    Args:
        kind: `new`, a `duplicate` to be ignored, or `late`: new, but after a later one.
        gap: how many results are missing right before it.
        reset: whether the stream's numbering began anew with it.
    """

    kind: Literal["new", "duplicate", "late"]
    gap: int = 0
    reset: bool = False


@dataclass
class _Stream:
    first: int
    last: int
    boots: dict[str, None]  # in the order of their coming
    gaps: list[tuple[int, int]] = field(default_factory=list)  # missing, first to last
    lost_for_good: int = 0
    received: int = 1
    duplicated: int = 0
    out_of_order: int = 0
    resets: int = 0

    def account(self) -> Account:
        lost = self.lost_for_good + sum(last - first + 1 for first, last in self.gaps)
        return Account(self.received, lost, self.duplicated, self.out_of_order, self.resets)

    def record(self, boot: str, seq: int) -> Entry:
        if boot not in self.boots:
            self.boots[boot] = None
            if len(self.boots) > MAX_BOOTS:
                del self.boots[next(iter(self.boots))]
            if seq <= self.last:
                return self._reset(boot, seq)
        if seq > self.last:
            return self._ahead(seq)
        if seq < self.first:
            return self._before(seq)
        return self._behind(seq)

    def _ahead(self, seq: int) -> Entry:
        gap = seq - self.last - 1
        if gap:
            self._miss(self.last + 1, seq - 1)
        self.last = seq
        self.received += 1
        return Entry("new", gap)

    def _behind(self, seq: int) -> Entry:
        for place, (first, last) in enumerate(self.gaps):
            if first <= seq <= last:
                parts = ((first, seq - 1), (seq + 1, last))
                self.gaps[place : place + 1] = [part for part in parts if part[0] <= part[1]]
                self.received += 1
                self.out_of_order += 1
                return Entry("late")
        self.duplicated += 1
        return Entry("duplicate")

    def _before(self, seq: int) -> Entry:
        # We came in the middle of a transmission that is now repeated from its start.
        if seq + 1 < self.first:
            self._miss(seq + 1, self.first - 1)
        self.first = seq
        self.received += 1
        self.out_of_order += 1
        return Entry("late")

    def _reset(self, boot: str, seq: int) -> Entry:
        # A new numbering starts at 1: what it left out is missing too.
        self.lost_for_good += sum(last - first + 1 for first, last in self.gaps)
        self.boots, self.gaps, self.first, self.last = {boot: None}, [], 1, seq
        self.resets += 1
        self.received += 1
        if seq > 1:
            self._miss(1, seq - 1)
        return Entry("new", seq - 1, reset=True)

    def _miss(self, first: int, last: int) -> None:
        self.gaps.append((first, last))
        if len(self.gaps) > MAX_GAPS:
            first, last = self.gaps.pop(0)
            self.lost_for_good += last - first + 1


class Ledger:
    """Keeps account of every (device, stream) it is shown results of.

    A stream is counted from the first result seen; what came before is unknown. If it
    was seen from its beginning (sequence number 1), the account is complete.
    """

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str], _Stream] = {}  # the longest silent first
        self._gone = Account()

    def record(self, message: ResultMessage) -> Entry:
        """Enter one received result, in the order of receipt."""
        key = (message.device, message.stream)
        stream = self._streams.pop(key, None)
        if stream is None:
            self._streams[key] = _Stream(message.seq, message.seq, {message.boot: None})
            if len(self._streams) > MAX_STREAMS:
                self._gone += self._streams.pop(next(iter(self._streams))).account()
            return Entry("new")
        self._streams[key] = stream
        return stream.record(message.boot, message.seq)

    def accounts(self) -> dict[tuple[str, str], Account]:
        """By (device, stream)."""
        return {key: stream.account() for key, stream in self._streams.items()}

    def total(self) -> Account:
        """All streams together, those that were given up included."""
        return sum(self.accounts().values(), self._gone)
