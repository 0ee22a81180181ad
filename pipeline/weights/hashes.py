"""The SHA-256 of a file, and whether it is the published one."""

import hashlib
from pathlib import Path

from pipeline.common.errors import WeightsError


def file_sha256(path: Path) -> str:
    """SHA-256 of the file at `path`.

    Raises:
        WeightsError: it cannot be read, or is no file.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"{path}: expected a file of weights, found {error.strerror}") from error


def check_hash(path: Path, expected: str) -> str:
    """The SHA-256 of the file at `path`, which has to begin with `expected`.

    Raises:
        WeightsError: it does not.
    """
    found = file_sha256(path)
    if not found.startswith(expected):
        raise WeightsError(f"{path}: expected SHA-256 {expected}, found {found}")
    return found
