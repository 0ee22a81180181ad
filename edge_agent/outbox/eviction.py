"""What leaves the outbox unacknowledged, and the count: too old, no room, or too long.

The functions work inside a transaction of the outbox. What they change of the counts kept in
memory is gathered in `Changes` and holds once the transaction is on disk.
"""

import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import Self

from edge_agent.outbox.stored_row import ROW, SIZE, StoredRow
from edge_agent.outbox.thinning import Pass, choose, read_passes, write_passes

BATCH = 64


@dataclass
class Rank:
    """What waits of one importance; `scanned`: no such message has a lower id."""

    depth: int = 0
    bytes: int = 0
    scanned: int = 0


class Changes:
    """What one transaction does, by importance, and of evictions by stream.

    One is made for every result: plain dictionaries cost a tenth of `Counter`s.
    """

    def __init__(self) -> None:
        self.depth: dict[int, int] = {}
        self.bytes: dict[int, int] = {}
        self.scanned: dict[int, int] = {}
        self.evicted: dict[str, int] = {}
        self.gone: dict[str, int] = {}  # by stream, the highest number without a row now
        self.passes: dict[int, Pass] = {}  # of thinning, by importance

    def add(self, importance: int, size: int) -> None:
        """A message of `size` bytes was stored."""
        self.depth[importance] = self.depth.get(importance, 0) + 1
        self.bytes[importance] = self.bytes.get(importance, 0) + size

    def evict(self, stream: str) -> None:
        """A message was given up."""
        self.evicted[stream] = self.evicted.get(stream, 0) + 1

    def remove(self, row: "StoredRow") -> None:
        """One was deleted."""
        self.depth[row.importance] = self.depth.get(row.importance, 0) - 1
        self.bytes[row.importance] = self.bytes.get(row.importance, 0) - row.size
        if row.seq:  # layout 1 did not have it, and had the stream's own right
            self.lose(row.stream, row.seq)

    def lose(self, stream: str, seq: int) -> None:
        """A number has no row, or none any more."""
        self.gone[stream] = max(seq, self.gone.get(stream, 0))


class Tally:
    """The counts of an outbox, kept in memory: what waits, and what was evicted ever.

    Args:
        ranks: what waits, by importance.
        evicted: ever.
        by_stream: of these, those whose stream is known.
        passes: of thinning, by importance.
    """

    def __init__(
        self,
        ranks: dict[int, Rank],
        evicted: int,
        by_stream: dict[str, int],
        passes: dict[int, Pass],
    ) -> None:
        self.ranks, self.evicted, self.by_stream = ranks, evicted, Counter(by_stream)
        self.passes = passes
        self.depth = sum(rank.depth for rank in ranks.values())
        self.bytes = sum(rank.bytes for rank in ranks.values())

    @classmethod
    def read(cls, db: sqlite3.Connection) -> Self:
        """As the file has it."""
        ranks = {
            importance: Rank(depth, size)
            for importance, depth, size in db.execute(
                f"SELECT importance, count(*), sum({SIZE}) FROM message GROUP BY importance"
            )
        }
        (evicted,) = db.execute("SELECT count FROM evicted").fetchone()
        by_stream = db.execute("SELECT name, evicted FROM stream WHERE evicted > 0").fetchall()
        return cls(ranks, evicted, dict(by_stream), read_passes(db))

    @property
    def thinned(self) -> int:
        """How many of those evicted made room by thinning."""
        return sum(each.thinned for each in self.passes.values())

    def apply(self, changes: Changes) -> None:
        """A transaction is on disk."""
        for importance, depth in changes.depth.items():
            rank = self.ranks.get(importance)
            if rank is None:
                rank = self.ranks[importance] = Rank()
            size = changes.bytes[importance]
            rank.depth += depth
            rank.bytes += size
            self.depth += depth
            self.bytes += size
        for importance, number in changes.scanned.items():
            self.ranks[importance].scanned = number
        self.passes.update(changes.passes)
        if changes.evicted:
            self.evicted += sum(changes.evicted.values())
            self.by_stream.update(changes.evicted)


def evict_old(db: sqlite3.Connection, before_s: float, changes: Changes) -> None:
    """Drop what was stored before `before_s`; ids rise with the time of storing."""
    while True:
        rows = db.execute(
            f"SELECT {ROW}, stored_s FROM message ORDER BY id LIMIT ?", (BATCH,)
        ).fetchall()
        for *fields, stored_s in rows:
            if stored_s >= before_s:
                return
            _drop(db, StoredRow(*fields), changes)
        if not rows:
            return


def make_room(
    db: sqlite3.Connection,
    tally: Tally,
    excess: int,
    importance: int,
    changes: Changes,
    *,
    thin: bool = False,
) -> bool:
    """Free `excess` bytes by dropping what is at most as important as `importance`.

    The least important first; of those the oldest, or, to `thin`, every other of what is old.

    Returns:
        Whether that is possible; if not, nothing is dropped.
    """
    if excess <= 0:
        return True
    ranks = sorted(rank for rank in tally.ranks if rank <= importance)
    if excess > sum(tally.ranks[rank].bytes + changes.bytes.get(rank, 0) for rank in ranks):
        return False
    for rank in ranks:
        if thin:
            excess -= _thin(db, tally, rank, excess, changes)
        excess -= _evict(db, rank, tally.ranks[rank].scanned, excess, changes)
    return True


def write_counts(db: sqlite3.Connection, changes: Changes) -> None:
    """The evictions of this transaction, and the numbers whose rows are gone, in the file."""
    for stream, seq in changes.gone.items():
        db.execute(
            "INSERT INTO stream (name, last_seq) VALUES (?1, ?2) ON CONFLICT (name) "
            "DO UPDATE SET last_seq = max(last_seq, ?2)",
            (stream, seq),
        )
    write_passes(db, changes.passes)
    if changes.evicted:
        db.execute("UPDATE evicted SET count = count + ?", (sum(changes.evicted.values()),))
        db.executemany(
            "UPDATE stream SET evicted = evicted + ? WHERE name = ?",
            [(count, name) for name, count in changes.evicted.items()],
        )


def evict_one(db: sqlite3.Connection, number: int, changes: Changes) -> None:
    """Drop the message of this id, if it is there."""
    for row in db.execute(f"SELECT {ROW} FROM message WHERE id = ?", (number,)).fetchall():
        _drop(db, StoredRow._make(row), changes)


def _thin(
    db: sqlite3.Connection, tally: Tally, importance: int, excess: int, changes: Changes
) -> int:
    """Thin what is old of one importance for `excess` bytes: how many are freed."""
    if excess <= 0:
        return 0
    depth = tally.ranks[importance].depth + changes.depth.get(importance, 0)
    rows, at = choose(db, importance, depth, tally.passes.get(importance, Pass()), excess)
    for row in rows:
        _drop(db, row, changes)
    changes.passes[importance] = at
    return sum(row.size for row in rows)


def _evict(
    db: sqlite3.Connection, importance: int, scanned: int, excess: int, changes: Changes
) -> int:
    """Drop the oldest of one importance until `excess` bytes are free: how many are."""
    freed = 0
    while freed < excess:
        rows = db.execute(
            f"SELECT {ROW} FROM message WHERE id > ? AND importance = ? ORDER BY id LIMIT ?",
            (scanned, importance, BATCH),
        ).fetchall()
        if not rows:
            break
        for row in map(StoredRow._make, rows):
            _drop(db, row, changes)
            scanned, freed = row.id, freed + row.size
            changes.scanned[importance] = row.id
            if freed >= excess:
                break
    return freed


def _drop(db: sqlite3.Connection, row: StoredRow, changes: Changes) -> None:
    db.execute("DELETE FROM message WHERE id = ?", (row.id,))
    changes.remove(row)
    changes.evict(row.stream)
