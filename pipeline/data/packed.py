"""Images packed in NPZ files: pixels as one array, or encoded files end to end in one blob.

Either `images` (N, H, W) or (N, H, W, 3) uint8; or `blob` (B,) uint8 and `offsets`
(N + 1,), where image i is the JPEG or PNG in ``blob[offsets[i]:offsets[i + 1]]``. Beside
them `labels` (N,), numbers of classes, and `classes` (K,), their names.
"""

import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.arrays import U8
from pipeline.data.base import ImageSequence, Split
from pipeline.data.images import UnreadableImageError, decode_image
from pipeline.data.split import Pool, Source, digest
from pipeline.errors import DataError


def read_packed(train: Path, test: Path | None) -> Source:
    """The images of one or two NPZ files; without `test` a test split is drawn from `train`.

    Raises:
        DataError: a file is missing or no NPZ, lacks an array or has one of another shape,
            holds an image that cannot be decoded, or the two differ in their classes.
    """
    labels, pool = _read(train)
    if test is None:
        return Source(train.stem, labels, pool)
    test_labels, test_pool = _read(test)
    if test_labels != labels:
        raise DataError(f"{test}: expected the classes of {train}, found {', '.join(test_labels)}")
    return Source(train.stem, labels, pool, test=test_pool)


def _read(path: Path) -> tuple[tuple[str, ...], Pool]:
    """The class names and the images of one file."""
    arrays = _arrays(path)
    names = tuple(str(name) for name in _array(arrays, "classes", path, kinds="U", rank=1))
    labels = _array(arrays, "labels", path, kinds="iu", rank=1).astype(np.int64)
    if len(labels) and (labels.min() < 0 or labels.max() >= len(names)):
        raise DataError(
            f"{path}: expected labels from 0 to {len(names) - 1}, "
            f"found {labels.min()} to {labels.max()}"
        )
    images = _pixels(arrays, path) if "images" in arrays else _decoded(arrays, path)
    if len(images) != len(labels):
        raise DataError(
            f"{path}: expected one label an image, found {len(labels)} for {len(images)}"
        )
    ids = tuple(f"{path.stem}/{number:05d}" for number in range(len(labels)))
    digests = tuple(digest(images[number]) for number in range(len(labels)))
    return names, Pool(Split(images, labels, ids), digests)


def _arrays(path: Path) -> Mapping[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except OSError as error:
        raise DataError(f"{path}: expected an NPZ, found {error.strerror or error}") from error
    except (ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: expected an NPZ of plain arrays, found neither") from error


def _array(
    arrays: Mapping[str, NDArray[Any]], name: str, path: Path, *, kinds: str, rank: int
) -> NDArray[Any]:
    if name not in arrays:
        found = ", ".join(sorted(arrays)) or "none"
        raise DataError(f"{path}: expected an array {name!r}, found {found}")
    array = arrays[name]
    if array.dtype.kind not in kinds or array.ndim != rank:
        raise DataError(f"{path}: {name}: found {array.dtype} {array.shape}")
    return array


def _pixels(arrays: Mapping[str, NDArray[Any]], path: Path) -> U8:
    images = arrays["images"]
    grey, colour = images.ndim == 3, images.ndim == 4 and images.shape[3] == 3
    if images.dtype != np.uint8 or not (grey or colour):
        raise DataError(
            f"{path}: images: expected uint8 (N, H, W) or (N, H, W, 3), "
            f"found {images.dtype} {images.shape}"
        )
    return np.asarray(images, np.uint8)


def _decoded(arrays: Mapping[str, NDArray[Any]], path: Path) -> ImageSequence:
    """The images of a blob, decoded once: JPEGs of this size cost more to decode than to keep."""
    blob = _array(arrays, "blob", path, kinds="u", rank=1)
    offsets = _array(arrays, "offsets", path, kinds="iu", rank=1).astype(np.int64)
    if (
        not len(offsets)
        or offsets[0] < 0
        or offsets[-1] > len(blob)
        or (np.diff(offsets) < 0).any()
    ):
        raise DataError(
            f"{path}: offsets: expected places in the blob of {len(blob)} bytes, rising"
        )
    files = [blob[a:b] for a, b in pairwise(offsets)]

    def decode(number: int) -> U8:
        try:
            return decode_image(files[number])
        except UnreadableImageError as error:
            raise DataError(f"{path}: image {number}: {error}") from error

    with ThreadPoolExecutor() as pool:
        return tuple(pool.map(decode, range(len(files))))
