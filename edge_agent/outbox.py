"""`Outbox`: results on disk until the broker has acknowledged them.

One SQLite file in write-ahead mode. Numbering a result and storing it is one
transaction, so a number is never given twice and never without its result.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from edge_agent.errors import OutboxError

# "EDGW" and a layout version: a foreign or newer file is refused, not guessed at.
APPLICATION_ID = 0x45444757
LAYOUT = 1

# AUTOINCREMENT: an id is never used again, so a reader that remembers how far it came
# misses nothing after a deletion.
TABLES = """
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE TABLE stream (name TEXT PRIMARY KEY, last_seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE evicted (count INTEGER NOT NULL);
INSERT INTO evicted VALUES (0);
"""
SIZE = "length(CAST(topic AS BLOB)) + length(payload)"
EVICTION_BATCH = 64


@dataclass(frozen=True)
class Queued:
    """A stored message; ids rise in the order of storing."""

    id: int
    topic: str
    payload: bytes


@dataclass(frozen=True)
class OutboxState:
    """How many messages wait, their bytes, and how many were ever dropped for space."""

    depth: int
    bytes: int
    evicted: int


class Outbox:
    """A durable queue of MQTT messages, safe to use from several threads.

    Args:
        path: the file, made if missing; its folder must exist.
        max_bytes: topics and payloads that may wait; beyond it the oldest are dropped,
            counted in `state().evicted`.
        synchronous: `full` survives power cuts; `normal` survives crashes, and may lose
            the last commits when the power fails.

    Raises:
        OutboxError: the file cannot be opened, is not an outbox, or is in use.
    """

    def __init__(
        self,
        path: Path,
        max_bytes: int = 64 * 1024 * 1024,
        synchronous: Literal["full", "normal"] = "normal",
    ) -> None:
        self.path, self._max_bytes = path, max_bytes
        self._lock = threading.Lock()
        with _errors(path):
            self._db = sqlite3.connect(
                path, timeout=1, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(synchronous)
                self._state = self._read_state()
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what waits stays in it."""
        with self._lock:
            self._db.close()

    def append(self, stream: str, topic: str, encode: Callable[[int], bytes]) -> int:
        """Store the stream's next message.

        Args:
            stream: whose numbers to count.
            topic: where the message shall go.
            encode: makes the payload, given its sequence number; may be called for a
                number that is not used if storing fails.

        Returns:
            The sequence number: 1 for a stream's first message, then one more each time,
            across restarts.

        Raises:
            OutboxError: the disk is full or fails, or the message alone is over the bound.
        """
        with self._lock:
            with self._transaction():
                seq = self._next_number(stream)
                payload = encode(seq)
                size = len(topic.encode()) + len(payload)
                if size > self._max_bytes:
                    raise OutboxError(
                        f"{self.path}: expected messages of at most {self._max_bytes} bytes, "
                        f"found {size} for {topic}"
                    )
                count, freed = self._evict(self._state.bytes + size - self._max_bytes)
                self._db.execute(
                    "INSERT INTO message (topic, payload) VALUES (?, ?)", (topic, payload)
                )
            self._state = OutboxState(
                self._state.depth + 1 - count,
                self._state.bytes + size - freed,
                self._state.evicted + count,
            )
        return seq

    def pending(self, after_id: int, limit: int) -> list[Queued]:
        """The oldest `limit` messages with an id above `after_id`, in order."""
        with self._lock, _errors(self.path):
            rows = self._db.execute(
                "SELECT id, topic, payload FROM message WHERE id > ? ORDER BY id LIMIT ?",
                (after_id, limit),
            ).fetchall()
        return [Queued(*row) for row in rows]

    def delete(self, ids: Iterable[int]) -> None:
        """Forget acknowledged messages; ids that are already gone are ignored."""
        ids = list(ids)
        if not ids:
            return
        with self._lock:
            with self._transaction():
                count = freed = 0
                for number in ids:
                    gone = self._db.execute(
                        f"DELETE FROM message WHERE id = ? RETURNING {SIZE}", (number,)
                    ).fetchone()
                    if gone is not None:
                        count, freed = count + 1, freed + int(gone[0])
            before = self._state
            self._state = OutboxState(before.depth - count, before.bytes - freed, before.evicted)

    def state(self) -> OutboxState:
        """What waits now."""
        with self._lock:
            return self._state

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of the block or nothing of it is on disk; the lock must be held."""
        with _errors(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _next_number(self, stream: str) -> int:
        (seq,) = self._db.execute(
            "INSERT INTO stream VALUES (?, 1) ON CONFLICT (name) "
            "DO UPDATE SET last_seq = last_seq + 1 RETURNING last_seq",
            (stream,),
        ).fetchone()
        return int(seq)

    def _prepare(self, synchronous: str) -> None:
        # One agent per outbox: a second one would publish everything twice.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        mode = self._db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise OutboxError(f"{self.path}: expected a disk that allows WAL, found {mode}")
        self._db.execute(f"PRAGMA synchronous = {synchronous}")
        self._db.execute("BEGIN IMMEDIATE")
        (owner,) = self._db.execute("PRAGMA application_id").fetchone()
        (layout,) = self._db.execute("PRAGMA user_version").fetchone()
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables == 0:
            for statement in TABLES.strip().split(";")[:-1]:
                self._db.execute(statement)
            self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {LAYOUT}")
        elif (owner, layout) != (APPLICATION_ID, LAYOUT):
            raise OutboxError(
                f"{self.path}: expected an outbox of layout {LAYOUT}, "
                f"found application id {owner:#x}, layout {layout}"
            )
        self._db.execute("COMMIT")

    def _read_state(self) -> OutboxState:
        depth, size = self._db.execute(
            f"SELECT count(*), coalesce(sum({SIZE}), 0) FROM message"
        ).fetchone()
        (evicted,) = self._db.execute("SELECT count FROM evicted").fetchone()
        return OutboxState(depth, size, evicted)

    def _evict(self, excess: int) -> tuple[int, int]:
        """Drop the oldest messages until `excess` bytes are free: how many, and how much."""
        count = freed = 0
        while freed < excess:
            rows = self._db.execute(
                f"SELECT id, {SIZE} FROM message ORDER BY id LIMIT {EVICTION_BATCH}"
            ).fetchall()
            if not rows:
                break
            for number, size in rows:
                self._db.execute("DELETE FROM message WHERE id = ?", (number,))
                count, freed = count + 1, freed + size
                if freed >= excess:
                    break
        if count:
            self._db.execute("UPDATE evicted SET count = count + ?", (count,))
        return count, freed


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into `OutboxError`s that name the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise OutboxError(_explain(path, error)) from error


def _explain(path: Path, error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return f"{path}: expected an outbox of our own, found it in use by another agent"
    if "not a database" in text or "malformed" in text:
        return f"{path}: expected an outbox, found: {text}; move the file away to start afresh"
    return f"{path}: {text}"
