"""`pipeline.data.readers.layout`: folders by the names that people and programs give them."""

from pathlib import Path

import pytest

from pipeline.common.errors import DataError
from pipeline.data.readers.layout import check_classes, list_folder


def _fill(root: Path, *folders: str, count: int = 2) -> Path:
    """Empty files with an image's name: a layout reads none."""
    for folder in folders:
        for number in range(count):
            path = root / folder / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root


def _parts(*names: str) -> list[str]:
    return [f"{name}/{label}" for name in names for label in ("cat", "dog")]


@pytest.mark.parametrize(
    ("train", "other", "part"),
    [
        ("train", "test", "test"),
        ("Training", "Testing", "test"),
        ("train_set", "test_set", "test"),
        ("TrainingSet", "ValidationSet", "val"),
        ("training-data", "dev", "val"),
        ("train images", "valid images", "val"),
        ("train", "holdout", "test"),
        ("train", "eval", "test"),
        ("train", "evaluation_set", "test"),
    ],
)
def test_splits_by_other_names(tmp_path: Path, train: str, other: str, part: str) -> None:
    """Case, blanks and an added `set` make no difference; how a name was taken is told."""
    layout = list_folder(_fill(tmp_path, *_parts(train, other)))
    assert set(layout.parts) == {"train", part}
    assert layout.labels == ("cat", "dog")
    assert len(layout.paths) == 8
    taken = [(name, as_) for name, as_ in ((train, "train"), (other, part)) if name != as_]
    assert list(layout.remarks) == [f"{name} was taken for {as_}" for name, as_ in taken]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("training_set/training_set", "test_set/test_set"),
        ("images/train", "images/test"),
        ("data/Training", "data/Testing"),
        ("dataset/train/train", "dataset/test/test"),
        ("tr", "te"),
        ("train2017", "test2017"),
        ("flowers-train", "flowers-test"),
        ("train_v2", "test_v2"),
    ],
)
def test_splits_as_archives_have_them(tmp_path: Path, train: str, test: str) -> None:
    """A folder around all, a split inside itself, a word or a year beside it; and that is told."""
    layout = list_folder(_fill(tmp_path, *_parts(train, test)))
    assert {part: list(found) for part, found in layout.parts.items()} == {
        "train": ["cat", "dog"],
        "test": ["cat", "dog"],
    }
    assert layout.split
    assert {p.parent.parent for p in layout.parts["test"]["cat"]} == {tmp_path / test}
    assert layout.remarks


def test_pictures_to_be_answered_beside_affixed_splits_are_left_out(tmp_path: Path) -> None:
    """The scenes that Intel gave have such a folder."""
    _fill(tmp_path, *_parts("seg_train", "seg_test"), "seg_pred/seg_pred")
    layout = list_folder(tmp_path)
    assert set(layout.parts) == {"train", "test"}
    assert "seg_pred left out: its images have no labels" in layout.remarks


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        (
            _parts("val", "test"),
            ": expected a folder for train (training) too, found only 'test', 'val': rename the "
            "one to learn from to train; or, to look at one of them alone, give its own path",
        ),
        (
            _parts("test"),
            ": expected a folder for train (training) too, found only 'test': rename the one "
            "to learn from to train; or, to look at one of them alone, give its own path",
        ),
        (
            _parts("learn", "prove"),
            "/learn: expected images only, found the folder 'cat'; if 'learn', 'prove' are splits, "
            "rename them to train, val and test; else the path has to be the folder right above "
            "the class folders",
        ),
        (
            [*_parts("images/train", "images/val"), "labels"],
            "/images: expected images only, found the folder 'train': splits lie above the "
            "classes, as train/images: move the images there; or, if 'images' is no class but what "
            "holds the splits, give its path",
        ),
        (
            ["cat/train", "cat/test", "dog/train", "dog/test"],
            "/cat: expected images only, found the folder 'test': splits lie above the classes, as "
            "test/cat: move the images there; or, if 'cat' is no class but what holds the splits, "
            "give its path",
        ),
        (
            ["train", "test"],
            "/train: expected one sub-folder of images per class, found 2 images but no sub-folder",
        ),
    ],
)
def test_a_layout_that_would_lose_a_split_is_refused(
    tmp_path: Path, folders: list[str], told: str
) -> None:
    """With the names that were found, and what to do about them."""
    with pytest.raises(DataError) as error:
        list_folder(_fill(tmp_path, *folders))
    assert str(error.value) == f"{tmp_path}{told}"


def test_languages_are_no_splits(tmp_path: Path) -> None:
    """Must not fire: Turkish and Telugu with pictures in them are classes, as is one in a year."""
    assert list_folder(_fill(tmp_path, "tr", "te", "en")).labels == ("en", "te", "tr")
    cars = _fill(tmp_path / "cars", "golf_1999", "golf_2004", "a_train", "a_test")
    assert list_folder(cars).labels == ("a_test", "a_train", "golf_1999", "golf_2004")


def test_a_folder_of_which_only_train_is_left_is_known_from_one_without_splits(
    tmp_path: Path,
) -> None:
    """Both have one part; only one of them was divided."""
    assert list_folder(_fill(tmp_path / "a", *_parts("train"), "test")).split
    assert not list_folder(_fill(tmp_path / "b", "cat", "dog")).split


def test_eval_beside_a_test_split_is_for_validation(tmp_path: Path) -> None:
    """Nothing else is left that it could be."""
    layout = list_folder(_fill(tmp_path, *_parts("train", "eval", "test")))
    assert {p.parts[-3] for p in layout.parts["val"]["cat"]} == {"eval"}
    assert {p.parts[-3] for p in layout.parts["test"]["cat"]} == {"test"}


def test_pictures_without_labels_are_left_out_and_told(tmp_path: Path) -> None:
    """A folder `unlabeled`, and a test folder of loose pictures, as competitions have it."""
    _fill(tmp_path, *_parts("train", "unlabeled"), "test")
    layout = list_folder(tmp_path)
    assert set(layout.parts) == {"train"}
    assert layout.remarks == (
        "test left out: 2 images without class folders have no labels",
        "unlabeled left out: its images have no labels",
    )


def test_a_folder_beside_train_that_is_no_split_is_named(tmp_path: Path) -> None:
    """With the words that would be understood; it could be a class or a forgotten split."""
    _fill(tmp_path, *_parts("train", "test", "fold2"))
    with pytest.raises(DataError) as error:
        list_folder(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: expected, beside train, only folders for val (valid, validation, validate, "
        "dev) and test (testing, holdout), or eval, or unlabeled, which is left out; found "
        "'fold2': rename it, or move it away"
    )


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    """Must not fire: beside cars and planes, with pictures in it."""
    assert list_folder(_fill(tmp_path, "train", "car", "plane")).labels == ("car", "plane", "train")


@pytest.mark.parametrize(
    "name",
    [
        *("__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information"),
        *("RECYCLER", "Network Trash Folder", "Temporary Items", "TheVolumeSettingsFolder"),
        *("FOUND.000", "@tmp", "Thumbs", "__pycache__", "_gsdata_", "lost+found"),
    ],
)
def test_what_systems_leave_behind_is_passed_over(tmp_path: Path, name: str) -> None:
    """Beside the classes and inside them, whatever lies in it."""
    _fill(tmp_path, "cat", "dog", name, f"cat/{name}", f"dog/{name}/x.jpg")
    layout = list_folder(tmp_path)
    assert (layout.labels, len(layout.paths)) == (("cat", "dog"), 4)
    assert layout.remarks == ()
    assert layout.ignored == ()


@pytest.mark.parametrize("names", [("Cat", "cat "), ("new  york", "New York"), ("é", "e\u0301")])
def test_classes_that_read_alike_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    """In case, in blanks, or in how an accent is encoded."""
    layout = list_folder(_fill(tmp_path, *names))
    with pytest.raises(DataError) as error:
        check_classes(layout)
    first, second = sorted(names)
    assert str(error.value) == (
        f"{tmp_path}: expected class names that differ in more than case, blanks and accents' "
        f"encoding, found {first!r} and {second!r}; put them into one folder, or rename one"
    )


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([str(n) for n in range(12)], [str(n) for n in range(12)]),
        (["07", "10", "8"], ["07", "8", "10"]),
        ([str(n) for n in range(10)], [str(n) for n in range(10)]),
        (["1a", "10", "2"], ["10", "1a", "2"]),  # not all are numbers: by the letters, as ever
    ],
)
def test_numbers_are_sorted_as_numbers(
    tmp_path: Path, names: list[str], expected: list[str]
) -> None:
    """So that of the classes 0 to 11 each one's number is its name."""
    assert list(list_folder(_fill(tmp_path, *names)).labels) == expected


def test_pictures_without_folders_are_told_how_to_sort(tmp_path: Path) -> None:
    """`cat.0.jpg`, `dog_1.jpg`: the names say which folders there would be."""
    for name in ("cat.0.jpg", "cat.1.jpg", "dog_0.jpg", "dog_1.jpg", "dog_2.jpg"):
        (tmp_path / name).touch()
    with pytest.raises(DataError) as error:
        list_folder(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: expected one sub-folder of images per class, found 5 images but no "
        "sub-folder; their names begin with 'cat' (2), 'dog' (3): move each into a folder of "
        "that name"
    )


def test_links_to_folders_inside_a_class_are_not_followed(tmp_path: Path) -> None:
    """They may lead round and round."""
    _fill(tmp_path, "cat", "dog")
    (tmp_path / "cat" / "all").symlink_to(tmp_path)
    with pytest.raises(DataError, match="cat: expected images only, found the folder 'all'"):
        list_folder(tmp_path)
