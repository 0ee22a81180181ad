"""Pictures of which a user knows the answer, held against what a bundle can answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge_agent.common.arrays import U8
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.ocr.spec import TextSpec
from pipeline.common.errors import DataError
from pipeline.data.readers.folder import image_id
from pipeline.data.readers.images import UnreadableImageError, read_image
from pipeline.data.readers.layout import Layout, list_folder
from pipeline.tasks.ocr.data.folder import TEST_TABLE, TRAIN_TABLES, read_text_folder

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


@dataclass(frozen=True, eq=False)
class Labelled:
    """What is measured of a folder.

    Args:
        total: how many pictures.
        pictures: each of them.
        part: the split they are of; None of a folder that has none.
        remarks: how the folder was understood, where that is not plain.
    """

    total: int
    pictures: Iterator[LabelledPicture]
    part: str | None = None
    remarks: tuple[str, ...] = ()


def labelled_pictures(folder: Path, output: ClassifySpec | TextSpec) -> Labelled:
    """The pictures of `folder` whose right answer is known.

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
            layout = list_folder(folder)
            files = _class_files(layout, labels)
            part = "test" if layout.split else None
            return Labelled(len(files), iter(files), part, layout.remarks)
        case TextSpec():
            source = read_text_folder(folder, on_unreadable="skip")
            parted = source.val is not None or (folder / TRAIN_TABLES[1]).exists()
            if source.test is None and parted:
                raise DataError(
                    f"{folder}: expected a table {TEST_TABLE}, found only what is learnt from: "
                    f"give a folder with one table {TRAIN_TABLES[0]}"
                )
            split = (source.test or source.train).split
            lines = zip(split.ids, split.labels, range(len(split)), strict=True)
            pictures = (_Line(name, text, split.images[i]) for name, text, i in lines)
            return Labelled(len(split), pictures, None if source.test is None else "test")


def _class_files(layout: Layout, labels: Sequence[str]) -> list[LabelledFile]:
    part = layout.parts.get("test") if layout.split else layout.parts["train"]
    if part is None:
        told = "".join(f"; {remark}" for remark in layout.remarks)
        raise DataError(
            f"{layout.root}: expected one sub-folder per class, or a test part, found the parts "
            f"{', '.join(layout.parts)}: name the folder of one of them{told}"
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
