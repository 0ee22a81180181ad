"""Folders of images that are not what they seem: pipes, loops, odd names, closed doors."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.common.errors import DataError
from pipeline.data.readers.folder import read_folder
from pipeline.data.readers.images import UnreadableImageError, read_image
from pipeline.data.root import home_expanded
from pipeline.tasks.classify.begin.folder import inspect, summary_lines


@pytest.fixture(name="pets")
def _pets(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(12):
        folder = tmp_path / "pets" / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{number}.png"), rng.integers(0, 256, (9, 7, 3), np.uint8))
    return tmp_path / "pets"


def test_a_pipe_is_no_image(pets: Path) -> None:
    """Reading it would wait for ever."""
    pipe = pets / "cat" / "pipe.png"
    os.mkfifo(pipe)
    with pytest.raises(UnreadableImageError) as caught:
        read_image(pipe)
    assert str(caught.value) == f"{pipe}: expected an image, found no regular file"
    assert inspect(pets).unreadable == ("cat/pipe.png",)


def test_a_link_to_itself_is_an_unreadable_image(pets: Path) -> None:
    """The system finds the loop; the message names the file."""
    (pets / "cat" / "loop.png").symlink_to("loop.png")
    with pytest.raises(DataError, match=r"cat/loop\.png: expected an image, found Too many levels"):
        read_folder(pets)


def test_a_folder_linked_into_itself_is_named(pets: Path) -> None:
    """It is not walked round and round."""
    (pets / "all").symlink_to(".")
    with pytest.raises(DataError, match=r"all: expected images only, found the folder 'all'"):
        read_folder(pets)


def test_file_names_that_are_not_utf_8_are_read(pets: Path) -> None:
    """An old archive's names: the image counts, and its name can be written down."""
    (pets / "cat" / "0.png").rename(pets / "cat" / os.fsdecode(b"caf\xe9.png"))
    source = read_folder(pets)
    assert "cat/caf\\xe9.png" in source.train.split.ids
    "\n".join(summary_lines(inspect(pets))).encode()


@pytest.mark.parametrize("name", [b"caf\xe9", b"a\nb", b"a\x1b[2J"])
def test_a_class_name_that_cannot_be_a_label_is_refused(pets: Path, name: bytes) -> None:
    """It would go into JSON and onto terminals."""
    (pets / "cat").rename(pets / os.fsdecode(name))
    with pytest.raises(DataError) as caught:
        read_folder(pets)
    assert str(caught.value) == (
        f"{pets}: expected class folders with names of printable characters in UTF-8, "
        f"found {os.fsdecode(name)!r}"
    )


def test_class_names_of_any_language_are_labels(pets: Path) -> None:
    """Must not fire: spaces, accents, other scripts."""
    (pets / "cat").rename(pets / "Kätz chen 图 🐱")
    assert read_folder(pets).labels == ("Kätz chen 图 🐱", "dog")


def test_a_folder_that_may_not_be_read_is_named(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder and the reason, not a class without images."""
    closed = pets / "cat"
    look = Path.iterdir

    def iterdir(folder: Path) -> object:
        # The tests may run as root, whom no permission stops.
        if folder == closed:
            raise PermissionError(13, "Permission denied", str(folder))
        return look(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(DataError) as caught:
        read_folder(pets)
    assert str(caught.value) == (
        f"{closed}: expected a folder that may be read, found: Permission denied"
    )


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 20000), (20000, 1)])
def test_images_of_any_proportions_are_read(pets: Path, height: int, width: int) -> None:
    """A pixel, or a line of them."""
    path = pets / "cat" / "thin.png"
    cv2.imwrite(str(path), np.full((height, width, 3), 7, np.uint8))
    assert read_image(path).shape[:2] == (height, width)


def test_the_home_of_nobody_is_left_as_it_is() -> None:
    """It is then looked for, and missed, under the name that was given."""
    assert home_expanded(Path("~nobody-of-that-name/x")) == Path("~nobody-of-that-name/x")
    assert home_expanded(Path("~/x")) == Path.home() / "x"
