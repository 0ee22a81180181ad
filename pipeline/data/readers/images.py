"""Read and look at image files: whatever OpenCV decodes, as 8-bit grey or RGB."""

import os
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from edge_agent.common.arrays import U8
from edge_agent.system.opencv_log import silent_opencv
from pipeline.common.errors import DataError
from pipeline.common.progress import Progress
from pipeline.data.pool import digest
from pipeline.data.readers.foreign import decode_foreign, foreign_kind
from pipeline.data_recipe import OnUnreadable
from pipeline.near.thumbnail import thumbnail

Image = TypeVar("Image")
Found = TypeVar("Found")
Row = TypeVar("Row")

# What OpenCV's decoders go by; JPEGs by the other names that Windows, browsers and cameras
# with two lenses give them; and what telephones write, which `pipeline.data.readers.foreign` reads.
IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".dib", ".gif", ".hdr", ".heic", ".heif", ".hif", ".jfif", ".jif", ".jp2"}
    | {".jpe", ".jpeg", ".jpg", ".mpo", ".pbm", ".pgm", ".pjp", ".pjpeg", ".png", ".pnm", ".ppm"}
    | {".ras", ".sr", ".tif", ".tiff", ".webp"}
)

_SHOWN = 3  # how many unreadable files an error names
_SAMPLE_STEP = 4  # every fourth pixel each way is enough to see colour
_GREY_SPREAD = 2.0  # mean difference of the channels, in levels; JPEG alone makes about one


class UnreadableImageError(DataError):
    """A file with an image's suffix that OpenCV cannot decode."""


@dataclass(frozen=True)
class ImageLook:
    """What one image file holds.

    Args:
        path: the file.
        digest: of its pixels; empty when it is unreadable.
        shape: (H, W) for grey or (H, W, 3) for RGB; empty when it is unreadable.
        grey: whether there is no colour in it, even if it is stored as RGB.
        problem: why it is unreadable, else None.
        thumb: what near copies are told by, see `pipeline.near.thumbnail`.
    """

    path: Path
    digest: str = ""
    shape: tuple[int, ...] = ()
    grey: bool = False
    problem: str | None = None
    thumb: U8 | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class ImageFiles:
    """Image files as a sequence; each one is read when it is asked for."""

    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int, /) -> U8:
        return read_image(self.paths[index])


def read_image(path: Path) -> U8:
    """The image at `path`: (H, W) uint8 if it is grey, else (H, W, 3) RGB.

    Turned as its EXIF orientation says; 16-bit values are scaled to 8 bits and
    transparency is dropped, since a camera gives neither.

    Raises:
        UnreadableImageError: not there, empty, or not a whole image.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            # Reading a pipe or a device may never end.
            raise UnreadableImageError(f"{path}: expected an image, found no regular file")
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise UnreadableImageError(f"{path}: expected an image, found {error.strerror}") from error
    try:
        return decode_image(data)
    except UnreadableImageError as error:
        raise UnreadableImageError(f"{path}: {error}") from error


def decode_image(data: U8) -> U8:
    """The image whose file's bytes are `data`, (N,); as `read_image`.

    Raises:
        UnreadableImageError: the bytes are none, or not a whole image.
    """
    found = f"{len(data)} bytes that OpenCV cannot decode" if len(data) else "an empty file"
    try:
        image = cv2.imdecode(data, cv2.IMREAD_ANYCOLOR) if len(data) else None
    except cv2.error as error:
        image, found = None, str(error.err)
    if image is None:
        image, found = _decode_elsewhere(data, found)
        if image is not None:
            return image
        raise UnreadableImageError(f"expected an image, found {found}")
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return np.asarray(image, np.uint8)


def _decode_elsewhere(data: U8, found: str) -> tuple[U8 | None, str]:
    """The image by another library than OpenCV, or what was found instead."""
    head = data[:64].tobytes()
    kind = foreign_kind(head)
    if kind is None:
        return None, found
    image = decode_foreign(data.tobytes(), kind)
    return (None, image) if isinstance(image, str) else (image, "")


def look_at(paths: Sequence[Path], progress: Progress) -> list[ImageLook]:
    """Decode every file once, and say what is in it, in the order of `paths`."""
    return look_at_each(_look, paths, progress)


def look_at_each(
    look: Callable[[Image], Found], images: Sequence[Image], progress: Progress
) -> list[Found]:
    """What `look` finds in every image, in their order; asked by several threads at once."""
    looks: list[Found] = []
    # Decoding and hashing release Python's lock, so threads share the work.
    with (
        silent_opencv(),  # such files are reported anyway
        progress.task("look at images", len(images)) as task,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        for found in pool.map(look, images):
            looks.append(found)
            task.advance()
    return looks


def keep_readable(
    rows: Sequence[Row],
    looks: Sequence[Found | UnreadableImageError],
    on_unreadable: OnUnreadable,
    notes: list[str],
) -> list[tuple[Row, Found]]:
    """The rows of a table whose images can be read, each with what was found in its image.

    Args:
        rows: one for each image.
        looks: what was found in each image, or why it cannot be read.
        on_unreadable: `skip` leaves such rows out, and says so in `notes`.
        notes: what a reader of the report should know.

    Raises:
        DataError: an image cannot be read, or, with `skip`, none can.
    """
    problems = [str(look) for look in looks if isinstance(look, UnreadableImageError)]
    if problems and (on_unreadable == "error" or len(problems) == len(rows)):
        raise DataError(unreadable_message(problems))
    if problems:
        notes.append(f"unreadable images, left out: {len(problems)} of {len(rows)}")
    return [
        (row, look)
        for row, look in zip(rows, looks, strict=True)
        if not isinstance(look, UnreadableImageError)
    ]


def unreadable_message(problems: Sequence[str]) -> str:
    """The error of a data set in which these files are unreadable."""
    shown = "; ".join(problems[:_SHOWN])
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return f'{shown}{more}. data.on_unreadable = "skip" leaves such files out'


def _look(path: Path) -> ImageLook:
    try:
        image = read_image(path)
    except UnreadableImageError as error:
        return ImageLook(path, problem=str(error))
    return ImageLook(path, digest(image), image.shape, _is_grey(image), thumb=thumbnail(image))


def _is_grey(image: U8) -> bool:
    if image.ndim == 2:
        return True
    sample = image[::_SAMPLE_STEP, ::_SAMPLE_STEP].astype(np.int16)
    spread = sample.max(axis=2) - sample.min(axis=2)
    return bool(spread.mean() < _GREY_SPREAD)
