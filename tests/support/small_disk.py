"""`SmallDisk`: a disk of a few megabytes that a test can fill."""

import contextlib
import errno
import os
import subprocess
from pathlib import Path
from typing import Self

import pytest

MB = 1024 * 1024


class SmallDisk:
    """A file system of its own in `folder`, in memory; a context manager.

    Args:
        folder: where to mount it; made if missing.
        mb: its size.
    """

    def __init__(self, folder: Path, mb: int) -> None:
        self.folder, self._mb = folder, mb
        self._hog = folder / "hog"

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        options = f"size={self._mb}m,mode=0755"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "edgeward-test", str(self.folder)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            pytest.skip(f"needs the right to mount a tmpfs: {done.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        # Lazily: a process that was killed may not have let go of it yet.
        subprocess.run(["umount", "-l", str(self.folder)], check=True)

    def fill(self, leave: int = 0) -> None:
        """Somebody else takes all the room there is now but `leave` bytes.

        Not what comes free in the meantime: that is an agent's reserve, of which it makes room.
        """
        left = size = max(0, self.free() - leave)
        with self._hog.open("ab") as hog:
            at = hog.tell()
            while size:
                try:
                    os.posix_fallocate(hog.fileno(), at, size)
                    at, left = at + size, left - size
                    size = min(left, max(0, self.free() - leave))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2  # somebody took some in the meantime

    def clean(self) -> None:
        """And gives it back."""
        with contextlib.suppress(FileNotFoundError):
            self._hog.unlink()

    def free(self) -> int:
        """How many bytes there is room for."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize
