"""Pictures of which a user knows the answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from edge_agent.common.arrays import U8
from pipeline.data.readers.images import UnreadableImageError


class LabelledPicture(Protocol):
    """A picture and its right answer."""

    @property
    def name(self) -> str:
        """How it is called in the output."""

    @property
    def truth(self) -> str:
        """What the right answer says."""

    def image(self) -> U8:
        """The picture, (H, W) grey or (H, W, 3) RGB.

        Raises:
            UnreadableImageError: its file cannot be decoded.
        """


@dataclass(frozen=True, eq=False)
class LabelledPictures:
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


def readable(
    pictures: Iterator[LabelledPicture], problems: list[str]
) -> Iterator[tuple[LabelledPicture, U8]]:
    """The pictures that can be decoded; of the others `problems` is told."""
    for picture in pictures:
        try:
            yield picture, picture.image()
        except UnreadableImageError as error:
            problems.append(str(error))
