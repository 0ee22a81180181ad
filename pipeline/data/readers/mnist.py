"""MNIST and Fashion-MNIST: the four gzipped idx files each is published as.

The idx format (Y. LeCun's MNIST page): two zero bytes, one byte for the type (8 is
uint8), one for the number of dimensions, each size as a big-endian uint32, the data.
"""

import gzip
import hashlib
import struct
import zlib
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import U8
from pipeline.common.errors import DataError
from pipeline.common.progress import SILENT, Progress
from pipeline.data.base import Split
from pipeline.data.classes import ClassPool, ClassSource
from pipeline.data.pool import Pool, digest
from pipeline.data.readers.download import MnistName, RemoteFile, fetch_missing, mnist_files

Part: TypeAlias = Literal["train", "t10k"]

_LABELS: dict[MnistName, tuple[str, ...]] = {
    "mnist": tuple("0123456789"),
    # In the order of the set's own README, zalandoresearch/fashion-mnist.
    "fashion-mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
        "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
}  # fmt: skip


def read_mnist(name: MnistName, root: Path, progress: Progress = SILENT) -> ClassSource:
    """The set `name` in the folder `root`/`name`, downloaded into it when missing.

    Raises:
        DataError: a file cannot be had, is damaged, or is not the published one.
    """
    folder = root / name
    files = mnist_files(name)
    fetch_missing(files, folder, progress)
    train = _read_part(folder, files, "train")
    return ClassSource(name, train, labels=_LABELS[name], test=_read_part(folder, files, "t10k"))


def read_idx(path: Path, *, sha256: str | None = None) -> U8:
    """The array in the gzipped idx file at `path`.

    Args:
        path: the `.gz` file.
        sha256: hash of the unpacked file; left out, any content is taken.

    Raises:
        DataError: not gzip, cut off, of another hash, not an idx file of uint8, or
            shorter or longer than its own header says.
    """
    try:
        data = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: expected a whole gzip file, found: {error}") from error
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256:
        raise DataError(
            f"{path}: expected the published file (SHA-256 {sha256} unpacked), found {found}; "
            "delete it to have it downloaded again"
        )
    return _decode_idx(data, path)


def _decode_idx(data: bytes, path: Path) -> U8:
    if len(data) < 4 or data[:3] != b"\0\0\x08" or not 1 <= data[3] <= 3:
        raise DataError(
            f"{path}: expected an idx file of uint8 with 1 to 3 dimensions, "
            f"found magic {data[:4].hex()!r}"
        )
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise DataError(f"{path}: expected an idx header of {start} bytes, found {len(data)}")
    shape = struct.unpack(f">{data[3]}I", data[4:start])
    size = int(np.prod(shape, dtype=object))
    if len(data) - start != size:
        raise DataError(
            f"{path}: expected {size} bytes for shape {shape}, found {len(data) - start}"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _read_part(folder: Path, files: dict[str, RemoteFile], part: Part) -> ClassPool:
    images = _read(folder, files, f"{part}-images-idx3-ubyte.gz")
    labels: NDArray[np.int64] = _read(folder, files, f"{part}-labels-idx1-ubyte.gz").astype(
        np.int64
    )
    prefix = "train" if part == "train" else "test"
    ids = tuple(f"{prefix}/{number:05d}" for number in range(len(images)))
    split = Split(images, labels, ids)
    return Pool(split, tuple(digest(image) for image in images))


def _read(folder: Path, files: dict[str, RemoteFile], name: str) -> U8:
    return read_idx(folder / name, sha256=files[name].sha256)
