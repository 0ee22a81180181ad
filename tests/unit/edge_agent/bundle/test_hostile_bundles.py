"""Bundles whose hashes are right and whose content means harm: refused, never a crash."""

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.bright import write_bright

from edge_agent.bundle.archive import open_bundle
from edge_agent.common.errors import BundleError
from edge_agent.inference.recognizer import TfliteRecognizer


def sealed(path: Path, npz: bytes | None = None, **fields: dict[str, Any]) -> Path:
    """The tiny bundle with another golden.npz or manifest fields, every hash made right."""
    write_bright(path)
    manifest = json.loads((path / "manifest.json").read_text())
    for table, values in fields.items():
        manifest[table].update(values)
    if npz is not None:
        (path / "golden.npz").write_bytes(npz)
        manifest["files"]["golden.npz"] = hashlib.sha256(npz).hexdigest()
        manifest["golden"]["frames"] = 1
    text = json.dumps(manifest).encode()
    (path / "manifest.json").write_bytes(text)
    (path / "manifest.sha256").write_text(f"{hashlib.sha256(text).hexdigest()}  manifest.json\n")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(BundleError) as caught:
        open_bundle(path)
    place, _, reason = str(caught.value).partition(": ")
    assert place.startswith(str(path))
    return reason


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"input": {"width": 0}}, "Expected `int` >= 1 - at `$.input.width`"),
        ({"input": {"height": -8}}, "Expected `int` >= 1 - at `$.input.height`"),
        ({"input": {"mean": [1e300] * 3}}, "mean: expected numbers up to 1e+06"),
        ({"input": {"std": [1e-300] * 3}}, "std: expected values above 0, 1e-06 to 1e+06"),
        ({"output": {"temperature": 1e-320}}, "Expected `float` >= 0.001"),
        ({"output": {"labels": ["a\x1b[2J", "b"]}}, "Expected `str` matching regex"),
        ({"output": {"labels": ["a", "b\n"]}}, "Expected `str` matching regex"),
        ({"output": {"labels": ["", "b"]}}, "Expected `str` matching regex"),
        ({"output": {"task": "x" * 100}}, "Expected `str` of length <= 64 - at `$.output.task`"),
        ({"golden": {"frames": 10**9}}, "Expected `int` <= 1000 - at `$.golden.frames`"),
        ({"files": {"x": "0" * 64}}, "expected the hashes of model.tflite and golden.npz, found"),
    ],
)
def test_a_manifest_out_of_all_bounds_is_refused(
    fields: dict[str, dict[str, Any]], expected: str, tmp_path: Path
) -> None:
    """The error names the field; nothing is computed, allocated or printed with its value."""
    assert refusal(sealed(tmp_path / "b", None, **fields)).startswith(expected)


PORT = {"name": "a", "shape": [1, 2], "dtype": "int8", "affine": {"scale": 1, "zero_point": 0}}


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([], "Expected `array` of length >= 1 - at `$.outputs`"),
        ([PORT] * 33, "Expected `array` of length <= 32 - at `$.outputs`"),
        ([PORT, PORT], "outputs: expected distinct names, found 'a' repeated"),
        ([PORT | {"name": ""}], "Expected `str` matching regex"),
        ([PORT | {"name": "a\x1b[2J"}], "Expected `str` matching regex"),
        ([PORT | {"shape": []}], "Expected `array` of length >= 1 - at `$.outputs[0].shape`"),
        ([PORT | {"shape": [1] * 9}], "Expected `array` of length <= 8 - at `$.outputs[0].shape`"),
        ([PORT | {"shape": [1, 0]}], "Expected `int` >= 1 - at `$.outputs[0].shape[1]`"),
        ([PORT | {"shape": [1, 2**31]}], "Expected `int` <= 2147483647 - at `$.outputs[0].shape"),
        ([PORT | {"dtype": "object"}], "Invalid enum value 'object' - at `$.outputs[0].dtype`"),
        ([PORT | {"affine": None}], "output 'a': expected a scale of int8, found none"),
        ([PORT | {"dtype": "int32"}], "output 'a': expected no scale of int32, found Affine("),
        (
            [PORT | {"shape": [1, 3]}],
            "output 'a': expected the shape (1, 2) for the task classify, found (1, 3)",
        ),
    ],
)
def test_outputs_out_of_all_bounds_are_refused(
    outputs: list[dict[str, Any]], expected: str, tmp_path: Path
) -> None:
    """Too many, of one name, of no size or beyond all: nothing is made for them."""
    path = sealed(tmp_path / "b")
    document = json.loads((path / "manifest.json").read_text()) | {"outputs": outputs}
    text = json.dumps(document).encode()
    (path / "manifest.json").write_bytes(text)
    (path / "manifest.sha256").write_text(f"{hashlib.sha256(text).hexdigest()}  manifest.json\n")
    assert refusal(path).startswith(expected)


def test_a_name_may_not_end_in_a_newline(tmp_path: Path) -> None:
    """A name is part of topics and file names; `$` in a pattern would let the newline pass."""
    path = sealed(tmp_path / "b")
    text = (path / "manifest.json").read_text().replace('"bright"', '"bright\\n"', 1).encode()
    (path / "manifest.json").write_bytes(text)
    (path / "manifest.sha256").write_text(f"{hashlib.sha256(text).hexdigest()}  manifest.json\n")
    assert refusal(path).startswith("Expected `str` matching regex")


def npy(array: NDArray[Any]) -> bytes:
    member = io.BytesIO()
    np.lib.format.write_array(member, array, allow_pickle=True)
    return member.getvalue()


def header(text: str) -> bytes:
    """An array file that is only a header."""
    raw = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(raw).to_bytes(2, "little") + raw


def archive(
    image: bytes, compression: int = zipfile.ZIP_STORED, outputs: tuple[bytes, ...] | None = None
) -> bytes:
    buffer = io.BytesIO()
    outputs = (npy(np.zeros((1, 2), np.int8)),) if outputs is None else outputs
    with zipfile.ZipFile(buffer, "w", compression) as members:
        members.writestr("image_000.npy", image)
        for number, output in enumerate(outputs):
            members.writestr(f"output_000_{number:02d}.npy", output)
    return buffer.getvalue()


GREY = npy(np.zeros((8, 8), np.uint8))
SCORES = npy(np.zeros((1, 2), np.int8))


@pytest.mark.parametrize(
    ("golden", "expected"),
    [
        (b"", "not a golden archive: "),
        (b"junk", "not a golden archive: "),
        (GREY, "not a golden archive: "),
        (archive(b"not an array"), "not a golden archive: "),
        (archive(header("'''")), "not a golden archive: "),
        (archive(header("{'descr': '|u1', 'fortran_order': False, 'shape': (((((")), "not a"),
        (
            archive(header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**13},)}}")),
            "not a golden archive: ",
        ),
        (
            archive(header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**30},)}}")),
            "not a golden archive: ",
        ),
        (archive(npy(np.array([{}], object))), "not a golden archive: Object arrays"),
        (
            archive(GREY, zipfile.ZIP_DEFLATED),
            "not a golden archive: image_000.npy: expected it stored, found it compressed",
        ),
        (archive(npy(np.zeros((0, 8, 3), np.uint8))), "expected a non-empty uint8 image"),
        (archive(npy(np.zeros((8, 8, 4), np.uint8))), "expected a non-empty uint8 image"),
        (archive(npy(np.zeros((8, 8), np.float32))), "expected a non-empty uint8 image"),
        (archive(GREY, outputs=()), "expected 1 golden frames, found arrays ['image_000']"),
        (archive(GREY, outputs=(SCORES, SCORES)), "expected 1 golden frames, found arrays ["),
        (
            archive(GREY, outputs=(npy(np.zeros((2, 1), np.int8)),)),
            "output 'scores': expected int8 (1, 2), found int8 (2, 1)",
        ),
        (
            archive(GREY, outputs=(npy(np.zeros((1, 2), np.uint8)),)),
            "output 'scores': expected int8 (1, 2), found uint8 (1, 2)",
        ),
    ],
)
def test_a_golden_archive_that_is_none_is_refused(
    golden: bytes, expected: str, tmp_path: Path
) -> None:
    """Cut off, hostile, compressed, of another shape or type: the error names the file."""
    assert refusal(sealed(tmp_path / "b", golden)).startswith(expected)


def test_a_model_that_is_none_is_named_with_its_bundle(tmp_path: Path) -> None:
    """Of several bundles the error says which."""
    path = sealed(tmp_path / "b")
    # A file of another kind, which every runtime refuses, too.
    model = b"\x1c\0\0\0TFL2" + (path / "model.tflite").read_bytes()[8:]
    (path / "model.tflite").write_bytes(model)
    text = (path / "manifest.json").read_text()
    manifest = json.loads(text)
    manifest["files"]["model.tflite"] = hashlib.sha256(model).hexdigest()
    raw = json.dumps(manifest).encode()
    (path / "manifest.json").write_bytes(raw)
    (path / "manifest.sha256").write_text(f"{hashlib.sha256(raw).hexdigest()}  manifest.json\n")
    bundle = open_bundle(path)
    with pytest.raises(BundleError) as caught, TfliteRecognizer(bundle):
        pass
    assert str(caught.value).startswith(f"{path}/model.tflite: ")


def test_no_bit_of_an_archives_directory_may_differ(tmp_path: Path) -> None:
    """Any of the zip's own fields, flipped: compression, sizes, names, the end record."""
    path = tmp_path / "b.edgeward"
    write_bright(path)
    good = path.read_bytes()
    start = good.index(b"PK\x01\x02")
    for place in range(start, len(good)):
        for bit in (0, 3, 7):
            bad = bytearray(good)
            bad[place] ^= 1 << bit
            path.write_bytes(bad)
            with pytest.raises(BundleError):
                open_bundle(path)


def test_a_bundle_that_may_not_be_looked_at_is_a_bundle_error(tmp_path: Path) -> None:
    """The system's refusal is not mistaken for an absent bundle."""
    path = tmp_path / ("a" * 300)
    with pytest.raises(BundleError) as caught:
        open_bundle(path)
    assert str(caught.value) == f"{path}: cannot be read: {os.strerror(36)}"
