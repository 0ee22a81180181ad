"""Pictures of which a user knows the answer, held against what a bundle can answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge_agent.bundle.manifest import ClassifySpec, TextSpec
from edge_agent.common.arrays import U8
from pipeline.common.errors import DataError
from pipeline.data.readers.folder import image_id
from pipeline.data.readers.images import UnreadableImageError, read_image
from pipeline.data.readers.layout import Layout, list_folder
from pipeline.tasks.ocr.data.folder import read_text_folder

# How many classes an error names.
_SHOWN = 10


@dataclass(frozen=True)
class LabelledFile:
    """An image file and its right answer: its class, or its text."""

    path: Path
    name: str
    truth: str

    def image(self) -> U8:
        """The picture: see `read_image`."""
        return read_image(self.path)


class LabelledPicture(Protocol):
    """A picture and its right answer."""

    @property
    def name(self) -> str:
        """How it is called in the output."""

    @property
    def truth(self) -> str:
        """Its class, or its text."""

    def image(self) -> U8:
        """The picture, (H, W) grey or (H, W, 3) RGB.

        Raises:
            UnreadableImageError: its file cannot be decoded.
        """


@dataclass(frozen=True, eq=False)
class _Line:
    """A picture of a text folder, which was decoded once already."""

    name: str
    truth: str
    pixels: U8

    def image(self) -> U8:
        return self.pixels


def labelled_pictures(
    folder: Path, output: ClassifySpec | TextSpec
) -> tuple[int, Iterator[LabelledPicture]]:
    """How many pictures `folder` has, and each of them.

    Args:
        folder: for a classifier one sub-folder per class, of which it need not have all; for a
            reader of texts a folder with a table. Of a folder with splits the test part.
        output: what the bundle answers.

    Raises:
        DataError: the folder is missing or laid out otherwise, has splits but no test part, or
            has a class that the bundle does not know.
    """
    match output:
        case ClassifySpec(labels=labels):
            files = _class_files(list_folder(folder), labels)
            return len(files), iter(files)
        case TextSpec():
            source = read_text_folder(folder, on_unreadable="skip")
            split = (source.test or source.train).split
            lines = zip(split.ids, split.texts, range(len(split)), strict=True)
            return len(split), (_Line(name, text, split.images[i]) for name, text, i in lines)


def _class_files(layout: Layout, labels: Sequence[str]) -> list[LabelledFile]:
    part = layout.parts["train"] if len(layout.parts) == 1 else layout.parts.get("test")
    if part is None:
        raise DataError(
            f"{layout.root}: expected one sub-folder per class, or a test part, found the parts "
            f"{', '.join(layout.parts)}: name the folder of one of them"
        )
    strange = sorted(set(part) - set(labels))
    if strange:
        known = ", ".join(map(repr, labels[:_SHOWN])) + (", ..." if len(labels) > _SHOWN else "")
        raise DataError(
            f"{layout.root}: expected folders named after the bundle's classes ({known}), "
            f"found {', '.join(map(repr, strange[:_SHOWN]))}"
        )
    files = [
        LabelledFile(path, image_id(path, layout.root), label)
        for label, paths in part.items()
        for path in paths
    ]
    if not files:
        raise DataError(f"{layout.root}: expected images in the class folders, found none")
    return files


def readable(
    pictures: Iterator[LabelledPicture], problems: list[str]
) -> Iterator[tuple[LabelledPicture, U8]]:
    """The pictures that can be decoded; of the others `problems` is told."""
    for picture in pictures:
        try:
            yield picture, picture.image()
        except UnreadableImageError as error:
            problems.append(str(error))
