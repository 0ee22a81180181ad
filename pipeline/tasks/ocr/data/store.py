"""Files of a data set by name: in a folder, or in a tar archive read without unpacking it."""

import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from edge_agent.common.arrays import U8
from pipeline.common.errors import DataError
from pipeline.data.readers.images import UnreadableImageError, decode_image, read_image

ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz")
# The sets read here are a few megabytes; an archive is held in memory as it is.
LARGEST_ARCHIVE = 2**31


class FileStore(Protocol):
    """Named files."""

    @property
    def place(self) -> Path:
        """What the files are in, for messages."""

    def has(self, name: str) -> bool:
        """Whether there is a file `name`."""

    def text(self, name: str) -> str:
        """The UTF-8 text of the file `name`.

        Raises:
            DataError: there is none, or it is no UTF-8.
        """

    def image(self, name: str) -> U8:
        """The image in the file `name`, as `pipeline.data.readers.images.read_image`.

        Raises:
            UnreadableImageError: there is none, or it is no image.
        """


def open_store(path: Path) -> FileStore:
    """The files of the folder or the tar archive at `path`.

    Raises:
        DataError: neither is there, or the archive is damaged.
    """
    if path.is_dir():
        return FolderStore(path)
    if path.is_file() and path.name.endswith(ARCHIVE_SUFFIXES):
        return ArchiveStore(path, _members(path))
    found = "a file of another kind" if path.exists() else "nothing"
    raise DataError(f"{path}: expected a folder or a tar archive, found {found}")


@dataclass(frozen=True)
class FolderStore:
    """The files below a folder; names are paths relative to it, with slashes."""

    place: Path

    def has(self, name: str) -> bool:
        """Whether there is a file `name`."""
        return (self.place / name).is_file()

    def text(self, name: str) -> str:
        """See `FileStore`."""
        path = self.place / name
        try:
            return _decoded(path.read_bytes(), f"{path}")
        except OSError as error:
            raise DataError(f"{path}: expected a text, found {error.strerror}") from error

    def image(self, name: str) -> U8:
        """See `FileStore`."""
        return read_image(self.place / name)


@dataclass(frozen=True, eq=False)
class ArchiveStore:
    """The files of a tar archive, held in memory."""

    place: Path
    members: Mapping[str, bytes]

    def has(self, name: str) -> bool:
        """Whether there is a file `name`."""
        return name in self.members

    def text(self, name: str) -> str:
        """See `FileStore`."""
        if name not in self.members:
            raise DataError(f"{self.place}: {name}: expected a text, found no such file")
        return _decoded(self.members[name], f"{self.place}: {name}")

    def image(self, name: str) -> U8:
        """See `FileStore`."""
        where = f"{self.place}: {name}"
        if name not in self.members:
            raise UnreadableImageError(f"{where}: expected an image, found no such file")
        try:
            return decode_image(np.frombuffer(self.members[name], np.uint8))
        except UnreadableImageError as error:
            raise UnreadableImageError(f"{where}: {error}") from error


def _members(path: Path) -> dict[str, bytes]:
    """The regular files of an archive by name; links, devices and folders are passed over."""
    found: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                total += member.size
                if total > LARGEST_ARCHIVE:
                    raise DataError(
                        f"{path}: expected an archive of at most {LARGEST_ARCHIVE} bytes, "
                        "found more; unpack it into a folder"
                    )
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    found[member.name.removeprefix("./")] = file.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise DataError(f"{path}: expected a tar archive, found a damaged one: {reason}") from error
    return found


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: expected UTF-8, found otherwise: {error}") from error
