"""`pipeline.data.readers.folder` and `images`: a user's own pictures, whole and broken."""

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge_agent.common.arrays import U8
from pipeline.common.errors import DataError
from pipeline.data.base import SPLIT_NAMES
from pipeline.data.classes import ClassDataset
from pipeline.data.readers.folder import read_folder
from pipeline.data.readers.images import UnreadableImageError, read_image
from pipeline.recipe import DataRecipe
from pipeline.tasks.classify.load import load


def _picture(seed: int, height: int = 12, width: int = 16) -> U8:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def _write(path: Path, image: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.asarray(image))
    return path


def _class(folder: Path, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        _write(folder / f"{number:03d}.png", _picture(number))


@pytest.fixture(name="pets")
def _pets(tmp_path: Path) -> Path:
    """Ten cats and ten dogs."""
    _class(tmp_path / "pets" / "cat", 10)
    _class(tmp_path / "pets" / "dog", 10, first=100)
    return tmp_path / "pets"


def _load(path: Path, **changes: object) -> ClassDataset:
    values = {"kind": "image-folder", "path": str(path), "calibration": 4, **changes}
    recipe = msgspec.convert(values, DataRecipe)
    return load(recipe, root=path.parent, recipe_folder=path.parent, seed=0)


def test_sub_folders_are_the_classes(pets: Path) -> None:
    """Classes are sorted by name, ids are paths, and images are read as RGB."""
    dataset = _load(pets)
    assert dataset.name == "pets"
    assert dataset.labels == ("cat", "dog")
    split = dataset.train
    first = split.ids[0]
    assert (pets / first).exists()
    stored = cv2.imread(str(pets / first))
    assert stored is not None
    assert np.array_equal(split.images[0], stored[:, :, ::-1])
    assert [dataset.labels[label] for label in split.labels] == [
        id_.split("/")[0] for id_ in split.ids
    ]


def test_images_are_read_when_they_are_asked_for(pets: Path) -> None:
    """A folder's split holds names: a file that has gone is an error of that moment."""
    dataset = _load(pets)
    (pets / dataset.test.ids[0]).unlink()
    assert len(dataset.test) == 4
    with pytest.raises(UnreadableImageError, match="expected an image, found No such file"):
        _ = dataset.test.images[0]


def test_the_names_of_files_are_not_part_of_the_data(pets: Path) -> None:
    """Renamed within its place in the order, a picture is the same one; as another, it is not."""
    before = _load(pets)
    (pets / "cat" / "003.png").rename(pets / "cat" / "003 renamed.png")
    after = _load(pets)
    assert after.sha256 == before.sha256
    names = [{*d.train.ids, *d.val.ids, *d.calibration.ids, *d.test.ids} for d in (before, after)]
    assert names[1] - names[0] == {"cat/003 renamed.png"}
    _write(pets / "cat" / "003 renamed.png", _picture(77))
    assert _load(pets).sha256 != before.sha256


def test_a_split_folder_keeps_its_splits(pets: Path, tmp_path: Path) -> None:
    """`train` and `test` beside each other: test is kept whole, val is drawn from train."""
    root = tmp_path / "split"
    root.mkdir()
    pets.rename(root / "train")
    _class(root / "test" / "cat", 3, first=200)
    _class(root / "test" / "dog", 2, first=300)
    dataset = _load(root)
    assert dataset.test.ids == (
        "test/cat/200.png", "test/cat/201.png", "test/cat/202.png",
        "test/dog/300.png", "test/dog/301.png",
    )  # fmt: skip
    assert all(id_.startswith("train/") for id_ in dataset.val.ids + dataset.train.ids)


def test_a_train_folder_alone_is_split_by_the_recipe(pets: Path, tmp_path: Path) -> None:
    """`train/cat` and `train/dog` are classes cat and dog, not one class called train."""
    root = tmp_path / "alone"
    root.mkdir()
    pets.rename(root / "train")
    assert _load(root).labels == ("cat", "dog")


def test_two_folders_for_val_are_an_error(pets: Path, tmp_path: Path) -> None:
    """`val` and `valid` cannot both be the validation split."""
    root = tmp_path / "twice"
    root.mkdir()
    pets.rename(root / "train")
    (root / "val").mkdir()
    (root / "valid").mkdir()
    with pytest.raises(DataError) as error:
        read_folder(root)
    assert str(error.value) == f"{root}: expected one folder for val, found val and valid"


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_class_of_one_part_only_is_an_error(pets: Path, tmp_path: Path, part: str) -> None:
    """Train and test need the same classes; the error says which one lacks what."""
    root = tmp_path / "uneven"
    root.mkdir()
    pets.rename(root / "train")
    _class(root / "test" / "cat", 2, first=200)
    _class(root / "test" / "dog", 2, first=300)
    _class(root / part / "fish", 3, first=400)
    other = "test" if part == "train" else "train"
    with pytest.raises(DataError) as error:
        read_folder(root)
    assert str(error.value) == (
        f"{root}: expected class 'fish' of {part} in {other} too, found none"
    )


def test_a_missing_folder_is_an_error_that_names_every_place(tmp_path: Path) -> None:
    """A relative path is looked for in the data root and beside the recipe."""
    recipe = DataRecipe(kind="image-folder", path="pets")
    root, beside = tmp_path / "root", tmp_path / "recipes"
    with pytest.raises(DataError) as error:
        load(recipe, root=root, recipe_folder=beside, seed=0)
    assert str(error.value) == (
        f"data.path: expected a folder of images at {root}/pets or {beside}/pets, found nothing"
    )


def test_the_data_root_goes_before_the_recipes_folder(pets: Path, tmp_path: Path) -> None:
    """A relative path beside the recipe is found too, unless the root has it."""
    recipe = DataRecipe(kind="image-folder", path="pets", calibration=4)
    beside = load(recipe, root=tmp_path / "root", recipe_folder=pets.parent, seed=0)
    assert beside.labels == ("cat", "dog")
    _class(tmp_path / "root" / "pets" / "a", 10)
    _class(tmp_path / "root" / "pets" / "b", 10, first=50)
    rooted = load(recipe, root=tmp_path / "root", recipe_folder=pets.parent, seed=0)
    assert rooted.labels == ("a", "b")


def test_a_file_is_no_folder_of_images(tmp_path: Path) -> None:
    """A file in the folder's place is named as one."""
    (tmp_path / "pets").write_text("not a folder")
    with pytest.raises(DataError) as error:
        read_folder(tmp_path / "pets")
    assert str(error.value) == f"{tmp_path}/pets: expected a folder of images, found a file"


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    """No sub-folder, no class."""
    with pytest.raises(DataError) as error:
        read_folder(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: expected one sub-folder of images per class, found no sub-folder"
    )


def test_images_without_class_folders_are_an_error(tmp_path: Path) -> None:
    """Pictures lying in the folder itself have no class."""
    _class(tmp_path, 3)
    with pytest.raises(DataError) as error:
        read_folder(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: expected one sub-folder of images per class, found 3 images but no sub-folder"
    )


def test_one_class_is_an_error(tmp_path: Path) -> None:
    """A classifier needs something to tell apart."""
    _class(tmp_path / "cat", 3)
    with pytest.raises(DataError) as error:
        read_folder(tmp_path)
    assert str(error.value) == f"{tmp_path}: expected at least two classes, found only 'cat'"


def test_an_empty_class_is_an_error(pets: Path) -> None:
    """A class folder without images is named."""
    (pets / "fish").mkdir()
    with pytest.raises(DataError) as error:
        read_folder(pets)
    assert str(error.value) == f"{pets}/fish: expected images of class 'fish', found none"


def test_a_folder_inside_a_class_belongs_to_it(pets: Path) -> None:
    """Beside pictures of its own, as telephones and photographers keep them; it is told."""
    _class(pets / "cat" / "2024" / "may", 2, first=50)
    dataset = _load(pets)
    ids = {id_ for name in SPLIT_NAMES for id_ in dataset.split(name).ids}
    assert {"cat/2024/may/050.png", "cat/2024/may/051.png"} <= ids
    assert "cat/2024: 2 images, taken for cat" in dataset.notes


def test_a_folder_of_folders_only_is_no_class(pets: Path) -> None:
    """The path was most likely one level too high; the names that would be splits are said."""
    with pytest.raises(DataError) as error:
        read_folder(pets.parent)
    assert str(error.value) == (
        f"{pets}: expected images only, found the folder 'cat'; the path has to be the "
        "folder right above the class folders, or above folders called train and, if there are, "
        "val (valid, validation, validate, dev) and test (testing, holdout), or eval"
    )


def test_too_few_images_of_a_class_are_an_error(pets: Path) -> None:
    """Two fish cannot be split into train, val and test."""
    _class(pets / "fish", 2, first=200)
    with pytest.raises(DataError) as error:
        _load(pets)
    assert str(error.value) == (
        "pets: class 'fish': expected at least 3 different images to split, found 2"
    )


def _break(pets: Path) -> tuple[Path, Path]:
    """A cut-off JPEG of a real size, and an empty file."""
    cut = _write(pets / "cat" / "cut.jpg", _picture(1, 480, 640))
    cut.write_bytes(cut.read_bytes()[:-2000])
    empty = pets / "dog" / "empty.png"
    empty.touch()
    return cut, empty


def test_a_corrupt_image_stops_and_is_named(pets: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The error names each broken file, what it holds, and the way out; nothing else is said."""
    cut, empty = _break(pets)
    size = cut.stat().st_size
    with pytest.raises(DataError) as error:
        read_folder(pets)
    assert str(error.value) == (
        f"{cut}: expected an image, found {size} bytes that OpenCV cannot decode; "
        f"{empty}: expected an image, found an empty file. "
        'data.on_unreadable = "skip" leaves such files out'
    )
    assert capfd.readouterr() == ("", "")


def test_opencvs_own_complaints_stay_off_the_terminal(
    pets: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """OpenCV logs an error for a cut-off PNM or BMP; the reader is told once, by us."""
    for suffix in (".ppm", ".bmp"):
        path = _write(pets / "cat" / f"cut{suffix}", _picture(1, 48, 64))
        path.write_bytes(path.read_bytes()[:-2000])
    assert len(_load(pets, on_unreadable="skip").skipped) == 2
    assert capfd.readouterr() == ("", "")


def test_corrupt_images_can_be_skipped(pets: Path) -> None:
    """With `skip` they are left out and listed, and the data set is that of the sound files."""
    sound = _load(pets)
    _break(pets)
    dataset = _load(pets, on_unreadable="skip")
    assert dataset.skipped == ("cat/cut.jpg", "dog/empty.png")
    assert dataset.sha256 == sound.sha256


def test_a_class_of_broken_images_only_is_an_error(pets: Path) -> None:
    """Skipping must not make a class vanish."""
    for path in (pets / "dog").iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(DataError) as error:
        read_folder(pets, "skip")
    assert str(error.value) == (f"{pets}: train: class 'dog': expected readable images, found none")


def test_many_broken_images_are_counted(pets: Path) -> None:
    """An error names three files and counts the rest."""
    for path in sorted((pets / "dog").iterdir())[:5]:
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"102\.png: expected an image, found an empty file; and 2"):
        read_folder(pets)


def test_hidden_and_foreign_files_are_no_images(pets: Path) -> None:
    """Hidden entries are passed over; files of another suffix are noted."""
    (pets / ".thumbnails").mkdir()
    (pets / "cat" / ".DS_Store").write_bytes(b"x")
    (pets / "cat" / "notes.txt").write_text("x")
    (pets / "dog" / "LABELS").write_text("x")
    dataset = _load(pets)
    assert dataset.labels == ("cat", "dog")
    assert dataset.notes == ("files without an image's suffix, ignored: .txt (1), no suffix (1)",)


def test_copies_never_end_in_two_splits(pets: Path) -> None:
    """The same picture under another name and in another format is left out."""
    for path in sorted((pets / "cat").iterdir()):
        image = cv2.imread(str(path))
        _write(path.with_suffix(".bmp"), image)
    dataset = _load(pets)
    assert "copies of another image, left out: 10 of 30" in dataset.notes


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp", ".ppm", ".jpg"])
def test_common_formats_are_read(tmp_path: Path, suffix: str) -> None:
    """Whatever the format, colour comes back as (H, W, 3) RGB."""
    red = np.zeros((8, 10, 3), np.uint8)
    red[:, :, 2] = 255  # OpenCV writes BGR
    image = read_image(_write(tmp_path / f"red{suffix}", red))
    assert image.shape == (8, 10, 3)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - (255, 0, 0)).max() <= 4  # JPEG and WebP are lossy


def test_grey_stays_grey_and_sixteen_bits_become_eight(tmp_path: Path) -> None:
    """A grey file has no colour axis; 16-bit values keep their place in the range."""
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(read_image(_write(tmp_path / "grey.png", grey)), grey)
    deep = read_image(_write(tmp_path / "deep.png", grey.astype(np.uint16) * 257))
    assert deep.dtype == np.uint8
    assert np.abs(deep.astype(int) - grey).max() <= 1


def test_transparency_is_dropped(tmp_path: Path) -> None:
    """An alpha channel is not a colour."""
    image = np.dstack([_picture(3), np.zeros((12, 16), np.uint8)])
    assert np.array_equal(read_image(_write(tmp_path / "alpha.png", image)), image[:, :, 2::-1])


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    """EXIF orientation 6 turns the picture by a quarter to the right."""
    image = np.zeros((32, 64, 3), np.uint8)
    image[:, :32] = 255  # white on the left
    path = _write(tmp_path / "turned.jpg", image)
    data = path.read_bytes()
    tiff = b"MM\0*\0\0\0\x08" + b"\0\x01" + b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0" + b"\0\0\0\0"
    payload = b"Exif\0\0" + tiff
    segment = b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload
    path.write_bytes(data[:2] + segment + data[2:])
    turned = read_image(path)
    assert turned.shape == (64, 32, 3)
    assert turned[:28].min() > 200  # white is on top now
    assert turned[36:].max() < 50


def test_any_size_is_taken(pets: Path) -> None:
    """Images of different sizes live in one split."""
    _write(pets / "cat" / "large.png", _picture(1, 300, 200))
    _write(pets / "dog" / "dot.png", _picture(2, 1, 1))
    dataset = _load(pets)
    assert sum(map(len, (dataset.train, dataset.val, dataset.calibration, dataset.test))) == 22
