"""The outbox's SQLite file: how it is laid out, made, and brought up to date."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.common.errors import DiskFullError, OutboxError
from edge_agent.outbox.reserve import MB, NEEDED_BYTES, free_bytes, is_full

# "EDGW" and a layout version: a foreign or newer file is refused, not guessed at.
APPLICATION_ID = 0x45444757
LAYOUT = 2

# A message's number is in its own row; `stream` has it once that row is gone, so that storing
# writes to one table only. `stored_s` is in seconds of the outbox's own clock.
MESSAGE = """
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    importance INTEGER NOT NULL,
    stored_s REAL NOT NULL
);
"""
TABLES = f"""
{MESSAGE}
CREATE TABLE stream (
    name TEXT PRIMARY KEY,
    last_seq INTEGER NOT NULL,
    evicted INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE evicted (count INTEGER NOT NULL);
INSERT INTO evicted VALUES (0);
"""
# Layout 1 knew neither importance nor age, and counted evictions only in all.
FROM_1 = f"""
ALTER TABLE message RENAME TO message_1;
{MESSAGE}
INSERT INTO message SELECT id, topic, payload, '', 0, 5, 0 FROM message_1;
DROP TABLE message_1;
ALTER TABLE stream ADD COLUMN evicted INTEGER NOT NULL DEFAULT 0;
"""


def open_file(path: Path) -> sqlite3.Connection:
    """The outbox in `path`, made if missing, of today's layout, and locked.

    Raises:
        OutboxError: it cannot be opened, is not an outbox, or is in use.
    """
    with sqlite_errors(path):
        # Isolation level None: every transaction is one we begin.
        db = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
        try:
            _prepare(db, path)
        except BaseException:
            db.close()
            raise
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    # One agent per outbox: a second one would publish everything twice.
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise OutboxError(f"{path}: expected a disk that allows WAL, found {mode}")
    db.execute("BEGIN IMMEDIATE")
    (owner,) = db.execute("PRAGMA application_id").fetchone()
    (layout,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables == 0:
        _run(db, TABLES)
    elif (owner, layout) == (APPLICATION_ID, 1):
        _run(db, FROM_1)
    elif (owner, layout) != (APPLICATION_ID, LAYOUT):
        raise OutboxError(
            f"{path}: expected an outbox of layout {LAYOUT}, "
            f"found application id {owner:#x}, layout {layout}"
        )
    if (owner, layout) != (APPLICATION_ID, LAYOUT):
        # Only then: an outbox that is there already is opened on a full disk too.
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {LAYOUT}")
    db.execute("COMMIT")


def _run(db: sqlite3.Connection, statements: str) -> None:
    # Not `executescript`: that would commit, and a file half made would be left.
    for statement in statements.strip().split(";")[:-1]:
        db.execute(statement)


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into `OutboxError`s that name the file."""
    try:
        yield
    except sqlite3.Error as error:
        if is_full(error, path.parent):
            raise DiskFullError(_full(path)) from error
        raise OutboxError(_explain(path, error)) from error


def _full(path: Path) -> str:
    free, needed = free_bytes(path.parent) / MB, NEEDED_BYTES / MB
    return (
        f"{path}: the disk is full: expected {needed:.0f} MB free, found {free:.1f} MB; "
        "make room on it, and it goes on by itself"
    )


def _explain(path: Path, error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return f"{path}: expected an outbox of our own, found it in use by another agent"
    if "not a database" in text or "malformed" in text:
        return f"{path}: expected an outbox, found: {text}; move the file away to start afresh"
    return f"{path}: {text}"
