"""`value-folder`: what a table may say, and what of it is refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.tasks.regress.spec import Quantity
from pipeline.common.errors import DataError
from pipeline.tasks.regress.folder import read_value_folder

PRESSURE = Quantity(name="pressure", unit="bar", low=0, high=10)
WARMTH = Quantity(name="warmth", unit="°C", low=-20, high=80)


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((8, 8, 3), number * 40, np.uint8))
    return tmp_path


def write(folder: Path, *lines: str, name: str = "values.csv") -> None:
    (folder / name).write_text("\n".join(lines) + "\n", "utf-8")


def test_columns_may_stand_in_any_order(folder: Path) -> None:
    """By their names, with the source of those that have one."""
    write(folder, "warmth,file,pressure,source", "20,0.png,4.5,monday", "-3,./1.png,0,")
    split = read_value_folder(folder, (PRESSURE, WARMTH)).train.split
    np.testing.assert_array_equal(split.labels, [[4.5, 20], [0, -3]])
    assert split.ids == ("0.png", "1.png")
    assert split.sources == ("monday", "1.png")
    assert split.images[1].shape == (8, 8, 3)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_any_of_three_marks_parts_the_columns(folder: Path, mark: str) -> None:
    """As spreadsheets write them, with a byte order mark and Windows' line ends."""
    text = f"\ufefffile{mark}pressure\r\n0.png{mark}10\r\n\r\n"
    (folder / "values.csv").write_bytes(text.encode())
    assert read_value_folder(folder, (PRESSURE,)).train.split.labels.tolist() == [[10]]


def test_splits_of_its_own_are_kept(folder: Path) -> None:
    """Tables for validation and test beside the one that is learnt from."""
    for number, part in enumerate(("train", "val", "test")):
        write(folder, "file,pressure", f"{number}.png,{number}", name=f"{part}_values.csv")
    source = read_value_folder(folder, (PRESSURE,))
    assert source.val is not None
    assert source.test is not None
    parts = (source.train, source.val, source.test)
    assert [pool.split.ids for pool in parts] == [("0.png",), ("1.png",), ("2.png",)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,pressure", "0.png,high"], "line 2: pressure: expected a number from 0 to 10, "),
        (["file,pressure", "0.png,nan"], "from 0 to 10, found 'nan'"),
        (["file,pressure", "0.png,"], "from 0 to 10, found ''"),
        (["file,pressure", "0.png,10.01"], "from 0 to 10, found '10.01'"),
        (["file,pressure", "0.png,-inf"], "from 0 to 10, found '-inf'"),
        (["file;pressure", "0.png;4,2"], "with a point for its decimals, found '4,2'"),
        (["file,pressure", "0.png,1", "./0.png,2"], "line 3: expected each image once, found '0"),
        (["file,pressure", ",1"], "line 2: expected each image once, found none"),
        (["file,pressure", "0.png,1,2"], "line 2: expected 2 columns, found 3"),
        (["file,pressure,colour", "0.png,1,red"], "and perhaps source, found .*; see 'colour'"),
        (["file,warmth", "0.png,1"], "columns file, pressure and perhaps source, .*'pressure'"),
        (["file,pressure,pressure", "0.png,1,1"], "see 'pressure'"),
        (["file,pressure"], "expected lines below the header, found none"),
        ([""], "found none; see 'file'"),
        (["file,pressure", "9.png,1"], "9.png: expected an image, found No such file"),
    ],
)
def test_a_bad_line_is_one_clear_error(folder: Path, lines: list[str], message: str) -> None:
    """It names the table, and the line or the column."""
    write(folder, *lines)
    with pytest.raises(DataError, match=message):
        read_value_folder(folder, (PRESSURE,))


def test_a_folder_without_a_table_is_told_what_it_lacks(folder: Path) -> None:
    """By the names that tables have, and the columns."""
    with pytest.raises(DataError, match=r"values\.csv or train_values\.csv .* file, pressure"):
        read_value_folder(folder, (PRESSURE,))


def test_unreadable_images_may_be_left_out(folder: Path) -> None:
    """With `skip`, and said so; if none is left that is an error all the same."""
    (folder / "1.png").write_bytes(b"no image")
    write(folder, "file,pressure", "0.png,1", "1.png,2")
    source = read_value_folder(folder, (PRESSURE,), "skip")
    assert (source.train.split.ids, source.skipped) == (("0.png",), ("1.png",))
    assert source.notes == ("unreadable images, left out: 1 of 2",)
    write(folder, "file,pressure", "1.png,2")
    with pytest.raises(DataError, match=r"1\.png"):
        read_value_folder(folder, (PRESSURE,), "skip")
