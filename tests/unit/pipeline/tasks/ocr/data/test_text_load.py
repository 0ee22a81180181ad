"""Loading a recipe's texts: folders and sets, each divided by itself, in one data set."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.common.errors import DataError
from pipeline.data.base import SPLIT_NAMES
from pipeline.data.by_source import Shares
from pipeline.recipe import DataRecipe
from pipeline.tasks.ocr.charset import Charset
from pipeline.tasks.ocr.data.dataset import TextDataset, divide_texts
from pipeline.tasks.ocr.data.folder import read_text_folder
from pipeline.tasks.ocr.data.load import joined, load_texts
from pipeline.tasks.ocr.recipe import TextRecipe

FolderMaker = Callable[..., Path]
TEXT = TextRecipe(charset="abcABC")


def load(folder: Path, text: TextRecipe = TEXT, **changes: Any) -> TextDataset:
    """The folder as a recipe would have it."""
    values: dict[str, Any] = {"kind": "text-folder", "path": "x", "calibration": 4}
    recipe = DataRecipe(**(values | changes))
    return load_texts(recipe, text, root=folder, folder=folder, seed=1)


def names(count: int) -> dict[str, str]:
    """Pictures and what they say."""
    return {f"{i}.png": "abcA"[i % 4] for i in range(count)}


def test_a_folder_is_split_and_checked(text_folder: FolderMaker) -> None:
    """Every picture is in one of the four splits."""
    data = load(text_folder(names(40)))
    assert sorted(i for name in SPLIT_NAMES for i in data.split(name).ids) == sorted(names(40))
    assert (len(data.val), len(data.calibration), len(data.test)) == (4, 4, 8)


def test_capitals_are_made_where_the_recipe_wants_them(text_folder: FolderMaker) -> None:
    """Labels and charset then are of capitals alone."""
    upper = TextRecipe(charset="ABC", case="upper")
    assert set(load(text_folder(names(40)), upper).train.labels) == {"A", "B", "C"}


def test_a_character_outside_the_charset_is_named(text_folder: FolderMaker) -> None:
    """The image, the character and the charset are in the error."""
    with pytest.raises(DataError, match=r"of the characters 'abcABC', found 'x' in 'xa'"):
        load(text_folder(names(20) | {"odd.png": "xa"}))


def test_fewer_images_to_learn_from(text_folder: FolderMaker) -> None:
    """`train_limit` leaves the other splits, says so, and makes another data set."""
    folder = text_folder(names(40))
    whole, less = load(folder), load(folder, train_limit=5)
    assert (len(less.train), less.test.ids) == (5, whole.test.ids)
    assert less.notes == ("train: the first 5 of 24 images",)
    assert less.sha256 != whole.sha256


def test_joined_sets_keep_their_splits(text_folder: FolderMaker, tmp_path: Path) -> None:
    """Every split has the pictures of both, whose names say which set they are of."""
    parts = []
    for name in ("one", "two"):
        lines = {f"{name}{i}.png": "abc"[i % 3] for i in range(20)}
        source = read_text_folder(text_folder(lines, folder=tmp_path / name))
        parts.append(divide_texts(source, Charset("abc"), Shares(0.1, 0.2, 2), 1))
    both = joined(parts)
    assert both.name == "one+two"
    for split in SPLIT_NAMES:
        first, second = (part.split(split) for part in parts)
        found = both.split(split)
        assert found.ids == tuple(
            f"{part.name}/{i}" for part in parts for i in part.split(split).ids
        )
        assert found.labels == (*first.labels, *second.labels)
        for place in range(len(found)):
            here = place < len(first)
            image = first.images[place] if here else second.images[place - len(first)]
            np.testing.assert_array_equal(found.images[place], image)
        with pytest.raises(IndexError):
            found.images[len(found)]
        assert set(found.sources) == {
            f"{part.name}/{s}" for part in parts for s in part.split(split).sources
        }
    assert both.sha256 != joined(parts[::-1]).sha256


@pytest.fixture(name="root")
def _root(text_folder: FolderMaker, tmp_path: Path) -> Path:
    """A data root with forty pictures in the place of a known set."""
    lines = {f"{i}_0.png": "abc"[i % 3] for i in range(40)}
    return text_folder(lines, "train_labels.tsv", tmp_path / "root" / "iiit5k").parent


def beside(root: Path, folder: Path | None) -> TextDataset:
    """The set, and the folder beside it."""
    path = None if folder is None else "x"
    recipe = DataRecipe(kind="text-sets", sets=("iiit5k",), path=path, calibration=4)
    return load_texts(recipe, TEXT, root=root, folder=folder, seed=1)


def test_a_folder_beside_a_set_is_learnt_from_whole(
    root: Path, text_folder: FolderMaker, tmp_path: Path
) -> None:
    """Crops of one display, as `edgeward label` leaves them, need no split: the set measures."""
    own = text_folder({f"crop{i}.png": "A" for i in range(3)}, folder=tmp_path / "own")
    rows = "".join(f"crop{i}.png\tA\tgate/cellar/water\n" for i in range(3))
    (own / "labels.tsv").write_text(rows)
    alone, both = beside(root, None), beside(root, own)
    assert both.train.ids == (
        *(f"iiit5k/{i}" for i in alone.train.ids),
        *(f"own/crop{i}.png" for i in range(3)),
    )
    for name in ("val", "calibration", "test"):
        assert both.split(name).ids == tuple(f"iiit5k/{i}" for i in alone.split(name).ids)
    assert both.sha256 != alone.sha256
    assert both.train.images[len(both.train) - 1].shape == (8, 20)


def test_splits_that_a_folder_beside_a_set_brings_are_kept(
    root: Path, text_folder: FolderMaker, tmp_path: Path
) -> None:
    """Whoever has enough displays says which of them measure."""
    own = text_folder({"a.png": "A"}, "train_labels.tsv", tmp_path / "own")
    text_folder({"t.png": "B", "u.png": "C"}, "test_labels.tsv", own)
    both = beside(root, own)
    assert both.train.ids[-1] == "own/a.png"
    assert both.test.ids[-2:] == ("own/t.png", "own/u.png")
    assert not [i for i in both.val.ids if i.startswith("own")]
