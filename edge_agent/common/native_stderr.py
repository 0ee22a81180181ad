"""Keep one known line of a native library off standard error, and lose nothing else."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

STDERR = 2


@contextmanager
def without_lines(start: bytes) -> Iterator[None]:
    """Drop lines that begin with `start` from what the process writes to file descriptor 2.

    For native code that has no way to be told. Everything else, other threads' output
    included, is passed on when the block ends, in its order.
    """
    try:
        kept = os.dup(STDERR)
    except OSError:  # standard error is closed: there is nothing to keep clean
        yield
        return
    with _scratch() as caught:
        os.dup2(caught.fileno(), STDERR)
        try:
            yield
        finally:
            os.dup2(kept, STDERR)
            os.close(kept)
            caught.seek(0)
            for line in caught:
                if not line.startswith(start):
                    with suppress(OSError):  # a file on a disk that is full
                        os.write(STDERR, line)


def _scratch() -> IO[bytes]:
    """A file without a name; in memory where that can be, since a disk may be full."""
    try:
        return os.fdopen(os.memfd_create("stderr"), "rb")
    except (AttributeError, OSError):
        return tempfile.TemporaryFile()
