"""A file of weights that was carried here by hand, into our own folder."""

import re
import shutil
from pathlib import Path

from edge_agent.common.atomic import whole_file
from pipeline.common.errors import WeightsError
from pipeline.weights.hashes import check_hash, file_sha256
from pipeline.weights.known import KNOWN, PICKLED, SAFE
from pipeline.weights.listing import row_of
from pipeline.weights.places import own_cache
from pipeline.weights.read import read_tensors

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


def keep(path: Path, name: str | None) -> Path:
    """Copy the file at `path` into our own folder; where it then lies.

    Args:
        path: the file. Of known weights it is known by its hash, whatever it is called.
        name: what any other is to be called there; a recipe's `weights` then say it with the
            file's suffix. An architecture of the known weights says that it is these.

    Raises:
        WeightsError: it is no file of weights, not the one that `name` says, or has no name.
    """
    sha256 = file_sha256(path)
    target = own_cache() / _file_name(path, name, sha256)
    read_tensors(path)  # what cannot be used is not kept
    with path.open("rb") as source, whole_file(target) as stream:
        shutil.copyfileobj(source, stream)
    check_hash(target, sha256)
    return target


def _file_name(path: Path, name: str | None, sha256: str) -> str:
    if name is not None and name in {row.arch for row in KNOWN}:
        row = row_of(name)
        check_hash(path, row.sha256)
        return row.file
    if name is None:
        row_found = next((row for row in KNOWN if sha256.startswith(row.sha256)), None)
        if row_found is None:
            raise WeightsError(
                f"{path}: expected a file of the known weights, found another one (SHA-256 "
                f"{sha256}); give it a name with --as NAME"
            )
        return row_found.file
    suffix = path.suffix.lower()
    if suffix not in (SAFE, *PICKLED):
        raise WeightsError(
            f"{path}: expected a suffix of {', '.join((SAFE, *PICKLED))}, found {suffix!r}"
        )
    if not _NAME.fullmatch(name):
        raise WeightsError(f"--as: expected letters, digits, dots and dashes, found {name!r}")
    return name if name.lower().endswith(suffix) else f"{name}{suffix}"
