"""Fetch published files: checked against a known hash, whole or not at all.

Of packed files the unpacked content is hashed, since mirrors pack the same bytes differently.
"""

import http.client
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256 as new_sha256
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

from edge_agent.common.atomic import whole_file
from pipeline.common.errors import DataError
from pipeline.common.progress import SILENT, Progress, Task

MnistName: TypeAlias = Literal["mnist", "fashion-mnist"]

TIMEOUT_S = 30.0
_CHUNK = 1 << 16


@dataclass(frozen=True)
class RemoteFile:
    """One published file.

    Args:
        urls: the mirrors, the first one first.
        sha256: of the content, in full or its leading digits.
        packed: whether the file is a gzip stream, whose content is what it holds unpacked.
    """

    urls: tuple[str, ...]
    sha256: str
    packed: bool = True


# Named by torchvision, TensorFlow Datasets, the set's own repository, and Keras.
_MIRRORS: dict[MnistName, tuple[str, ...]] = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
}

# SHA-256 of the unpacked idx files.
_SHA256: dict[MnistName, dict[str, str]] = {
    "mnist": {
        "train-images-idx3-ubyte.gz":
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte.gz":
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte.gz":
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte.gz":
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz":
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte.gz":
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte.gz":
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte.gz":
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}  # fmt: skip


def mnist_files(name: MnistName) -> dict[str, RemoteFile]:
    """The four files of `name`, by file name."""
    return {
        file: RemoteFile(tuple(mirror + file for mirror in _MIRRORS[name]), sha256)
        for file, sha256 in _SHA256[name].items()
    }


def fetch_missing(
    files: dict[str, RemoteFile],
    folder: Path,
    progress: Progress = SILENT,
    *,
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Download those of `files` that `folder` lacks.

    `progress` sees one task per file, which counts bytes. `timeout_s` bounds each wait
    for the server.

    Raises:
        DataError: no mirror has the file as published; says what each one answered.
            Nothing is left under the file's name.
    """
    for name, file in files.items():
        path = folder / name
        if not path.exists():
            _fetch(file, path, progress, timeout_s)


def _fetch(file: RemoteFile, path: Path, progress: Progress, timeout_s: float) -> None:
    failures: list[str] = []
    for url in file.urls:
        try:
            _download(url, file, path, progress, timeout_s)
        except (OSError, http.client.HTTPException, zlib.error, _WrongContentError) as error:
            failures.append(f"{url}: {_reason(error)}")
        else:
            return
    raise DataError(
        f"{path}: not there, and it could not be downloaded; put the published file there, "
        "or name its data root. Tried " + "; ".join(failures)
    )


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError):
        return str(error.reason)
    return str(error) or type(error).__name__


def _download(url: str, file: RemoteFile, path: Path, progress: Progress, timeout_s: float) -> None:
    with urllib.request.urlopen(url, timeout=timeout_s) as response, whole_file(path) as target:
        total = int(response.headers.get("Content-Length") or 0)
        with progress.task(f"download {path.name}", total) as task:
            hashed = _unpacked_sha256 if file.packed else _sha256
            found = hashed(_copy(response, target, total, task))
        if not found.startswith(file.sha256):
            unpacked = " unpacked" if file.packed else ""
            raise _WrongContentError(f"expected SHA-256 {file.sha256}{unpacked}, found {found}")


def _copy(source: BinaryIO, target: BinaryIO, total: int, task: Task) -> Iterator[bytes]:
    done = 0
    while chunk := source.read(_CHUNK):
        target.write(chunk)
        yield chunk
        done += len(chunk)
        task.advance(len(chunk))
    if done < total:
        raise _WrongContentError(f"expected {total} bytes, found {done}")


def _sha256(chunks: Iterable[bytes]) -> str:
    state = new_sha256()
    for chunk in chunks:
        state.update(chunk)
    return state.hexdigest()


def _unpacked_sha256(chunks: Iterable[bytes]) -> str:
    """SHA-256 of a gzip stream's content, unpacked piece by piece."""
    gunzip = zlib.decompressobj(wbits=31)  # 31: a gzip header, the largest window
    state = new_sha256()
    for chunk in chunks:
        state.update(gunzip.decompress(chunk))
    if not gunzip.eof or gunzip.unused_data:
        raise _WrongContentError("expected one whole gzip stream")
    return state.hexdigest()


class _WrongContentError(Exception):
    """What a server sent is not the published file."""
