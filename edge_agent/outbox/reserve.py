"""`Reserve` and `Room`: what the outbox lives on while its disk is full.

On a full disk nothing can be forgotten either: SQLite writes a deletion to its log first, and
what fills the log can leave it only for the file, which may have to grow. So a file of no
content is kept beside the outbox, and removed when the disk is full.
"""

import errno
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

MB = 1024 * 1024
# What SQLite's log holds before it is written to the file, 1000 pages of 4 kB, twice `ROOM`
# (once in the log, once in the file), and some more.
RESERVE_BYTES = 7 * MB
# The reserve is not what makes a disk full.
SPARE_BYTES = 1 * MB
# What a disk must have free for the outbox to grow.
NEEDED_BYTES = RESERVE_BYTES + SPARE_BYTES
# How often it is tried to have the reserve back.
RETRY_S = 5.0
# What the outbox makes of the reserve: so much may wait while the disk is full.
ROOM_BYTES = 1 * MB

# SQLite's own bound.
MOST_PAGES = 1_073_741_823

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# A file system that cannot set blocks apart.
UNABLE = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


class Reserve:
    """A file that holds room on the disk; its owner guards it against threads.

    Args:
        path: the file.
        clock: seconds that never jump.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._due_s = -float("inf")
        self._able = True
        self.held = False

    @property
    def missing(self) -> bool:
        """Whether it is not there for want of room."""
        return self._able and not self.held

    @property
    def due(self) -> bool:
        """Whether it is time to look after it; it costs next to nothing to ask."""
        return self._able and self._clock() >= self._due_s

    def hold(self) -> bool:
        """Set the room apart, if there is plenty; whether it is.

        Looked at now and then only: somebody may have removed the file. A disk on which it is
        not to be had for another reason does without.
        """
        if not self.due:
            return self.held
        self._due_s = self._clock() + RETRY_S
        try:
            self.held = _is_whole(self._path) or self._make()
        except OSError as error:
            with suppress(OSError):
                self._path.unlink()
            self.held, self._able = False, error.errno in FULL
            if not self._able:
                log.warning("%s: cannot keep a reserve: %s", self._path, error.strerror)
        return self.held

    def release(self) -> bool:
        """Give the room back to the disk; whether there was any."""
        held, self.held = self.held, False
        self._due_s = self._clock() + RETRY_S
        if held:
            try:
                self._path.unlink(missing_ok=True)
            except OSError as error:
                log.warning("%s: cannot release the reserve: %s", self._path, error.strerror)
                return False
        return held

    def _make(self) -> bool:
        if free_bytes(self._path.parent) < NEEDED_BYTES:
            self._path.unlink(missing_ok=True)  # the beginning of one
            return False
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            _set_apart(descriptor)
        finally:
            os.close(descriptor)
        return True


def free_bytes(folder: Path) -> int:
    """What may still be written to the disk that `folder` is on."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def is_full(error: sqlite3.Error, folder: Path) -> bool:
    """Whether `error` is due to a disk without room.

    SQLite tells a full disk from a broken one only while it writes, not while it waits for the
    disk or makes a file: then the disk is tried.
    """
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL":
        return True
    return name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")) and _refuses(folder)


class Room:
    """The room of an outbox's file: as much as the disk has, or, when that is full, its own.

    While the reserve is there the file may grow. Once it had to be given up the file keeps to
    the size it has, all of it written, so that the log can always be emptied into it and begin
    anew in its own place: from then on nothing needs the disk to have room.

    Args:
        db: the file, opened; the caller guards it against threads.
        path: where it is.
        clock: seconds that never jump.
    """

    def __init__(self, db: sqlite3.Connection, path: Path, clock: Callable[[], float]) -> None:
        self._db, self._folder = db, path.parent
        self._reserve = Reserve(path.with_suffix(".reserve"), clock)
        self._bound = self._size = MOST_PAGES
        try:
            _drop_filling(db)
        except sqlite3.OperationalError as error:
            log.warning("%s: %s", path, error)
        if not self._reserve.hold() and self._reserve.missing:
            self.make()

    def bound(self, *, grows: bool) -> None:
        """Let the file grow or not, as the next transaction may and the disk allows."""
        if self._reserve.due:
            self._look()
        bound = self._size if grows and self._reserve.missing else MOST_PAGES
        if bound != self._bound:
            self._db.execute(f"PRAGMA max_page_count = {bound}")
            self._bound = bound

    def _look(self) -> None:
        held_before = self._reserve.held
        if self._reserve.hold() == held_before:
            return
        if self._reserve.held:
            log.info("%s: the disk has room again", self._folder)
        elif self._reserve.missing:
            self.make()  # somebody has removed it, and there is no room for another

    def make(self) -> None:
        """The disk is full: give up the reserve, and make of it what room can be made."""
        if self._reserve.release():
            log.warning("%s: the disk is full: using the reserve", self._folder)
        self.bound(grows=False)
        try:
            self._widen()
        except sqlite3.OperationalError as error:
            log.debug("%s: no room could be made: %s", self._folder, error)
        with suppress(sqlite3.OperationalError):
            (self._size,) = self._db.execute("PRAGMA page_count").fetchone()

    def _widen(self) -> None:
        """Empty the log into the file; have there be `ROOM_BYTES` of free pages, written out."""
        self._db.execute("PRAGMA wal_checkpoint(RESTART)")
        (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        (page_bytes,) = self._db.execute("PRAGMA page_size").fetchone()
        # In the log, in the file, and a remainder: what is begun must come to its end.
        if free * page_bytes < ROOM_BYTES and free_bytes(self._folder) > 3 * ROOM_BYTES:
            # In two steps with the file written in between: pages that are free are not
            # written, and a file with holes would have no room.
            self._db.execute("CREATE TABLE IF NOT EXISTS filling (bytes BLOB)")
            self._db.execute("INSERT INTO filling VALUES (zeroblob(?))", (ROOM_BYTES,))
            self._db.execute("PRAGMA wal_checkpoint(RESTART)")
        if _drop_filling(self._db):
            self._db.execute("PRAGMA wal_checkpoint(RESTART)")


def _drop_filling(db: sqlite3.Connection) -> bool:
    """Free what fills the file, also after a crash in between; whether anything does."""
    query = "SELECT count(*) FROM sqlite_master WHERE name = 'filling'"
    (found,) = db.execute(query).fetchone()
    if found:
        db.execute("DROP TABLE filling")
    return bool(found)


def _refuses(folder: Path) -> bool:
    probe = folder / f".room-{os.getpid()}"
    try:
        with probe.open("wb") as file:
            file.write(bytes(64 * 1024))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno in FULL
    finally:
        with suppress(OSError):
            probe.unlink()
    return False


def _is_whole(path: Path) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return found.st_size == RESERVE_BYTES and found.st_blocks * 512 >= RESERVE_BYTES


def _set_apart(descriptor: int) -> None:
    try:
        os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
    except OSError as error:
        if error.errno not in UNABLE:
            raise
        for _ in range(0, RESERVE_BYTES, MB):
            os.write(descriptor, bytes(MB))
