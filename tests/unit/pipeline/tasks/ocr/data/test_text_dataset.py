"""Splits of texts: disjoint in pictures and in sources, and the same for the same seed."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.common.errors import DataError
from pipeline.data.base import SPLIT_NAMES
from pipeline.data.by_source import Shares
from pipeline.data.pool import digest
from pipeline.tasks.ocr.charset import Charset
from pipeline.tasks.ocr.data.dataset import (
    TextPool,
    TextSource,
    TextSplit,
    divide_texts,
    record_texts,
)

DIGITS = Charset("0123456789")
HALVES = Shares(val=0.2, test=0.2, calibration=3)


def pool(sources: list[str], first: int = 0, copies: dict[int, int] | None = None) -> TextPool:
    """One picture for each of `sources`, showing its number; `copies` show another's."""
    copies = copies or {}
    shown = [copies.get(i, i) + first for i in range(len(sources))]
    images = np.stack([np.full((2, 3), n, np.uint8) for n in shown])
    ids = tuple(f"{first + i}.png" for i in range(len(sources)))
    split = TextSplit(images, tuple(str(n) for n in shown), ids, tuple(sources))
    return TextPool(split, tuple(digest(image) for image in images))


def sources_of(count: int) -> list[str]:
    """Three pictures of every source."""
    return [f"s{i // 3}" for i in range(count)]


@given(st.integers(0, 1000), st.integers(30, 90))
def test_no_source_and_no_picture_is_in_two_splits(seed: int, count: int) -> None:
    """Every picture is in one split, and its source in no other."""
    data = divide_texts(TextSource("x", pool(sources_of(count))), DIGITS, HALVES, seed)
    splits = [data.split(name) for name in SPLIT_NAMES]
    assert sorted(i for split in splits for i in split.ids) == sorted(
        f"{i}.png" for i in range(count)
    )
    sources = [set(split.sources) for split in splits]
    assert sum(map(len, sources)) == len(set.union(*sources))
    assert len(data.test) >= round(0.2 * count)
    assert len(data.val) >= round(0.2 * count)
    assert len(data.calibration) >= 3
    for split in splits:
        assert all(str(split.images[i][0, 0]) == text for i, text in enumerate(split.labels))


def test_the_same_seed_gives_the_same_splits() -> None:
    """One seed, one hash; another seed, other splits."""
    made = [
        divide_texts(TextSource("x", pool(sources_of(60))), DIGITS, HALVES, seed)
        for seed in (1, 1, 2)
    ]
    assert made[0].test.ids == made[1].test.ids != made[2].test.ids
    assert made[0].sha256 == made[1].sha256 != made[2].sha256


def test_copies_are_left_out_and_said() -> None:
    """A picture that is there twice is kept once; a copy with another text is named."""
    twice = pool(sources_of(30), copies={5: 1, 20: 1})
    texts = [*twice.split.labels]
    texts[20] = "9"
    split = TextSplit(twice.split.images, tuple(texts), twice.split.ids, twice.split.sources)
    data = divide_texts(TextSource("x", TextPool(split, twice.digests)), DIGITS, HALVES, 0)
    assert data.notes == (
        "train: copies of another image, left out: 2 of 30",
        "train: images with a copy of another text: 1, such as 1.png",
    )
    kept = {i for name in SPLIT_NAMES for i in data.split(name).ids}
    assert {"5.png", "20.png"}.isdisjoint(kept)


def test_a_test_split_of_its_own_keeps_its_sources_to_itself() -> None:
    """What shares a source or a picture with the given test split is not trained on."""
    held = pool(["s0", "other"], first=100)
    source = TextSource("x", pool(sources_of(60)), test=held)
    data = divide_texts(source, DIGITS, HALVES, 0)
    assert data.test.ids == ("100.png", "101.png")
    assert "s0" not in {*data.train.sources, *data.val.sources, *data.calibration.sources}
    assert data.notes == ("train: images of held-out sources and copies, left out: 3 of 60",)


def test_too_few_sources_are_one_error() -> None:
    """Two receipts cannot fill four splits, however many lines they have."""
    with pytest.raises(DataError) as error:
        divide_texts(TextSource("x", pool(["a"] * 10 + ["b"] * 10)), DIGITS, HALVES, 0)
    assert str(error.value) == (
        "x: expected enough sources for each split, found 2 with 20 different images, "
        "and none left for calibration"
    )


def test_a_text_outside_the_charset_is_one_error() -> None:
    """The picture, the character and the charset are named before anything is divided."""
    with pytest.raises(DataError) as error:
        divide_texts(TextSource("x", pool(sources_of(30))), Charset("012345678"), HALVES, 0)
    assert str(error.value) == (
        "9.png: expected a text of the characters '012345678', found '9' in '9'"
    )


def test_the_record_says_where_each_picture_went(tmp_path: Path) -> None:
    """The file lists the pictures of each split, the charset and the hash."""
    data = divide_texts(TextSource("x", pool(sources_of(60))), DIGITS, HALVES, 0)
    record_texts(data, tmp_path / "split.json")
    document = json.loads((tmp_path / "split.json").read_text())
    assert document["charset"] == "0123456789"
    assert document["sha256"] == data.sha256
    assert {n: tuple(ids) for n, ids in document["splits"].items()} == {
        n: data.split(n).ids for n in SPLIT_NAMES
    }


def test_parts_of_unlike_lengths_are_refused() -> None:
    """A split with a text too many is an error that counts all four."""
    message = "^split: expected as many of each, found 1 images, 2 labels, 1 ids, 1 sources$"
    with pytest.raises(ValueError, match=message):
        TextSplit(np.zeros((1, 2, 2), np.uint8), ("a", "b"), ("a",), ("a",))
