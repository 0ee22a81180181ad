"""Images packed in NPZ files: pixels or encoded files, whole, wrong and damaged."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.common.arrays import U8
from pipeline.catalogue.folder import recipe_folder
from pipeline.common.errors import DataError
from pipeline.common.progress import Silent, Task
from pipeline.data.classes import ClassDataset
from pipeline.data.readers.images import UnreadableImageError
from pipeline.data.readers.packed import read_packed
from pipeline.data.root import data_root
from pipeline.recipe import DataRecipe
from pipeline.tasks.classify.load import load
from pipeline.tasks.recipes import load_recipe

Arrays = dict[str, NDArray[Any]]

COUNT = 20
PIXELS: U8 = np.random.default_rng(0).integers(0, 256, (COUNT, 6, 5, 3), np.uint8)
LABELS = np.arange(COUNT, dtype=np.uint8) % 2
CLASSES = np.array(["cat", "dog"])


def plain(**changes: object) -> Arrays:
    """The arrays of a sound file of pixels; None leaves one out."""
    arrays = {"images": PIXELS, "labels": LABELS, "classes": CLASSES, **changes}
    return {name: np.asarray(array) for name, array in arrays.items() if array is not None}


def blob(files: list[bytes]) -> Arrays:
    """Encoded files end to end."""
    return {
        "blob": np.frombuffer(b"".join(files), np.uint8),
        "offsets": np.cumsum([0, *map(len, files)]),
    }


def png(image: U8) -> bytes:
    """A PNG of an RGB image."""
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


FILES = [png(image) for image in PIXELS]


def encoded(files: list[bytes] = FILES, **changes: object) -> Arrays:
    """The arrays of a sound file of PNGs; None leaves one out."""
    return plain(images=None, **{**blob(files), **changes})


def save(path: Path, arrays: Arrays) -> Path:
    named: dict[str, Any] = {**arrays}
    np.savez(path, **named)
    return path


def loaded(path: Path, /, **changes: object) -> ClassDataset:
    values = {"kind": "image-npz", "path": path.name, "calibration": 4, **changes}
    recipe = msgspec.convert(values, DataRecipe)
    return load(recipe, root=path.parent, recipe_folder=path.parent, seed=0)


def refusal(path: Path, test: Path | None = None) -> str:
    """What `read_packed` says of a wrong file."""
    with pytest.raises(DataError) as error:
        read_packed(path, test)
    return str(error.value)


@pytest.mark.parametrize("arrays", [plain(), encoded()], ids=["pixels", "encoded"])
def test_the_images_come_back_with_their_labels(tmp_path: Path, arrays: Arrays) -> None:
    """Every pixel, in RGB, under its class and a name of its own."""
    source = read_packed(save(tmp_path / "pets.npz", arrays), None)
    assert (source.name, source.labels) == ("pets", ("cat", "dog"))
    split = source.train.split
    assert len(split) == COUNT
    for number in range(COUNT):
        assert np.array_equal(split.images[number], PIXELS[number])
    assert split.labels.dtype == np.int64
    assert np.array_equal(split.labels, LABELS)
    assert split.ids[:2] == ("train/00000", "train/00001")
    assert (source.val, source.test, source.skipped) == (None, None, ())


def test_pixels_and_their_lossless_files_are_the_same_data(tmp_path: Path) -> None:
    """The hash is of the pictures, not of how they are packed."""
    one = loaded(save(tmp_path / "one.npz", plain()))
    other = loaded(save(tmp_path / "other.npz", encoded()))
    assert one.sha256 == other.sha256
    changed = PIXELS.copy()
    changed[3, 0, 0, 0] ^= 1
    assert loaded(save(tmp_path / "changed.npz", plain(images=changed))).sha256 != one.sha256


def test_grey_images_stay_grey(tmp_path: Path) -> None:
    """(N, H, W) is taken as it is."""
    source = read_packed(save(tmp_path / "grey.npz", plain(images=PIXELS[..., 0])), None)
    assert source.train.split.images[7].shape == (6, 5)


def test_encoded_images_may_differ_in_size(tmp_path: Path) -> None:
    """Each is decoded by itself, when it is asked for."""
    files = [png(PIXELS[n, : 2 + n % 4]) for n in range(COUNT)]
    source = read_packed(save(tmp_path / "sizes.npz", encoded(files)), None)
    assert [source.train.split.images[n].shape for n in (0, 3)] == [(2, 5, 3), (5, 5, 3)]


def test_a_test_file_is_kept_whole_and_in_order(tmp_path: Path) -> None:
    """Its images get names of their own even where both files have the same."""
    (tmp_path / "test").mkdir()
    path = save(tmp_path / "pets.npz", plain())
    save(tmp_path / "test" / "pets.npz", plain(images=PIXELS[:6] ^ 1, labels=LABELS[:6]))
    dataset = loaded(path, test_path="test/pets.npz")
    assert dataset.test.ids == tuple(f"test/{number:05d}" for number in range(6))
    assert np.array_equal(dataset.test.images[2], PIXELS[2] ^ 1)
    rest = dataset.train.ids + dataset.val.ids + dataset.calibration.ids
    assert sorted(rest) == [f"train/{number:05d}" for number in range(COUNT)]


def test_without_a_test_file_the_recipe_draws_one(tmp_path: Path) -> None:
    """A fifth of each class, as of any data set without a test split."""
    dataset = loaded(save(tmp_path / "pets.npz", plain()))
    assert np.bincount(dataset.test.labels).tolist() == [2, 2]


def test_the_two_files_need_the_same_classes(tmp_path: Path) -> None:
    """The same names in another order would be other labels."""
    train = save(tmp_path / "train.npz", plain())
    test = save(tmp_path / "test.npz", plain(classes=CLASSES[::-1]))
    assert refusal(train, test) == (
        f"{test}: expected the classes of {train}, cat, dog, found dog, cat"
    )


@pytest.mark.parametrize("key", ["path", "test_path"])
def test_a_missing_file_names_its_key_and_every_place(tmp_path: Path, key: str) -> None:
    """It is looked for in the data root and beside the recipe."""
    path = save(tmp_path / "pets.npz", plain())
    with pytest.raises(DataError) as error:
        loaded(path, **{key: "none.npz"})
    assert str(error.value) == (
        f"data.{key}: expected an NPZ of images at {tmp_path}/none.npz, found nothing"
    )


WRONG: dict[str, tuple[Arrays, str]] = {
    "nothing of ours": (
        {"x": LABELS},
        "expected an array 'classes' of names (K,), found none",
    ),
    "no labels": (
        plain(labels=None),
        "expected an array 'labels' of integers (N,), found classes, images",
    ),
    "real labels": (
        plain(labels=LABELS.astype(np.float32)),
        "labels: expected integers (N,), found float32 (20,)",
    ),
    "labels that are times": (
        plain(labels=LABELS.astype("m8[s]")),
        "labels: expected integers (N,), found timedelta64[s] (20,)",
    ),
    "one-hot labels": (
        plain(labels=np.eye(2, dtype=np.uint8)[LABELS]),
        "labels: expected integers (N,), found uint8 (20, 2)",
    ),
    "a label too high": (
        plain(labels=LABELS + 1),
        "labels: expected 0 to 1, found 1 to 2",
    ),
    "a label below 0": (
        plain(labels=LABELS.astype(np.int16) - 1),
        "labels: expected 0 to 1, found -1 to 0",
    ),
    "a label beyond int64": (
        plain(labels=np.where(LABELS == 1, 2**64 - 1, np.uint64(0)).astype(np.uint64)),
        f"labels: expected 0 to 1, found 0 to {2**64 - 1}",
    ),
    "too few labels": (
        plain(labels=LABELS[:-1]),
        "expected one label for each of 20 images, found 19",
    ),
    "numbers for names": (
        plain(classes=np.arange(2)),
        "classes: expected names (K,), found int64 (2,)",
    ),
    "bytes for names": (
        plain(classes=CLASSES.astype("S")),
        "classes: expected names (K,), found |S3 (2,)",
    ),
    "one class": (
        plain(classes=CLASSES[:1], labels=LABELS * 0),
        "expected at least two classes, found only 'cat'",
    ),
    "no class": (
        plain(classes=CLASSES[:0]),
        "expected at least two classes, found none",
    ),
    "a class twice": (
        plain(classes=np.array(["cat", "cat"])),
        "classes: expected distinct names, found 'cat' 2 times",
    ),
    "a name of nothing": (
        plain(classes=np.array(["cat", ""])),
        "classes: expected names of 1 to 255 printable characters, found ''",
    ),
    "a name that moves the cursor": (
        plain(classes=np.array(["cat", "\x1b[2J"])),
        "classes: expected names of 1 to 255 printable characters, found '\\x1b[2J'",
    ),
    "a class without images": (
        plain(classes=np.array(["cat", "dog", "fish"])),
        "class 'fish': expected readable images, found none",
    ),
    "no images": (
        plain(images=PIXELS[:0], labels=LABELS[:0]),
        "class 'cat': expected readable images, found none",
    ),
    "neither pixels nor files": (
        plain(images=None),
        "expected either the array images, or blob and offsets, found classes, labels",
    ),
    "pixels and files": (
        plain(**blob(FILES)),
        "expected either the array images, or blob and offsets, "
        "found blob, classes, images, labels, offsets",
    ),
    "real pixels": (
        plain(images=PIXELS / 255),
        "images: expected uint8 (N, H, W) or (N, H, W, 3), found float64 (20, 6, 5, 3)",
    ),
    "channels first": (
        plain(images=PIXELS.transpose(0, 3, 1, 2)),
        "images: expected uint8 (N, H, W) or (N, H, W, 3), found uint8 (20, 3, 6, 5)",
    ),
    "flat pixels": (
        plain(images=PIXELS.reshape(COUNT, -1)),
        "images: expected uint8 (N, H, W) or (N, H, W, 3), found uint8 (20, 90)",
    ),
    "images of no height": (
        plain(images=PIXELS[:, :0]),
        "images: expected uint8 (N, H, W) or (N, H, W, 3), found uint8 (20, 0, 5, 3)",
    ),
    "no offsets": (
        encoded(offsets=None),
        "expected an array 'offsets' of integers (N + 1,), found blob, classes, labels",
    ),
    "offsets of none": (
        encoded(offsets=np.zeros(0, int)),
        "offsets: expected one more than there are images, found none",
    ),
    "offsets without the end": (
        encoded(offsets=blob(FILES)["offsets"][:-1]),
        "expected one label for each of 19 images, found 20",
    ),
    "real offsets": (
        encoded(offsets=blob(FILES)["offsets"] * 1.0),
        "offsets: expected integers (N + 1,), found float64 (21,)",
    ),
    "a blob of words": (
        encoded(blob=blob(FILES)["blob"].astype(np.uint16)),
        f"blob: expected uint8 (B,), found uint16 ({len(b''.join(FILES))},)",
    ),
    "offsets beyond the blob": (
        encoded(blob=np.arange(8, dtype=np.uint8), offsets=np.array([0, 4, 9])),
        "offsets: expected rising places in the 8 bytes of blob, found rising ones from 0 to 9",
    ),
    "offsets below 0": (
        encoded(blob=np.arange(8, dtype=np.uint8), offsets=np.array([-1, 4, 8])),
        "offsets: expected rising places in the 8 bytes of blob, found rising ones from -1 to 8",
    ),
    "offsets that fall": (
        encoded(blob=np.arange(8, dtype=np.uint8), offsets=np.array([0, 4, 3, 8])),
        "offsets: expected rising places in the 8 bytes of blob, found falling ones from 0 to 8",
    ),
    "offsets whose differences wrap around": (
        encoded(
            blob=np.arange(8, dtype=np.uint8), offsets=np.array([0, 2**63 - 1, -(2**63), -1, 8])
        ),
        "offsets: expected rising places in the 8 bytes of blob, "
        f"found falling ones from {-(2**63)} to {2**63 - 1}",
    ),
    "offsets beyond int64": (
        encoded(
            blob=np.arange(8, dtype=np.uint8), offsets=np.array([0, 2**64 - 1], dtype=np.uint64)
        ),
        "offsets: expected rising places in the 8 bytes of blob, "
        f"found rising ones from 0 to {2**64 - 1}",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_named_with_what_was_expected(tmp_path: Path, case: str) -> None:
    """The array, what it has to hold and what it holds; nothing is guessed."""
    arrays, message = WRONG[case]
    path = save(tmp_path / "pets.npz", arrays)
    assert refusal(path) == f"{path}: {message}"


def test_a_file_cut_off_is_named(tmp_path: Path) -> None:
    """A download that broke off, of the test images too."""
    path, test = save(tmp_path / "pets.npz", plain()), save(tmp_path / "test.npz", plain())
    test.write_bytes(test.read_bytes()[:-100])
    assert refusal(path, test) == f"{test}: expected an NPZ, found: File is not a zip file"


BROKEN = [b"\xff\xd8 no picture", b"", *FILES[2:]]


def test_an_unreadable_image_stops(tmp_path: Path) -> None:
    """Each is named by its number, and the way around it is said."""
    path = save(tmp_path / "pets.npz", encoded(BROKEN))
    assert refusal(path) == (
        f"{path}: image 0: expected an image, found 13 bytes that OpenCV cannot decode; "
        f"{path}: image 1: expected an image, found an empty file. "
        'data.on_unreadable = "skip" leaves such files out'
    )


def test_unreadable_images_can_be_skipped(tmp_path: Path) -> None:
    """They are listed, and the others keep their names, labels and pixels."""
    path = save(tmp_path / "pets.npz", encoded(BROKEN))
    source = read_packed(path, None, "skip")
    assert source.skipped == ("train/00000", "train/00001")
    split = source.train.split
    assert split.ids == tuple(f"train/{number:05d}" for number in range(2, COUNT))
    assert np.array_equal(split.labels, LABELS[2:])
    assert np.array_equal(split.images[0], PIXELS[2])
    assert len(set(source.train.digests)) == COUNT - 2


def test_a_class_of_unreadable_images_alone_is_an_error(tmp_path: Path) -> None:
    """Skipping must not make a class disappear."""
    files = [b"no picture" if n % 2 else FILES[n] for n in range(COUNT)]
    path = save(tmp_path / "pets.npz", encoded(files))
    with pytest.raises(DataError) as error:
        read_packed(path, None, "skip")
    assert str(error.value) == f"{path}: class 'dog': expected readable images, found none"


def test_an_image_is_decoded_when_it_is_asked_for(tmp_path: Path) -> None:
    """The memory holds the packed file, not every picture; a later failure is that image's."""
    path = save(tmp_path / "pets.npz", encoded())
    images = read_packed(path, None).train.split.images
    assert images[3] is not images[3]
    broken = read_packed(save(path, encoded(BROKEN)), None, "skip").train.split
    assert len(broken) == COUNT - 2
    with pytest.raises(UnreadableImageError, match="image 1: expected an image, found an empty"):
        _ = vars(broken.images)["images"][1]


def test_progress_counts_the_images_of_each_file(tmp_path: Path) -> None:
    """One task a file, as long as it has images."""

    class Counted(Silent):
        tasks: ClassVar[list[tuple[str, int]]] = []

        @contextmanager
        def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:
            self.tasks.append((name, total))
            with super().task(name, total, done) as task:
                yield task

    train = save(tmp_path / "train.npz", plain())
    test = save(tmp_path / "test.npz", plain(images=PIXELS[:4] ^ 1, labels=LABELS[:4]))
    read_packed(train, test, progress=Counted())
    assert Counted.tasks == [("look at images", COUNT), ("look at images", 4)]


@pytest.mark.data
def test_cifar10_is_what_its_recipe_says() -> None:
    """50,000 to learn from and 10,000 to test with, ten classes, 32x32 in colour."""
    root = data_root()
    if "EDGEWARD_DATA" not in os.environ or not (root / "cifar10").is_dir():
        pytest.skip("needs cifar10 under the folder that EDGEWARD_DATA names")
    recipe = load_recipe(recipe_folder() / "cifar10.toml")
    dataset = load(recipe.data, root=None, recipe_folder=recipe_folder(), seed=recipe.seed)
    # As Krizhevsky's page has it: 6,000 images of each class, 1,000 of them for the test.
    assert dataset.labels == (
        "airplane", "automobile", "bird", "cat", "deer",
        "dog", "frog", "horse", "ship", "truck",
    )  # fmt: skip
    assert np.bincount(dataset.test.labels).tolist() == [1000] * 10
    rest = (dataset.train, dataset.val, dataset.calibration)
    assert sum(map(len, rest)) == 50_000
    assert len(dataset.calibration) == 512
    assert dataset.train.images[0].shape == dataset.test.images[0].shape == (32, 32, 3)
    assert (dataset.notes, dataset.skipped) == ((), ())
