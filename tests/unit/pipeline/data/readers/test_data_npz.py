"""`read_arrays`: plain arrays out of an NPZ, and what is wrong with a file that is none."""

import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from pipeline.common.errors import DataError
from pipeline.data.readers.npz import read_arrays

LABELS = np.arange(20, dtype=np.uint8)
NAMES = np.array(["cat", "dog"])
NOISE = np.random.default_rng(0).integers(0, 256, 2000, np.uint8)


# Of `numpy.savez` and its like: the file, and arrays by name.
Save: TypeAlias = Callable[..., None]


def sound(path: Path) -> Path:
    np.savez(path, labels=LABELS, names=NAMES, noise=NOISE)
    return path


def refusal(path: Path) -> str:
    """What is said of a wrong file, without the path that it begins with."""
    with pytest.raises(DataError) as error:
        read_arrays(path, ("labels", "names", "noise"))
    assert str(error.value).startswith(f"{path}: ")
    return str(error.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_arrays_come_back_by_name(tmp_path: Path, save: Save) -> None:
    """With their types; one that the file lacks is left out."""
    save(tmp_path / "a.npz", labels=LABELS, names=NAMES)
    arrays = read_arrays(tmp_path / "a.npz", ("names", "labels", "noise"))
    assert list(arrays) == ["names", "labels"]
    assert np.array_equal(arrays["labels"], LABELS)
    assert arrays["labels"].dtype == np.uint8
    assert arrays["names"].tolist() == ["cat", "dog"]


def test_an_array_that_nobody_asked_for_is_not_read(tmp_path: Path) -> None:
    """Whatever else is in the file is no error, Python objects among it."""
    np.savez(tmp_path / "a.npz", labels=LABELS, more=np.array([None, "x"], object))
    assert list(read_arrays(tmp_path / "a.npz", ("labels",))) == ["labels"]


def test_python_objects_are_refused(tmp_path: Path) -> None:
    """They would have to be unpickled, which runs whatever the file says."""
    np.savez(tmp_path / "a.npz", names=NAMES.astype(object))
    assert refusal(tmp_path / "a.npz") == (
        "names: expected a plain array, found: "
        "Object arrays cannot be loaded when allow_pickle=False"
    )


@pytest.mark.parametrize("content", [b"", b"name,label\n", None], ids=["empty", "text", "cut off"])
def test_a_file_that_is_no_npz_is_said_so(tmp_path: Path, content: bytes | None) -> None:
    """Empty, another kind of file, or a download that broke off."""
    path = sound(tmp_path / "a.npz")
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    assert refusal(path) == "expected an NPZ, found: File is not a zip file"


def test_a_single_array_is_no_npz(tmp_path: Path) -> None:
    """An NPY has nothing beside it."""
    np.save(tmp_path / "a.npy", LABELS)
    assert refusal(tmp_path / "a.npy") == "expected an NPZ, found: File is not a zip file"


def test_a_folder_or_a_pipe_is_no_npz(tmp_path: Path) -> None:
    """Neither is opened: reading a pipe would wait for its writer."""
    os.mkfifo(tmp_path / "pipe.npz")
    writer = os.open(tmp_path / "pipe.npz", os.O_RDWR)  # so that a wrong reader fails at once
    for path in (tmp_path, tmp_path / "pipe.npz", tmp_path / "nothing.npz"):
        assert refusal(path) == "expected an NPZ, found no regular file"
    os.close(writer)


def with_labels(path: Path, content: bytes) -> Path:
    """A file with `content` in the place of an array."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("labels.npy", content)
    return path


def header(shape: str) -> bytes:
    """An NPY of uint8 of this shape, without data."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"no array", "the magic string is not correct"),
        (header("")[:14], "."),
        (header("((("), "."),
        (header("(20,)"), "EOF: reading array data"),
        (header("(-3,)"), "."),
        (header("(1, 2.5)"), "."),
    ],
    ids=["no array", "half a header", "no header", "no data", "a negative shape", "a broken shape"],
)
def test_a_damaged_array_is_named(tmp_path: Path, content: bytes, found: str) -> None:
    """NumPy fails in many ways; all of them are one error."""
    said = refusal(with_labels(tmp_path / "a.npz", content))
    assert re.match(f"labels: expected a plain array, found: .*{found}", said, re.DOTALL)


def test_an_array_beyond_the_memory_is_the_machines_matter(tmp_path: Path) -> None:
    """It may be a sound file for a larger machine; the command says what was asked for."""
    path = with_labels(tmp_path / "a.npz", header(f"({2**50},)"))
    with pytest.raises(MemoryError, match="Unable to allocate 1"):
        read_arrays(path, ("labels",))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_changed_byte_is_noticed(tmp_path: Path, save: Save) -> None:
    """By the archive's checksum, or by zlib: never other numbers in silence."""
    path = tmp_path / "a.npz"
    save(path, noise=NOISE)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    assert refusal(path).startswith("noise: expected a plain array, found: ")
