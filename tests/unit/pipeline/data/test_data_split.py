"""`pipeline.data.split`: sizes, disjointness, copies, and what is written down."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge_agent.common.arrays import U8
from pipeline.common.errors import DataError
from pipeline.data.base import SPLIT_NAMES, Split
from pipeline.data.classes import ClassDataset, ClassPool, ClassSource
from pipeline.data.pool import Pool, digest
from pipeline.data.split import calibration_limit, divide, record
from pipeline.recipe import DataRecipe

LABELS = ("cat", "dog")


def _recipe(**changes: object) -> DataRecipe:
    values = {"kind": "digits", "val": 0.1, "test": 0.2, "calibration": 10, **changes}
    return msgspec.convert(values, DataRecipe)


def _images(count: int, seed: int = 0) -> U8:
    return np.random.default_rng(seed).integers(0, 256, (count, 4, 4), np.uint8)


def _pool(images: U8, labels: list[int], prefix: str = "") -> ClassPool:
    ids = tuple(f"{prefix}{number}" for number in range(len(images)))
    return Pool(Split(images, np.array(labels, np.int64), ids), tuple(map(digest, images)))


def _source(cats: int = 60, dogs: int = 40, **more: Any) -> ClassSource:
    labels = [0] * cats + [1] * dogs
    return ClassSource("pets", _pool(_images(cats + dogs), labels), **more, labels=LABELS)


def _sizes(dataset: ClassDataset) -> dict[str, list[int]]:
    return {
        name: np.bincount(dataset.split(name).labels, minlength=2).tolist() for name in SPLIT_NAMES
    }


def test_each_class_is_shared_out_as_asked() -> None:
    """Val and test take their share of every class, calibration its number, train the rest."""
    sizes = _sizes(divide(_source(), _recipe(), seed=0))
    assert sizes == {"train": [36, 24], "val": [6, 4], "calibration": [6, 4], "test": [12, 8]}


def test_every_image_is_in_exactly_one_split() -> None:
    """The splits together are the pool, and labels still belong to their images."""
    source = _source()
    dataset = divide(source, _recipe(), seed=3)
    ids = [id_ for name in SPLIT_NAMES for id_ in dataset.split(name).ids]
    assert sorted(ids) == sorted(source.train.split.ids)
    for name in SPLIT_NAMES:
        split = dataset.split(name)
        for place, id_ in enumerate(split.ids):
            assert np.array_equal(split.images[place], source.train.split.images[int(id_)])
            assert split.labels[place] == source.train.split.labels[int(id_)]


def test_the_seed_decides_the_split() -> None:
    """The same seed gives the same split and hash, another seed another one."""
    first, again, other = (divide(_source(), _recipe(), seed=seed) for seed in (1, 1, 2))
    assert first.test.ids == again.test.ids
    assert first.sha256 == again.sha256
    assert first.test.ids != other.test.ids
    assert first.sha256 != other.sha256


def test_the_hash_follows_pixels_labels_and_class_names() -> None:
    """One changed pixel, label or class name is another data set; a file's name is not."""
    images, labels = _images(100), [0] * 60 + [1] * 40
    changed = images.copy()
    changed[7, 0, 0] ^= 1
    swapped = [1, *labels[1:]]
    sources = (
        ClassSource("pets", _pool(images, labels), labels=LABELS),
        ClassSource("pets", _pool(changed, labels), labels=LABELS),
        ClassSource("pets", _pool(images, swapped), labels=LABELS),
        ClassSource("pets", _pool(images, labels), labels=("cat", "wolf")),
    )
    hashes = {divide(source, _recipe(), seed=0).sha256 for source in sources}
    assert len(hashes) == 4
    renamed = ClassSource("pets", _pool(images, labels, prefix="other/"), labels=LABELS)
    assert divide(renamed, _recipe(), seed=0).sha256 in hashes


def test_copies_are_left_out_and_counted() -> None:
    """Of equal images only the first is kept, and a copy in another class is named."""
    images = _images(102)
    images[100] = images[3]  # a cat again
    images[101] = images[5]  # a cat called dog
    source = ClassSource("pets", _pool(images, [0] * 60 + [1] * 41 + [1]), labels=LABELS)
    dataset = divide(source, _recipe(), seed=0)
    ids = {id_ for name in SPLIT_NAMES for id_ in dataset.split(name).ids}
    assert {"3", "5"} <= ids
    assert not {"100", "101"} & ids
    assert dataset.notes == (
        "copies of another image, left out: 2 of 102",
        "images with a copy in another class: 2, such as 3, 5",
    )


def test_an_official_test_split_is_kept_and_its_copies_leave_train() -> None:
    """`test` stays as it came; an equal image is not trained on; no share is drawn."""
    images = _images(100)
    test = _pool(np.concatenate([images[:1], _images(5, seed=9)]), [0, 0, 0, 1, 1, 1], "test/")
    source = ClassSource("pets", _pool(images, [0] * 60 + [1] * 40), test=test, labels=LABELS)
    dataset = divide(source, _recipe(), seed=0)
    assert dataset.test.ids == test.split.ids
    held = {id_ for name in ("train", "val", "calibration") for id_ in dataset.split(name).ids}
    assert held == {str(number) for number in range(1, 100)}
    assert dataset.notes == ("train: copies of held-out images, left out: 1 of 100",)


def test_official_val_and_test_are_both_kept_apart() -> None:
    """With all three given, a copy of a test image leaves val, and one of val leaves train."""
    images = _images(100)
    val = _pool(np.concatenate([images[:1], _images(3, seed=8)]), [0, 0, 1, 1], "val/")
    test = _pool(np.concatenate([_images(3, seed=8)[:1], _images(3, seed=9)]), [0, 0, 1, 1])
    source = ClassSource(
        "pets", _pool(images, [0] * 60 + [1] * 40), val=val, test=test, labels=LABELS
    )
    dataset = divide(source, _recipe(), seed=0)
    assert dataset.val.ids == ("val/0", "val/2", "val/3")
    assert "0" not in dataset.train.ids + dataset.calibration.ids
    assert dataset.notes == (
        "val: copies of held-out images, left out: 1 of 4",
        "train: copies of held-out images, left out: 1 of 100",
    )


@pytest.mark.parametrize("limit", [2, 7, 31, 60, 500])
def test_train_limit_keeps_the_class_balance(limit: int) -> None:
    """At most `train_limit` training images, every class among them; other splits unchanged."""
    dataset = divide(_source(), _recipe(train_limit=limit), seed=0)
    full = divide(_source(), _recipe(), seed=0)
    cats, dogs = _sizes(dataset)["train"]
    assert cats + dogs == min(limit, 60)
    assert min(cats, dogs) >= 1
    assert abs(cats / (cats + dogs) - 0.6) <= 0.2
    assert set(dataset.train.ids) <= set(full.train.ids)
    assert dataset.test.ids == full.test.ids


def test_a_train_limit_below_the_classes_is_an_error() -> None:
    """One training image for two classes cannot be."""
    with pytest.raises(DataError) as error:
        divide(_source(), _recipe(train_limit=1), seed=0)
    assert str(error.value) == (
        "pets: expected data.train_limit to be 0 or at least 2, one image of each class, found 1"
    )


def test_a_class_with_too_few_images_is_an_error() -> None:
    """Two dogs cannot be in train, val and test."""
    with pytest.raises(DataError) as error:
        divide(_source(cats=60, dogs=2), _recipe(), seed=0)
    assert str(error.value) == (
        "pets: class 'dog': expected at least 3 different images to split, found 2"
    )


def test_three_images_of_a_class_are_enough() -> None:
    """The smallest class that can be split puts one image into each of three splits."""
    sizes = _sizes(
        divide(_source(cats=60, dogs=3), _recipe(val=0.45, test=0.45, calibration=2), seed=0)
    )
    assert [sizes[name][1] for name in ("train", "val", "test")] == [1, 1, 1]


def test_rounding_never_takes_the_last_training_image() -> None:
    """Of four dogs, 45 % each for val and test would round to all four: val gives one back."""
    recipe = _recipe(val=0.45, test=0.45, calibration=2)
    sizes = _sizes(divide(_source(cats=60, dogs=4), recipe, seed=0))
    assert [sizes[name][1] for name in ("train", "val", "test")] == [1, 1, 2]


def test_too_few_images_to_calibrate_is_an_error() -> None:
    """The error names the number that would do, and that number does."""
    with pytest.raises(DataError) as error:
        divide(_source(), _recipe(calibration=256), seed=0)
    assert str(error.value) == (
        "pets: too few images: expected data.calibration at most 34 (half of what val and test "
        "leave of 100 different images), found 256"
    )
    assert calibration_limit(np.array([42, 28])) == 34
    assert sum(_sizes(divide(_source(), _recipe(calibration=34), seed=0))["calibration"]) == 34


def test_so_few_images_that_none_can_calibrate_is_an_error() -> None:
    """Where no number would do, the error does not propose one."""
    with pytest.raises(DataError) as error:
        divide(_source(cats=3, dogs=3), _recipe(calibration=1), seed=0)
    assert str(error.value) == (
        "pets: too few images: val and test leave none to calibrate with, found 6 different images"
    )


def test_no_test_share_is_an_error_without_an_official_test_split() -> None:
    """A data set without held-out images cannot be verified."""
    with pytest.raises(DataError) as error:
        divide(_source(), _recipe(test=0.0), seed=0)
    assert str(error.value) == (
        "pets: expected data.test above 0, since these images come without a test split of "
        "their own, found 0"
    )
    test = _pool(_images(4, seed=9), [0, 0, 1, 1], "test/")
    assert len(divide(_source(test=test), _recipe(test=0.0), seed=0).test) == 4


def test_the_split_is_written_down(tmp_path: Path) -> None:
    """`record` lists every image by split, and writes the same bytes again."""
    dataset = divide(_source(), _recipe(), seed=0)
    record(dataset, tmp_path / "one" / "split.json")
    record(dataset, tmp_path / "two.json")
    written = (tmp_path / "one" / "split.json").read_bytes()
    assert written == (tmp_path / "two.json").read_bytes()
    document = msgspec.json.decode(written)
    assert document["sha256"] == dataset.sha256
    assert document["labels"] == ["cat", "dog"]
    assert document["splits"] == {name: list(dataset.split(name).ids) for name in SPLIT_NAMES}


def test_digests_tell_shapes_apart() -> None:
    """The same bytes in another shape are another picture."""
    image = _images(1)[0]
    assert digest(image) == digest(image.copy())
    assert digest(image) != digest(image.reshape(2, 8))


def test_a_split_of_unequal_lengths_is_refused() -> None:
    """Images, labels and ids that do not belong together never become a split."""
    with pytest.raises(ValueError, match="expected as many of each, found 3 images, 2 labels"):
        Split(_images(3), np.zeros(2, np.int64), ("a", "b", "c"))


def test_a_class_without_pictures_of_its_own_is_told() -> None:
    """Two folders of the same pictures: which classes, and how many; a few clashes are a note."""
    images = _images(12)
    twice = np.concatenate([images, images])
    source = ClassSource("pets", _pool(twice, [0] * 12 + [1] * 12), labels=LABELS)
    with pytest.raises(DataError) as error:
        divide(source, _recipe(calibration=2), seed=0)
    assert str(error.value) == (
        "pets: class 'dog': expected pictures of its own, found that each of the 12 is also one "
        "of 'cat'"
    )
    partly = np.concatenate([images, images[:2], _images(10, seed=9)])
    source = ClassSource("pets", _pool(partly, [0] * 12 + [1] * 12), labels=LABELS)
    notes = divide(source, _recipe(calibration=2), seed=0).notes
    assert any(note.startswith("images with a copy in another class: 2") for note in notes)
