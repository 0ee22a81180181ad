"""The data sets by name: digits, MNIST and Fashion-MNIST, where they lie, and their fit."""

import gzip
import hashlib
import os
import struct
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import fit
from edge_agent.common.arrays import U8
from pipeline.common.errors import DataError
from pipeline.data import fitted as fitted_module
from pipeline.data.classes import ClassDataset
from pipeline.data.fitted import fit_cached, fit_split
from pipeline.data.readers import mnist as mnist_module
from pipeline.data.readers.download import RemoteFile
from pipeline.data.readers.mnist import read_idx
from pipeline.data.root import data_root
from pipeline.recipe import DataRecipe
from pipeline.tasks.classify.load import load

SPEC = InputSpec(height=16, width=12, colour="rgb", mean=(0.5,) * 3, std=(0.5,) * 3)


def _load(root: Path | None = None, **values: object) -> ClassDataset:
    recipe = msgspec.convert(values, DataRecipe)
    return load(recipe, root=root, recipe_folder=Path(), seed=0)


def test_digits_are_real_and_use_the_whole_range() -> None:
    """1,797 scans of 8x8, 0 to 255, ten classes of about equal size (UCI's own counts)."""
    dataset = _load(kind="digits")
    splits = (dataset.train, dataset.val, dataset.calibration, dataset.test)
    assert sum(map(len, splits)) == 1797
    counts = sum(np.bincount(split.labels, minlength=10) for split in splits)
    # The class distribution in optdigits.names, testing set.
    assert np.array_equal(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    assert dataset.labels == tuple("0123456789")
    pixels = np.stack([dataset.train.images[i] for i in range(len(dataset.train))])
    assert pixels.dtype == np.uint8
    assert pixels.shape[1:] == (8, 8)
    assert (pixels.min(), pixels.max()) == (0, 255)


def _idx(array: U8) -> bytes:
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def _gz(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data))
    return path


IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)


def test_an_idx_file_is_read_whole(tmp_path: Path) -> None:
    """Images and labels come back with the shape the header says."""
    assert np.array_equal(read_idx(_gz(tmp_path / "a.gz", _idx(IMAGES))), IMAGES)
    labels = np.arange(7, dtype=np.uint8)
    assert np.array_equal(read_idx(_gz(tmp_path / "b.gz", _idx(labels))), labels)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"\0\0\x0d\x03" + _idx(IMAGES)[4:],
            "expected an idx file of uint8 with 1 to 3 dimensions, found magic '00000d03'",
        ),
        (b"\0\0", "expected an idx file of uint8 with 1 to 3 dimensions, found magic '0000'"),
        (_idx(IMAGES)[:9], "expected an idx header of 16 bytes, found 9"),
        (_idx(IMAGES)[:-1], "expected 60 bytes for shape (5, 4, 3), found 59"),
        (_idx(IMAGES) + b"x", "expected 60 bytes for shape (5, 4, 3), found 61"),
        (
            b"\0\0\x08\x03" + b"\xff" * 12,
            f"expected {(2**32 - 1) ** 3} bytes for shape {(2**32 - 1,) * 3}, found 0",
        ),
    ],
)
def test_a_damaged_idx_file_is_an_error(tmp_path: Path, data: bytes, message: str) -> None:
    """Another type, a cut-off header, missing, trailing or impossibly many bytes are named."""
    path = _gz(tmp_path / "a.gz", data)
    with pytest.raises(DataError) as error:
        read_idx(path)
    assert str(error.value) == f"{path}: {message}"


def test_a_cut_off_gzip_file_is_an_error(tmp_path: Path) -> None:
    """A download that broke off in another program is not taken for whole."""
    path = _gz(tmp_path / "a.gz", _idx(IMAGES))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"a\.gz: expected a whole gzip file, found: Compressed"):
        read_idx(path)
    path.write_bytes(b"no gzip")
    with pytest.raises(DataError, match="expected a whole gzip file, found: Not a gzipped file"):
        read_idx(path)


def test_a_file_of_another_content_is_an_error(tmp_path: Path) -> None:
    """A sound idx file that is not the published one is refused by its hash."""
    path = _gz(tmp_path / "a.gz", _idx(IMAGES))
    found = hashlib.sha256(_idx(IMAGES)).hexdigest()
    assert read_idx(path, sha256=found).shape == IMAGES.shape
    with pytest.raises(DataError) as error:
        read_idx(path, sha256="0" * 64)
    assert str(error.value) == (
        f"{path}: expected the published file (SHA-256 {'0' * 64} unpacked), found {found}; "
        "delete it to have it downloaded again"
    )


def test_mnist_files_become_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train comes from the train files, test is kept whole and in order, labels are ints."""
    rng = np.random.default_rng(1)
    labels = np.tile(np.arange(10, dtype=np.uint8), 12)
    files = {}
    for part, count in (("train", 120), ("t10k", 20)):
        for name, array in (
            (f"{part}-images-idx3-ubyte.gz", rng.integers(0, 256, (count, 28, 28), np.uint8)),
            (f"{part}-labels-idx1-ubyte.gz", labels[:count]),
        ):
            _gz(tmp_path / "fashion-mnist" / name, _idx(array))
            files[name] = RemoteFile((), hashlib.sha256(_idx(array)).hexdigest())
    monkeypatch.setattr(mnist_module, "mnist_files", lambda _: files)
    dataset = _load(tmp_path, kind="fashion-mnist", calibration=10)
    assert dataset.labels[0] == "T-shirt/top"
    assert dataset.labels[9] == "Ankle boot"
    assert dataset.test.ids == tuple(f"test/{number:05d}" for number in range(20))
    assert np.array_equal(dataset.test.labels, labels[:20])
    sizes = [len(split) for split in (dataset.train, dataset.val, dataset.calibration)]
    assert sizes == [100, 10, 10]
    assert dataset.train.images[0].shape == (28, 28)


@pytest.mark.data
@pytest.mark.parametrize("kind", ["mnist", "fashion-mnist"])
def test_the_published_files_are_known(kind: str) -> None:
    """The real files pass their hashes and have the published numbers of images."""
    root = data_root()
    if "EDGEWARD_DATA" not in os.environ or not (root / kind).is_dir():
        pytest.skip(f"needs {kind} under the folder that EDGEWARD_DATA names")
    dataset = _load(kind=kind)
    rest = (dataset.train, dataset.val, dataset.calibration)
    assert (sum(map(len, rest)), len(dataset.test)) == (60_000, 10_000)
    assert dataset.notes == ()


def test_the_data_root_is_the_flags_then_the_environments_then_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest to the user wins, and an empty variable is no answer."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("EDGEWARD_DATA", "~/named")
    assert data_root(Path("flag")) == Path("flag")
    assert data_root() == tmp_path / "named"
    monkeypatch.setenv("EDGEWARD_DATA", "")
    assert data_root() == tmp_path / "cache" / "edgeward" / "data"


def test_a_split_is_fitted_by_the_devices_own_code() -> None:
    """Pixels are what `fit` makes of each image, with the labels in the same order."""
    split = _load(kind="digits").val
    fitted = fit_split(split, SPEC)
    assert fitted.pixels.shape == (len(split), 16, 12, 3)
    assert fitted.pixels.dtype == np.uint8
    assert np.array_equal(fitted.labels, split.labels)
    for place in (0, 7, len(split) - 1):
        assert np.array_equal(fitted.pixels[place], fit(split.images[place], SPEC))


def test_fitted_images_are_kept_for_the_same_data_and_input_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second call reads the file; another split, input or data set does not."""
    dataset, fitted = _load(kind="digits"), 0

    def counting_fit(image: U8, spec: InputSpec) -> U8:
        nonlocal fitted
        fitted += 1
        return fit(image, spec)

    monkeypatch.setattr(fitted_module, "fit", counting_fit)
    first = fit_cached(dataset, "val", SPEC, tmp_path)
    assert fitted == len(dataset.val)
    again = fit_cached(dataset, "val", SPEC, tmp_path)
    assert fitted == len(dataset.val)
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.labels, again.labels)
    fit_cached(dataset, "test", SPEC, tmp_path)
    fit_cached(dataset, "val", msgspec.structs.replace(SPEC, width=13), tmp_path)
    fit_cached(_load(kind="digits", test=0.3), "val", SPEC, tmp_path)
    assert fitted == 3 * len(dataset.val) + len(dataset.test)
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("damage", [b"", b"PK no zip", None])
def test_a_damaged_cache_is_made_again(tmp_path: Path, damage: bytes | None) -> None:
    """An empty, foreign or cut-off file is no error and no answer."""
    dataset = _load(kind="digits")
    first = fit_cached(dataset, "val", SPEC, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-200] if damage is None else damage)
    again = fit_cached(dataset, "val", SPEC, tmp_path)
    assert np.array_equal(first.pixels, again.pixels)
