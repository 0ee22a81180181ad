"""A user's own pictures and texts: a table, in a folder or an archive, and its mistakes."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.common.errors import DataError
from pipeline.tasks.ocr.data.folder import read_text_folder

LINES = {"a.png": "Total", "b.png": "12.50 $", "sub/c.png": ""}


def packed(folder: Path, name: str = "texts.tar.gz") -> Path:
    """The folder as an archive beside it."""
    path = folder.parent / name
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, ".")
    return path


def test_a_folder_is_read_as_its_table_says(text_folder: Callable[..., Path]) -> None:
    """Texts with spaces, signs and nothing at all; each picture a source of its own."""
    source = read_text_folder(text_folder(LINES))
    split = source.train.split
    assert (split.ids, split.labels) == (tuple(LINES), tuple(LINES.values()))
    assert split.sources == split.ids
    assert split.images[1].shape == (8, 20)
    assert (source.name, source.val, source.test, source.notes) == ("texts", None, None, ())


def test_an_archive_is_read_as_the_folder(text_folder: Callable[..., Path]) -> None:
    """The same pictures, texts and digests, without unpacking."""
    folder = text_folder(LINES)
    ours, theirs = (read_text_folder(path).train for path in (packed(folder), folder))
    assert (ours.digests, ours.split.labels) == (theirs.digests, theirs.split.labels)
    np.testing.assert_array_equal(ours.split.images[2], theirs.split.images[2])


def test_a_third_column_is_the_source(text_folder: Callable[..., Path]) -> None:
    """Lines that name their display share it."""
    folder = text_folder({"a.png": "1", "b.png": "2"})
    (folder / "labels.tsv").write_text("a.png\t1\tpump\r\nb.png\t2\tpump\r\n")
    assert read_text_folder(folder).train.split.sources == ("pump", "pump")


def test_splits_of_its_own_are_kept(text_folder: Callable[..., Path]) -> None:
    """`val_labels.tsv` and `test_labels.tsv` beside `train_labels.tsv` are those splits."""
    folder = text_folder({"a.png": "1"}, "train_labels.tsv")
    text_folder({"v.png": "2"}, "val_labels.tsv", folder)
    text_folder({"t.png": "3"}, "test_labels.tsv", folder)
    source = read_text_folder(folder)
    assert source.val is not None
    assert source.test is not None
    found = (source.train.split.labels, source.val.split.labels, source.test.split.labels)
    assert found == (("1",), ("2",), ("3",))


def test_capitals_can_be_asked_for(text_folder: Callable[..., Path]) -> None:
    """Labels that do not tell cases apart are all taken in capitals."""
    source = read_text_folder(text_folder(LINES), case="upper")
    assert source.train.split.labels == ("TOTAL", "12.50 $", "")


def test_unusual_characters_stay_in_their_line(text_folder: Callable[..., Path]) -> None:
    """A line separator of Unicode is part of a text, a byte order mark is not."""
    folder = text_folder({"a.png": "1\u20282", "b.png": "\u00e9"})
    table = folder / "labels.tsv"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())
    assert read_text_folder(folder).train.split.labels == ("1\u20282", "\u00e9")


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ("a.png", "line 1: expected PATH tab TEXT, or PATH tab TEXT tab SOURCE, found 1 columns"),
        (
            "a.png\t1\n\ta\n",
            "line 2: expected PATH tab TEXT, or PATH tab TEXT tab SOURCE, found 2 columns",
        ),
        (
            "a.png\t1\tx\ty\n",
            "line 1: expected PATH tab TEXT, or PATH tab TEXT tab SOURCE, found 4 columns",
        ),
        ("a.png\t1\n\na.png\t2\n", "line 3: expected each image once, found 'a.png'"),
        ("\n\n", "expected lines of PATH tab TEXT, found none"),
    ],
)
def test_a_line_that_is_none_is_named(
    text_folder: Callable[..., Path], table: str, found: str
) -> None:
    """The table and the line's number, what is expected and what is there."""
    folder = text_folder({"a.png": "1"})
    (folder / "labels.tsv").write_text(table)
    with pytest.raises(DataError) as error:
        read_text_folder(folder)
    assert str(error.value) == f"{folder}: labels.tsv: {found}"


def test_a_missing_picture_is_named(text_folder: Callable[..., Path]) -> None:
    """In a folder and in an archive; `skip` goes on with the others and says so."""
    folder = text_folder(LINES)
    (folder / "b.png").unlink()
    archive = packed(folder)
    with pytest.raises(DataError, match=f"^{folder}/b.png: expected an image, found No such file"):
        read_text_folder(folder)
    message = f"^{archive}: b.png: expected an image, found no such file"
    with pytest.raises(DataError, match=message):
        read_text_folder(archive)
    source = read_text_folder(archive, on_unreadable="skip")
    assert source.train.split.labels == ("Total", "")
    assert source.notes == ("unreadable images, left out: 1 of 3",)


def test_no_table_is_one_error(tmp_path: Path) -> None:
    """A folder without a table is told which names there are."""
    with pytest.raises(DataError) as error:
        read_text_folder(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: expected a table labels.tsv or train_labels.tsv of lines PATH tab TEXT, "
        "found none"
    )


def test_a_place_that_holds_nothing_is_one_error(tmp_path: Path) -> None:
    """Neither a folder nor an archive; a damaged archive says that it is damaged."""
    with pytest.raises(DataError) as error:
        read_text_folder(tmp_path / "none")
    assert str(error.value) == (
        f"{tmp_path / 'none'}: expected a folder or a tar archive, found nothing"
    )
    broken = tmp_path / "x.tar.gz"
    broken.write_bytes(b"\x1f\x8b\x08 nothing")
    with pytest.raises(DataError, match="expected a tar archive, found a damaged one"):
        read_text_folder(broken)


def test_a_cut_off_archive_is_damaged(text_folder: Callable[..., Path]) -> None:
    """Half of an archive is an error, not half of a data set."""
    archive = packed(text_folder(LINES))
    archive.write_bytes(archive.read_bytes()[:-80])
    with pytest.raises(DataError, match="expected a tar archive, found a damaged one"):
        read_text_folder(archive)


def test_a_table_that_is_not_utf_8_is_one_error(text_folder: Callable[..., Path]) -> None:
    """Latin-1 is named as what it is not."""
    folder = text_folder({"a.png": "1"})
    (folder / "labels.tsv").write_bytes(b"a.png\t\xe9\n")
    with pytest.raises(DataError, match=f"^{folder}/labels.tsv: expected UTF-8, found otherwise"):
        read_text_folder(folder)


@pytest.mark.parametrize("head", ["filename\ttext", "/image_path\tlabel\tsource", "image\t"])
def test_a_header_is_known_by_the_image_that_it_does_not_name(
    text_folder: Callable[..., Path], head: str
) -> None:
    """A first line that names nothing, while the next does, is passed over and told."""
    folder = text_folder(LINES)
    table = folder / "labels.tsv"
    table.write_text(f"{head}\n{table.read_text()}")
    source = read_text_folder(folder)
    assert source.train.split.ids == tuple(LINES)
    name, text = head.split("\t")[:2]
    assert source.notes == (
        f"labels.tsv: the first line, {name!r} and {text!r}, names no image and was taken for a "
        "header",
    )


def test_a_first_picture_that_is_missing_is_no_header(text_folder: Callable[..., Path]) -> None:
    """Must not fire: what is named like a picture is one that is not there."""
    folder = text_folder(LINES)
    (folder / "a.png").unlink()
    with pytest.raises(DataError, match=r"a\.png: expected an image, found No such file"):
        read_text_folder(folder)


@pytest.mark.parametrize(
    ("text", "shape", "told"),
    [
        ("Total", (60, 20), True),
        ("12", (60, 20), True),
        ("7", (60, 20), False),  # a wheel
        ("111", (30, 24), False),  # three narrow digits
        ("Total", (20, 60), False),
        ("", (60, 20), False),
    ],
)
def test_text_that_runs_down_is_told(
    text_folder: Callable[..., Path], text: str, shape: tuple[int, int], told: bool
) -> None:
    """Pictures taller than their texts would make them: vertical, or turned by a quarter."""
    folder = text_folder({"a.png": "1", "b.png": text})
    cv2.imwrite(str(folder / "b.png"), np.zeros(shape, np.uint8))
    expected = (
        "images much taller than their texts would make them: 1, such as b.png; text is read from "
        "left to right, so turn them, or leave vertical text out"
    )
    assert read_text_folder(folder).notes == ((expected,) if told else ())
