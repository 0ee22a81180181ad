"""Images packed in NPZ files: pixels as one array, or encoded files end to end in one blob.

Either `images` (N, H, W) or (N, H, W, 3) uint8; or `blob` (B,) uint8 and `offsets`
(N + 1,), where image i is the JPEG or PNG in ``blob[offsets[i]:offsets[i + 1]]``. Beside
them `labels` (N,), numbers of classes, and `classes` (K,), their names.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import U8
from pipeline.common.errors import DataError
from pipeline.common.progress import SILENT, Progress
from pipeline.data.base import ImageSequence, Split
from pipeline.data.classes import ClassPool, ClassSource
from pipeline.data.pool import Pool, digest
from pipeline.data.readers.images import (
    UnreadableImageError,
    decode_image,
    look_at_each,
    unreadable_message,
)
from pipeline.data.readers.npz import Arrays, read_arrays
from pipeline.data_recipe import OnUnreadable
from pipeline.near.thumbnail import NOTHING, stacked, thumbnail

_Seen: TypeAlias = tuple[str, U8]  # the digest of an image, and its thumbnail

# Array -> the type codes it may have, and what it holds in words.
_FLAT = {
    "classes": ("U", "names (K,)"),
    "labels": (np.typecodes["AllInteger"], "integers (N,)"),
    "offsets": (np.typecodes["AllInteger"], "integers (N + 1,)"),
    "blob": ("B", "uint8 (B,)"),
}
_LONGEST_NAME = 255  # of a class, as in a bundle's manifest


def read_packed(
    train: Path,
    test: Path | None,
    on_unreadable: OnUnreadable = "error",
    progress: Progress = SILENT,
) -> ClassSource:
    """The images of one or two NPZ files, every one looked at once to know that it can be.

    Args:
        train: the file to learn from.
        test: the test images, or None to have them drawn from `train`.
        on_unreadable: `skip` leaves encoded images out that cannot be decoded, and lists them.
        progress: sees one task per file, which counts its images.

    Raises:
        DataError: a file is no NPZ; lacks an array or has one of another type or shape; has
            fewer than two classes, a class without images or an image that cannot be
            decoded; or the two differ in their classes.
    """
    parts = [_open(train, "train")]
    if test is not None:
        parts.append(_open(test, "test"))
        _check_same_classes(*parts)
    looks = [_look_at(part.images, progress) for part in parts]
    pools = [_pool(*pair, on_unreadable) for pair in zip(parts, looks, strict=True)]
    return ClassSource(
        train.stem,
        pools[0],
        labels=parts[0].classes,
        test=pools[1] if test is not None else None,
        skipped=tuple(
            part.ids[number]
            for part, seen in zip(parts, looks, strict=True)
            for number in _problems(seen)
        ),
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """One file: `labels` (N,) int64 are places in `classes`."""

    path: Path
    classes: tuple[str, ...]
    images: ImageSequence
    labels: NDArray[np.int64]
    ids: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _EncodedImages:
    """Encoded images in a blob; each one is decoded when it is asked for."""

    path: Path
    blob: U8
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int, /) -> U8:
        try:
            return decode_image(self.blob[self.offsets[index] : self.offsets[index + 1]])
        except UnreadableImageError as error:
            raise UnreadableImageError(f"{self.path}: image {index}: {error}") from error


def _open(path: Path, name: str) -> _Part:
    """One file, its arrays checked; no image has been decoded. `name` begins the ids."""
    arrays = read_arrays(path, ("images", *_FLAT))
    classes = _classes(arrays, path)
    labels = _flat(arrays, "labels", path)
    if len(labels) and not (labels.min() >= 0 and labels.max() < len(classes)):
        raise DataError(
            f"{path}: labels: expected 0 to {len(classes) - 1}, "
            f"found {labels.min()} to {labels.max()}"
        )
    images = _images(arrays, path)
    if len(images) != len(labels):
        raise DataError(
            f"{path}: expected one label for each of {len(images)} images, found {len(labels)}"
        )
    ids = tuple(f"{name}/{number:05d}" for number in range(len(labels)))
    return _Part(path, classes, images, labels.astype(np.int64), ids)


def _check_same_classes(train: _Part, test: _Part) -> None:
    if test.classes != train.classes:
        raise DataError(
            f"{test.path}: expected the classes of {train.path}, {', '.join(train.classes)}, "
            f"found {', '.join(test.classes)}"
        )


def _look_at(images: ImageSequence, progress: Progress) -> list[_Seen | UnreadableImageError]:
    """The digest and the thumbnail of every image, or why it has none."""

    def look(number: int) -> _Seen | UnreadableImageError:
        try:
            image = images[number]
            return digest(image), thumbnail(image)
        except UnreadableImageError as error:
            return error

    return look_at_each(look, range(len(images)), progress)


def _problems(looks: Sequence[_Seen | UnreadableImageError]) -> dict[int, str]:
    """Why which images are unreadable."""
    return {n: str(seen) for n, seen in enumerate(looks) if isinstance(seen, UnreadableImageError)}


def _pool(
    part: _Part, looks: Sequence[_Seen | UnreadableImageError], on_unreadable: OnUnreadable
) -> ClassPool:
    """The readable images of `part`.

    Raises:
        DataError: an image is unreadable and may not be skipped, or a class has none left.
    """
    problems = _problems(looks)
    if problems and on_unreadable == "error":
        raise DataError(unreadable_message(list(problems.values())))
    readable = np.array([n for n in range(len(looks)) if n not in problems], np.int64)
    for number, label in enumerate(part.classes):
        if not (part.labels[readable] == number).any():
            raise DataError(f"{part.path}: class {label!r}: expected readable images, found none")
    seen = [("", NOTHING) if isinstance(look, UnreadableImageError) else look for look in looks]
    digests, thumbs = tuple(digest for digest, _ in seen), stacked([thumb for _, thumb in seen])
    return Pool(Split(part.images, part.labels, part.ids), digests, thumbs).select(readable)


def _classes(arrays: Arrays, path: Path) -> tuple[str, ...]:
    classes = tuple(str(name) for name in _flat(arrays, "classes", path))
    if len(classes) < 2:
        found = f"only {classes[0]!r}" if classes else "none"
        raise DataError(f"{path}: expected at least two classes, found {found}")
    for name, count in Counter(classes).items():
        # A label goes into JSON and onto terminals.
        if not (name.isprintable() and 1 <= len(name) <= _LONGEST_NAME):
            raise DataError(
                f"{path}: classes: expected names of 1 to {_LONGEST_NAME} printable "
                f"characters, found {name!r}"
            )
        if count > 1:
            raise DataError(
                f"{path}: classes: expected distinct names, found {name!r} {count} times"
            )
    return classes


def _images(arrays: Arrays, path: Path) -> ImageSequence:
    if ("images" in arrays) == ("blob" in arrays):
        found = ", ".join(sorted(arrays)) or "none"
        raise DataError(
            f"{path}: expected either the array images, or blob and offsets, found {found}"
        )
    if "blob" in arrays:
        return _encoded(arrays, path)
    images = arrays["images"]
    shaped = images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)
    if images.dtype != np.uint8 or not shaped or 0 in images.shape[1:]:
        raise DataError(
            f"{path}: images: expected uint8 (N, H, W) or (N, H, W, 3), "
            f"found {images.dtype} {images.shape}"
        )
    return images


def _encoded(arrays: Arrays, path: Path) -> _EncodedImages:
    blob, offsets = _flat(arrays, "blob", path), _flat(arrays, "offsets", path)
    if not len(offsets):
        raise DataError(f"{path}: offsets: expected one more than there are images, found none")
    # Compared, not subtracted: a difference of huge offsets would wrap around.
    rising = (offsets[1:] >= offsets[:-1]).all()
    if not (rising and offsets[0] >= 0 and offsets[-1] <= len(blob)):
        order = "rising" if rising else "falling"
        raise DataError(
            f"{path}: offsets: expected rising places in the {len(blob)} bytes of blob, "
            f"found {order} ones from {offsets.min()} to {offsets.max()}"
        )
    return _EncodedImages(path, blob, offsets.astype(np.int64))


def _flat(arrays: Arrays, name: str, path: Path) -> NDArray[Any]:
    """The array `name`, of one dimension and of the type that `_FLAT` says."""
    types, holds = _FLAT[name]
    if name not in arrays:
        found = ", ".join(sorted(arrays)) or "none"
        raise DataError(f"{path}: expected an array {name!r} of {holds}, found {found}")
    array = arrays[name]
    if array.dtype.char not in types or array.ndim != 1:
        raise DataError(f"{path}: {name}: expected {holds}, found {array.dtype} {array.shape}")
    return array
