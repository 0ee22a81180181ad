"""A file appears whole or not at all, also if the power fails at any moment."""

import errno
import os
from pathlib import Path

import pytest

from edge_agent.common.atomic import whole_file, write_whole


def test_its_bytes_are_on_the_disk_before_its_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Renamed first, a file may be found empty after a power cut, and the older one is lost."""
    path = tmp_path / "value.json"
    write_whole(path, b"old")
    done: list[tuple[str, int, int, bytes]] = []

    def synchronised(descriptor: int) -> None:
        found = os.fstat(descriptor)
        done.append(("synchronised", found.st_ino, found.st_size, path.read_bytes()))

    replace = Path.replace

    def renamed(self: Path, target: Path) -> Path:
        found = self.stat()
        done.append(("renamed", found.st_ino, found.st_size, path.read_bytes()))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synchronised)
    monkeypatch.setattr(Path, "replace", renamed)
    new = b"n" * 100_000
    with whole_file(path) as stream:
        stream.write(new[:-10])
        stream.write(new[-10:])  # stays in Python's own buffer until it is flushed
    inode = path.stat().st_ino
    assert done == [(what, inode, len(new), b"old") for what in ("synchronised", "renamed")]
    assert path.read_bytes() == new


def test_an_error_leaves_what_was_there_and_nothing_beside_it(tmp_path: Path) -> None:
    """Must fire on any error, also on one that no `except Exception` would see."""
    path = tmp_path / "value.json"
    write_whole(path, b"old")

    def broken(error: type[BaseException]) -> None:
        with whole_file(path) as stream:
            stream.write(b"half")
            raise error

    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error):
            broken(error)
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_named_and_another_error_keeps_its_own_name(tmp_path: Path) -> None:
    """A disk says that it is full and not where; what says where is not spoken over."""
    path = tmp_path / "value.json"
    with pytest.raises(OSError, match="No space") as full, whole_file(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert full.value.filename == str(path)
    with pytest.raises(OSError, match="elsewhere") as other, whole_file(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO), "elsewhere")
    assert other.value.filename == "elsewhere"


def test_the_folder_is_made_and_others_may_read_the_file(tmp_path: Path) -> None:
    """A service writes it and a person looks at it."""
    path = tmp_path / "a" / "b" / "value.json"
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
