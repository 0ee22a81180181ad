"""Thinning: of what is old every second, fourth, eighth result stays, instead of none.

The newer half of what waits is kept whole. The older half is gone through in passes, from the
oldest on: a pass of level n keeps the results whose number is a multiple of 2^n, so that those of a
stream stay evenly spaced. When a pass finds little to take, the next one takes more. What is
looked at for one new result is bounded, and where a pass has come is in the file, changed
in the same transaction as what it takes.
"""

import sqlite3
from dataclasses import dataclass, replace

from edge_agent.outbox.stored_row import ROW, StoredRow

# Rows that are read at a time, and how often at most for one new result.
BATCH, MOST_BATCHES = 256, 8
# A pass that takes less than this share of what it looks at is followed by one of a higher level.
MEAGRE = 0.25
# By the oldest so many it is told how thin they are already.
SAMPLE = 64
# No number is a multiple of more.
MOST_LEVEL = 63

TABLE = """
CREATE TABLE IF NOT EXISTS thinning (
    importance INTEGER PRIMARY KEY,
    level INTEGER NOT NULL,
    place INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    taken INTEGER NOT NULL,
    thinned INTEGER NOT NULL
)
"""


@dataclass(frozen=True)
class Pass:
    """Where the thinning of one importance has come.

    Args:
        level: results whose number is a multiple of two to this power stay.
        place: the last id that was looked at.
        kept, taken: how many of this pass.
        thinned: how many of all passes ever.
    """

    level: int = 1
    place: int = 0
    kept: int = 0
    taken: int = 0
    thinned: int = 0


def read_passes(db: sqlite3.Connection) -> dict[int, Pass]:
    """Those in the file, by importance."""
    (there,) = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'thinning'").fetchone()
    if not there:
        return {}
    rows = db.execute("SELECT importance, level, place, kept, taken, thinned FROM thinning")
    return {importance: Pass(*fields) for importance, *fields in rows.fetchall()}


def write_passes(db: sqlite3.Connection, passes: dict[int, Pass]) -> None:
    """Put them in the file."""
    if not passes:
        return
    db.execute(TABLE)
    db.executemany(
        "INSERT OR REPLACE INTO thinning VALUES (?, ?, ?, ?, ?, ?)",
        [(i, p.level, p.place, p.kept, p.taken, p.thinned) for i, p in passes.items()],
    )


def choose(
    db: sqlite3.Connection, importance: int, depth: int, at: Pass, excess: int
) -> tuple[list[StoredRow], Pass]:
    """What to take so that `excess` bytes are free, or as much as can be found in bounded time.

    Args:
        db: the outbox's file.
        importance: whose.
        depth: how many of it wait.
        at: where the last call came.
        excess: bytes.

    Returns:
        The rows, and where that has come once they are gone.
    """
    found: list[StoredRow] = []
    gone: set[int] = set()  # of `found`: still in the file while we look
    (oldest,) = db.execute("SELECT min(id) FROM message").fetchone()
    if oldest is None or oldest > at.place:
        # All that the pass has left behind was delivered: how thin it was does not count any more.
        level = min(at.level, _thinness(db, importance, gone) + 1)
        at = Pass(level, thinned=at.thinned)
    for _ in range(MOST_BATCHES):
        if excess <= 0:
            break
        rows = db.execute(
            f"SELECT {ROW} FROM message WHERE id > ? ORDER BY id LIMIT ?", (at.place, BATCH)
        ).fetchall()
        place, kept, taken = at.place, at.kept, at.taken
        for row in map(StoredRow._make, rows):
            if 2 * kept >= depth - len(found):
                break
            place = row.id
            if row.importance != importance or row.id in gone:
                continue
            if multiple(row.seq) < at.level:
                found.append(row)
                gone.add(row.id)
                taken, excess = taken + 1, excess - row.size
            else:
                kept += 1
        at = replace(at, place=place, kept=kept, taken=taken)
        if len(rows) < BATCH or 2 * kept >= depth - len(found):
            at = _next(db, importance, at, gone)
    return found, replace(at, thinned=at.thinned + len(found))


def multiple(seq: int) -> int:
    """The highest power of two that `seq` is a multiple of; 0 is one of every."""
    return (seq & -seq).bit_length() - 1 if seq else MOST_LEVEL


def _next(db: sqlite3.Connection, importance: int, done: Pass, gone: set[int]) -> Pass:
    """The pass after `done`, by how much that took and how thin the oldest are."""
    level = _thinness(db, importance, gone)
    if done.taken < MEAGRE * (done.kept + done.taken):
        level += 1
    return Pass(min(MOST_LEVEL, max(1, level)), thinned=done.thinned)


def _thinness(db: sqlite3.Connection, importance: int, gone: set[int]) -> int:
    """The power of two that the numbers of the oldest are multiples of, but for `gone`."""
    rows = db.execute(
        "SELECT id, seq FROM (SELECT id, seq, importance FROM message ORDER BY id LIMIT ?) "
        "WHERE importance = ?",
        (BATCH, importance),
    ).fetchall()
    oldest = [multiple(seq) for number, seq in rows if number not in gone][:SAMPLE]
    return min(oldest, default=0)
