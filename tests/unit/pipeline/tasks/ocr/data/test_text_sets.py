"""The published sets: who shares a source, which labels are corrected, and the real files."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.common.errors import DataError
from pipeline.data.base import SPLIT_NAMES
from pipeline.data.by_source import Shares
from pipeline.data.root import data_root
from pipeline.data_recipe import TextSet
from pipeline.tasks.ocr.charset import ALPHANUMERIC, BETWEEN, DIGITS, PRINTED_UPPER, Charset
from pipeline.tasks.ocr.data.dataset import divide_texts
from pipeline.tasks.ocr.data.sets import read_set

GASPUMP = {
    "single_line/46A29Z_jpg.jpg": "46.29",
    "single_line_not_cropped/46A29_jpg.jpg": "46.29",
    "single_line/28A10_jpg.jpg": "28.10",
    "single_line/47A60_png.jpg": "47.60",
    "single_line/47A60Z_png.jpg": "47.60",
}
METER = {
    "digits/0_dig1_20211007-142423.jpg": "0",
    "digits/NaN_dig2_20211007-142423.jpg": "NaN",
    "digits/1_2020-05-27_08-40-19.jpg": "1",
    "digits/2_lcd.jpg": "2",
}


def test_crops_of_one_display_share_it(text_folder: Callable[..., Path], tmp_path: Path) -> None:
    """Cropped or not, in either crop, a reading is one source; the wrong label is corrected."""
    text_folder(GASPUMP, "strings_labels.tsv", tmp_path / "gaspump-7seg")
    source = read_set("gaspump-7seg", tmp_path)
    split = source.train.split
    assert split.sources == ("46A29", "46A29", "28A10", "47A60", "47A60")
    assert split.labels == ("46.29", "46.29", "2.810", "47.60", "47.60")
    assert source.notes == ("labels corrected, since the display shows otherwise: 1",)


def test_digits_of_one_photograph_share_it(
    text_folder: Callable[..., Path], tmp_path: Path
) -> None:
    """Names with the same time are one source; NaN is read as neither digit."""
    text_folder(METER, "labels.tsv", tmp_path / "meter-digits")
    split = read_set("meter-digits", tmp_path).train.split
    assert split.labels == ("0", "?", "1", "2")
    assert split.sources == ("20211007142423", "20211007142423", "20200527084019", "2_lcd")


@pytest.mark.parametrize("name", ["iiit5k", "sroie"])
def test_crops_of_one_picture_share_it(
    name: TextSet, text_folder: Callable[..., Path], tmp_path: Path
) -> None:
    """The number before the underscore is the photograph or the receipt."""
    lines = {"train/10_1.jpg": "A", "train/10_12.jpg": "B", "train/101_1.jpg": "C"}
    text_folder(lines, "train_labels.tsv", tmp_path / name)
    assert read_set(name, tmp_path).train.split.sources == ("10", "10", "101")


def test_a_set_that_is_not_there_is_one_error(tmp_path: Path) -> None:
    """It names the folder and both files that would do."""
    with pytest.raises(DataError) as error:
        read_set("sroie", tmp_path)
    assert str(error.value) == (
        f"{tmp_path / 'sroie'}: expected the set sroie: train_labels.tsv or "
        "sroie-lines-train.tar.gz, found neither"
    )


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "charset", "images", "sources"),
    [
        ("iiit5k", ALPHANUMERIC, 2000, 679),
        ("sroie", PRINTED_UPPER, 2246, 150),
        ("gaspump-7seg", DIGITS + ".", 40, 24),
        ("meter-digits", DIGITS + BETWEEN, 1235, 1139),
    ],
)
def test_the_real_sets_divide_without_a_shared_display(
    name: TextSet, charset: str, images: int, sources: int
) -> None:
    """All pictures are read, every text is in its charset, and no source is shared."""
    root = data_root()
    if "EDGEWARD_DATA" not in os.environ or not (root / name).is_dir():
        pytest.skip(f"needs {name} under the folder that EDGEWARD_DATA names")
    source = read_set(name, root)
    assert (len(source.train), len(set(source.train.split.sources))) == (images, sources)
    data = divide_texts(source, Charset(charset), Shares(calibration=4), 0)
    found = [set(data.split(split).sources) for split in SPLIT_NAMES]
    assert sum(map(len, found)) == len(set.union(*found))
