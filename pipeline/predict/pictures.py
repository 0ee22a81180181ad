"""The pictures that a user names: files, folders with all that is below them, and videos."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import U8
from edge_agent.common.errors import SourceError
from edge_agent.common.stop import Stop
from edge_agent.sources.video import VideoSource
from pipeline.common.errors import DataError
from pipeline.data.readers.folder import image_id
from pipeline.data.readers.images import IMAGE_SUFFIXES, UnreadableImageError, read_image
from pipeline.data.readers.part_names import left_behind

# Containers that FFmpeg, as OpenCV brings it, opens.
VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".webm"})


@dataclass(frozen=True)
class PictureFile:
    """One file to look at.

    Args:
        path: where it is.
        name: how it is called in the output: relative to the folder that was named.
    """

    path: Path
    name: str

    @property
    def is_video(self) -> bool:
        """Whether it holds frames rather than one picture."""
        return self.path.suffix.lower() in VIDEO_SUFFIXES


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture.

    Args:
        name: its file's, as `PictureFile` has it.
        frame: its number in a video, from 0; None of an image file.
        image: (H, W) grey or (H, W, 3) uint8, channels in `order`.
    """

    name: str
    frame: int | None
    image: U8
    order: ColourOrder


@dataclass(frozen=True)
class Unreadable:
    """A file that gave no picture, or no more of them, and why."""

    name: str
    problem: str


def find_pictures(paths: Sequence[Path]) -> list[PictureFile]:
    """The files at `paths`, in their order; those below a folder sorted by name.

    Hidden files and folders are passed over, as is what systems leave behind, and in folders also
    what is neither an image nor a video by its suffix.

    Raises:
        DataError: a path is missing, or there is no picture at it.
    """
    found: list[PictureFile] = []
    for path in paths:
        if path.is_dir():
            inside = [PictureFile(file, image_id(file, path)) for file in _below(path)]
            if not inside:
                raise DataError(f"{path}: expected images or videos, found none")
            found += inside
        elif path.exists():
            found.append(PictureFile(path, image_id(path, path.parent)))
        else:
            raise DataError(f"{path}: expected an image, a video or a folder, found nothing")
    return found


def look(file: PictureFile, every: int = 1) -> Iterator[Picture | Unreadable]:
    """The picture of an image file, or every `every`-th frame of a video."""
    if file.is_video:
        yield from _frames(file, every)
        return
    try:
        yield Picture(file.name, None, read_image(file.path), "rgb")
    except UnreadableImageError as error:
        yield Unreadable(file.name, str(error))


def _frames(file: PictureFile, every: int) -> Iterator[Picture | Unreadable]:
    try:
        with VideoSource(file.path, Stop()) as video:
            for frame in video:
                if frame.seq % every == 0:
                    yield Picture(file.name, frame.seq, frame.image, frame.order)
    except SourceError as error:
        yield Unreadable(file.name, str(error))


def _below(folder: Path) -> list[Path]:
    wanted = IMAGE_SUFFIXES | VIDEO_SUFFIXES
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in wanted
        and not any(left_behind(part) for part in file.relative_to(folder).parts)
        and file.is_file()
    )
