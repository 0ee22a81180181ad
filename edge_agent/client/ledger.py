"""`Ledger`: the proof that nothing was lost, kept by whoever receives results.

Pure bookkeeping over sequence numbers; `docs/reference/mqtt.md` gives the argument.
"""

from dataclasses import dataclass
from typing import Literal

from edge_agent.client.numbering import Numbering
from edge_agent.contract.messages import ResultMessage

# Numberings of a stream that are remembered: each time that an outbox is deleted there is one more,
# and one for each agent of the same name.
MAX_NUMBERINGS = 8
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
        rivals: agents beside the first that speak under the same name at the same time, each
            with numbers of its own.
    """

    received: int = 0
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    resets: int = 0
    rivals: int = 0

    def __add__(self, other: "Account") -> "Account":
        return Account(
            self.received + other.received,
            self.lost + other.lost,
            self.duplicated + other.duplicated,
            self.out_of_order + other.out_of_order,
            self.resets + other.resets,
            self.rivals + other.rivals,
        )


@dataclass(frozen=True)
class Entry:
    """What one result means.

    Args:
        kind: `new`, a `duplicate` to be ignored, or `late`: new, but after a later one.
        gap: how many results are missing right before it, so far.
        reset: whether the stream's numbering began anew with it.
        rival: whether it shows that another agent speaks under the same name.
    """

    kind: Literal["new", "duplicate", "late"]
    gap: int = 0
    reset: bool = False
    rival: bool = False


@dataclass
class _Stream:
    numberings: list[Numbering]  # the newest last
    lost_for_good: int = 0
    received: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    resets: int = 0
    rivals: int = 0

    def account(self) -> Account:
        lost = self.lost_for_good + sum(numbering.lost for numbering in self.numberings)
        return Account(
            self.received, lost, self.duplicated, self.out_of_order, self.resets, self.rivals
        )

    def record(self, boot: str, seq: int, *, late: bool) -> Entry:
        if not self.numberings:
            return self._begin(boot, seq, 0)
        found = self._of(boot, seq, late=late)
        if found is None:
            self.resets += 1
            # A new outbox starts at 1: what it left out is missing too.
            return self._begin(boot, seq, seq - 1)
        if not found.fits(boot, seq):
            # The starts of one outbox do not give the same numbers.
            self.rivals += 1
            self._begin(boot, seq, 0)
            found.alive = self.numberings[-1].alive = True
            return Entry("new", rival=True)
        if found.has(seq):
            self.duplicated += 1
            return Entry("duplicate")
        rival = self._is_rival(found, boot, seq, late=late)
        gap = found.enter(boot, seq)
        self.received += 1
        if gap is None:
            self.out_of_order += 1
            return Entry("late", rival=rival)
        return Entry("new", gap, rival=rival)

    def _of(self, boot: str, seq: int, *, late: bool) -> Numbering | None:
        """The numbering that the number belongs to; None for a new one."""
        for numbering in reversed(self.numberings):
            if boot in numbering.boots:
                return numbering
        newest = self.numberings[-1]
        # A new start of one of those that speak: the one that it goes on from most closely.
        living = [n for n in self.numberings if (n.alive or n is newest) and n.last < seq]
        if living:
            return max(living, key=lambda numbering: numbering.last)
        # A start that we have not heard of, of whose results only late ones are left.
        if late and newest.fits(boot, seq):
            return newest
        return None

    def _begin(self, boot: str, seq: int, missing: int) -> Entry:
        numbering = Numbering(seq, seq, {boot: (seq, seq)}, begun=seq)
        if missing:
            numbering.first, numbering.gaps = 1, [(1, missing)]
        first = not self.numberings
        self._add(numbering)
        self.received += 1
        return Entry("new", missing, reset=not first)

    def _add(self, numbering: Numbering) -> None:
        """As the newest; beyond the limit the oldest is forgotten, its gaps lost for good."""
        self.numberings.append(numbering)
        if len(self.numberings) > MAX_NUMBERINGS:
            self.lost_for_good += self.numberings.pop(0).lost

    def _is_rival(self, found: Numbering, boot: str, seq: int, *, late: bool) -> bool:
        """Whether something new of `boot` shows that there are two agents; they are told apart."""
        if late:
            return False  # it may have waited since before the other began
        if found is not self.numberings[-1]:
            after = [n for n in self.numberings[self.numberings.index(found) + 1 :] if not n.alive]
            found.alive = True
            for numbering in after:
                numbering.alive = True
                numbering.begin_there()
                self.resets -= 1
                self.rivals += 1
            return bool(after)
        if found.newer(boot, seq):
            found.alive = True
            self._add(found.part(seq))
            self.rivals += 1
            return True
        return False


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
            stream = _Stream([])
            if len(self._streams) >= MAX_STREAMS:
                self._gone += self._streams.pop(next(iter(self._streams))).account()
        self._streams[key] = stream
        return stream.record(message.boot, message.seq, late=message.late)

    def accounts(self) -> dict[tuple[str, str], Account]:
        """By (device, stream)."""
        return {key: stream.account() for key, stream in self._streams.items()}

    def total(self) -> Account:
        """All streams together, those that were given up included."""
        return sum(self.accounts().values(), self._gone)
