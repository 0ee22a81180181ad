"""`Outbox`: results on disk until the broker has acknowledged them.

One SQLite file in write-ahead mode. Numbering a result and storing it is one
transaction, so a number is never given twice and never without its result.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, TypeAlias, TypeVar

from edge_agent.common.errors import DiskFullError, OutboxError
from edge_agent.outbox.eviction import (
    Changes,
    Tally,
    evict_old,
    evict_one,
    make_room,
    write_counts,
)
from edge_agent.outbox.file import open_file, sqlite_errors
from edge_agent.outbox.reserve import Room
from edge_agent.outbox.stored_row import ROW, StoredRow

log = logging.getLogger(__name__)
T = TypeVar("T")

Synchronous: TypeAlias = Literal["full", "normal"]
WhenFull: TypeAlias = Literal["drop-oldest", "thin"]

LAST_NUMBERS = """
SELECT name, max(seq) FROM (
    SELECT name, last_seq AS seq FROM stream UNION ALL
    SELECT stream, max(seq) FROM message WHERE stream <> '' GROUP BY stream
) GROUP BY name
"""

# SQLite's largest integer.
MOST = 2**63 - 1
# How often the age of what waits is looked at: it changes no faster than that matters.
AGE_CHECK_S = 1.0


@dataclass(frozen=True)
class Lane:
    """How the results of a stream are kept while they wait.

    Args:
        importance: 0 to 9; where space is short the least important leave first.
        synchronous: `full` survives power cuts; `normal` survives crashes, and may lose
            the last commits when the power fails.
        expires_s: how long the broker keeps a result for a subscriber that is away; None
            for as long as the broker likes.
    """

    importance: int = 5
    synchronous: Synchronous = "normal"
    expires_s: int | None = None


@dataclass(frozen=True)
class Limits:
    """What may wait, and when it counts as late.

    Args:
        max_bytes: of topics and payloads.
        max_age_s: how long a result may wait while the agent runs; None for ever.
        late_after_s: what has waited for longer is late.
        when_full: what makes room: the oldest go, or of what is old every other.
    """

    max_bytes: int = 64 * 1024 * 1024
    max_age_s: float | None = None
    late_after_s: float = 10.0
    when_full: WhenFull = "drop-oldest"


@dataclass(frozen=True)
class StoredMessage:
    """A stored message; ids rise in the order of storing.

    Args:
        id, topic, payload: what was stored.
        stored_s: when, by the outbox's clock.
        expires_s: as `Lane`.
    """

    id: int
    topic: str
    payload: bytes
    stored_s: float = 0.0
    expires_s: int | None = None


@dataclass(frozen=True)
class OutboxState:
    """How many messages wait, their bytes, and how many were ever dropped unacknowledged.

    `thinned` says how many of those were dropped by thinning.
    """

    depth: int
    bytes: int
    evicted: int
    thinned: int = 0


class Outbox:
    """A durable queue of MQTT messages, safe to use from several threads.

    Beyond its limits the least important messages are dropped, of those the oldest first (or
    thinned), and counted. A message that is itself less important than all that waits is dropped in
    their stead, and one that alone is over the bound; its number is used, so that the gap shows.

    Age is counted in the time that an outbox is open: neither a jump of the wall clock nor
    a device without one makes results old. So it is never more than the true age.

    A disk that is full is borne: what is stored stays, can be read, and is forgotten when told,
    on the disk as soon as that can be.

    Args:
        path: the file, made if missing; its folder must exist.
        limits: what may wait.
        lanes: by stream; a stream without one has `Lane()`.
        clock: seconds that never jump.

    Raises:
        OutboxError: the file cannot be opened, is not an outbox, or is in use.
    """

    def __init__(
        self,
        path: Path,
        limits: Limits | None = None,
        lanes: Mapping[str, Lane] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path, self._limits, self._lanes = path, limits or Limits(), lanes or {}
        self._lock = threading.Lock()
        self._complained = False
        self._synchronous = ""
        self._db = open_file(path)
        try:
            with sqlite_errors(path):
                self._room = Room(self._db, path, clock)
                self._tally = Tally.read(self._db)
                # Where the clock of the last start had come at the least: ages go on there.
                self._inherited, base_s = self._db.execute(
                    "SELECT coalesce(max(id), 0), coalesce(max(stored_s), 0) FROM message"
                ).fetchone()
                # Within a start no id is used again: a reader that remembers how far it came
                # misses nothing after a deletion.
                self._next_id = self._inherited + 1
                self._numbers: dict[str, int] = dict(self._db.execute(LAST_NUMBERS).fetchall())
        except BaseException:
            self._db.close()
            raise
        self._forgotten: set[int] = set()  # acknowledged, and still on a full disk
        opened_s = clock()
        self._now: Callable[[], float] = lambda: base_s + clock() - opened_s
        self._age_due_s = self._now()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what waits stays in it."""
        with self._lock:
            with suppress(OutboxError):
                self._forget()
            self._db.close()

    def append(self, stream: str, topic: str, encode: Callable[[int], bytes]) -> int:
        """Store the stream's next message.

        Args:
            stream: whose numbers to count, and whose lane to go by.
            topic: where the message shall go.
            encode: makes the payload, given its sequence number; may be called for a
                number that is not used if storing fails.

        Returns:
            The sequence number: 1 for a stream's first message, then one more each time,
            across restarts.

        Raises:
            DiskFullError: there is no room; try again later.
            OutboxError: the disk fails.
        """
        with self._lock:
            if self._forgotten:
                with suppress(DiskFullError):
                    self._forget()
            return self._with_room(lambda: self._append(stream, topic, encode))

    def _append(self, stream: str, topic: str, encode: Callable[[int], bytes]) -> int:
        lane = self._lanes.get(stream, Lane())
        with self._transaction(lane.synchronous, grows=True) as changes:
            seq = self._numbers.get(stream, 0) + 1
            payload = encode(seq)
            size = len(topic.encode()) + len(payload)
            if size > self._limits.max_bytes:
                self._complain_of_size(topic, size)
            if self._make_room(size, lane.importance, changes):
                row = (self._next_id, topic, payload, stream, seq, lane.importance)
                self._db.execute(
                    "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, self._now())
                )
                changes.add(lane.importance, size)
            else:
                changes.evict(stream)
                changes.lose(stream, seq)
            write_counts(self._db, changes)
        self._numbers[stream] = seq
        self._next_id += 1
        return seq

    def _complain_of_size(self, topic: str, size: int) -> None:
        """One line in the log: where nothing fits that comes is not the time to end."""
        if not self._complained:
            self._complained = True
            log.warning(
                "%s: expected messages of at most %d bytes, found %d for %s: it is given up, and "
                "counted; raise outbox.max_mb",
                self.path,
                self._limits.max_bytes,
                size,
                topic,
            )

    def pending(self, after_id: int, limit: int, last_id: int | None = None) -> list[StoredMessage]:
        """The oldest `limit` messages with an id above `after_id`, up to `last_id`, in order."""
        with self._lock, sqlite_errors(self.path):
            rows = self._db.execute(
                "SELECT id, topic, payload, stream, stored_s FROM message "
                "WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
                (after_id, MOST if last_id is None else last_id, limit + len(self._forgotten)),
            ).fetchall()
            rows = [row for row in rows if row[0] not in self._forgotten][:limit]
        lanes, default = self._lanes, Lane()
        return [
            StoredMessage(number, topic, payload, stored_s, lanes.get(stream, default).expires_s)
            for number, topic, payload, stream, stored_s in rows
        ]

    def is_late(self, queued: StoredMessage) -> bool:
        """Whether it has waited for long, or since before this start."""
        waited_s = self._now() - queued.stored_s
        return queued.id <= self._inherited or waited_s > self._limits.late_after_s

    def newest_late(self) -> int:
        """The id up to which all that waits is late, as `is_late` says; what is above is not."""
        with self._lock, sqlite_errors(self.path):
            before_s = self._now() - self._limits.late_after_s
            low, high = self._inherited, self._next_id - 1
            while low < high:
                middle = (low + high + 1) // 2
                found = self._db.execute(
                    "SELECT id, stored_s FROM message WHERE id >= ? ORDER BY id LIMIT 1", (middle,)
                ).fetchone()
                if found is not None and found[1] < before_s:
                    low = found[0]
                else:
                    high = middle - 1
            return int(low)

    def delete(self, ids: Iterable[int]) -> None:
        """Forget acknowledged messages; ids that are already gone are ignored.

        On a full disk that may have to wait; if the agent ends before, they are there again.
        """
        with self._lock:
            self._forgotten.update(ids)
            try:
                self._forget()
            except DiskFullError as error:
                log.debug("%s", error)

    def give_up(self, number: int) -> bool:
        """Drop the message of this id unacknowledged, and count it as evicted.

        Returns:
            Whether it is gone: on a full disk it stays.
        """
        with self._lock:
            try:
                self._with_room(lambda: self._give_up(number))
            except DiskFullError as error:
                log.debug("%s", error)
                return False
            return True

    def _give_up(self, number: int) -> None:
        with self._transaction("normal") as changes:
            evict_one(self._db, number, changes)
            write_counts(self._db, changes)

    def _forget(self) -> None:
        if not self._forgotten:
            return
        ids = sorted(self._forgotten)
        self._with_room(lambda: self._delete(ids))
        self._forgotten = set()

    def _with_room(self, work: Callable[[], T]) -> T:
        """What `work` gives; on a full disk it is done again once room has been made."""
        try:
            return work()
        except DiskFullError:
            self._room.make()
            return work()

    def _delete(self, ids: Sequence[int]) -> None:
        # Not synchronised: a deletion that a power cut undoes is a duplicate, not a loss.
        with self._transaction("normal") as changes:
            for first, last in _runs(ids):
                gone = self._db.execute(
                    f"DELETE FROM message WHERE id BETWEEN ? AND ? RETURNING {ROW}", (first, last)
                )
                for row in gone.fetchall():
                    changes.remove(StoredRow._make(row))
            write_counts(self._db, changes)

    def state(self) -> OutboxState:
        """What waits now."""
        with self._lock:
            depth = max(0, self._tally.depth - len(self._forgotten))
            tally = self._tally
            return OutboxState(depth, tally.bytes, tally.evicted, tally.thinned)

    def evictions(self) -> dict[str, int]:
        """How many messages were ever dropped unacknowledged, by stream."""
        with self._lock:
            return dict(self._tally.by_stream)

    @contextmanager
    def _transaction(self, synchronous: Synchronous, *, grows: bool = False) -> Iterator[Changes]:
        """All of the block or nothing of it is on disk; the lock must be held.

        Args:
            synchronous: as `Lane`.
            grows: whether the file is larger afterwards.
        """
        changes = Changes()
        with sqlite_errors(self.path):
            if synchronous != self._synchronous:
                self._db.execute(f"PRAGMA synchronous = {synchronous}")
                self._synchronous = synchronous
            self._room.bound(grows=grows)
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield changes
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        self._tally.apply(changes)

    def _make_room(self, size: int, importance: int, changes: Changes) -> bool:
        """Drop what is too old or in the way of `size` bytes; whether they fit now."""
        now_s, max_age_s = self._now(), self._limits.max_age_s
        if max_age_s is not None and now_s >= self._age_due_s:
            evict_old(self._db, now_s - max_age_s, changes)
            self._age_due_s = now_s + AGE_CHECK_S
        waiting = self._tally.bytes + sum(changes.bytes.values())
        excess = waiting + size - self._limits.max_bytes
        thin = self._limits.when_full == "thin"
        return make_room(self._db, self._tally, excess, importance, changes, thin=thin)


def _runs(ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Of rising numbers, the first and last of each run without a gap."""
    first = last = ids[0]
    for number in ids[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last
