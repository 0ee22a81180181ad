"""Arrays out of an NPZ file: plain ones, or an error that names the file and the array."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.common.errors import DataError

Arrays: TypeAlias = Mapping[str, NDArray[Any]]


def read_arrays(path: Path, names: Sequence[str]) -> Arrays:
    """Those of the arrays `names` that the file at `path` has; no other is read.

    Raises:
        DataError: no NPZ, or one of these is damaged or holds Python objects.
    """
    try:
        if not path.is_file():
            # Reading a pipe or a device may never end.
            raise DataError(f"{path}: expected an NPZ, found no regular file")
        with zipfile.ZipFile(path) as archive:
            there = set(archive.namelist())
            found = [name for name in names if f"{name}.npy" in there]
            return {name: _read_array(archive, name, path) for name in found}
    except (OSError, zipfile.BadZipFile) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise DataError(f"{path}: expected an NPZ, found: {reason}") from error


def _read_array(archive: zipfile.ZipFile, name: str, path: Path) -> NDArray[Any]:
    try:
        with archive.open(f"{name}.npy") as member:
            array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
    except MemoryError:
        raise  # the machine's fault
    # A damaged file makes zlib and NumPy's parser of headers fail with more kinds than they name.
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise DataError(f"{path}: {name}: expected a plain array, found: {reason}") from error
    return array
