"""Write a file whole or not at all: a temporary name beside it, then one rename."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open `path` for writing; it appears only when the block ends without an error.

    Until then an older file of that name stays as it was, and after an error, or a
    kill, nothing under that name has changed. The folder is made if it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)  # mkstemp's 0o600 would hide the file from other users
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # a full disk does not say where it is full
        raise


def write_whole(path: Path, data: bytes) -> None:
    """Replace the contents of `path` by `data` in one step; see `whole_file`."""
    with whole_file(path) as stream:
        stream.write(data)
