"""Files of weights that are damaged, or something else, are refused before they are loaded."""

import json
import pickle
import struct
import warnings
from collections import OrderedDict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from pipeline.common.errors import WeightsError
from pipeline.weights.read import read_tensors

TENSORS = {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(2)}


def refusal(path: Path) -> str:
    with pytest.raises(WeightsError) as error:
        read_tensors(path)
    return str(error.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".ckpt", ".bin", ".safetensors"])
def test_an_empty_file_is_refused(tmp_path: Path, suffix: str) -> None:
    """Whatever its suffix says."""
    (tmp_path / f"w{suffix}").touch()
    assert refusal(tmp_path / f"w{suffix}") == "expected a file of weights, found an empty one"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """It is said to be one."""
    assert refusal(tmp_path) == "expected a file of weights, found Is a directory"


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_cut_off_pickle_is_refused(tmp_path: Path, legacy: bool, share: float) -> None:
    """In both forms that torch has written."""
    path = tmp_path / "w.pth"
    torch.save({"w": torch.randn(500)}, path, _use_new_zipfile_serialization=not legacy)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert refusal(path) == "expected a whole file of weights, found a damaged one"


def test_a_pickle_that_torch_did_not_write_is_one_error(tmp_path: Path) -> None:
    """Its protocol is not torch's: that is no warning beside the error."""
    path = tmp_path / "w.pth"
    path.write_bytes(pickle.dumps(datetime(2026, 1, 1), protocol=4))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert refusal(path) == "expected a whole file of weights, found a damaged one"
    assert not said


@pytest.mark.parametrize("content", [datetime(2026, 1, 1), {"w": TENSORS, "made": datetime.min}])
def test_a_pickle_of_more_than_tensors_is_refused_unloaded(tmp_path: Path, content: object) -> None:
    """A harmless object already: what it would make is named, and is not made."""
    path = tmp_path / "w.pth"
    torch.save(content, path)
    assert refusal(path) == (
        "expected tensors alone, found a pickle that makes a datetime.datetime; it was not loaded"
    )


def test_nothing_of_a_refused_pickle_runs(tmp_path: Path) -> None:
    """Must fire: a call in the pickle would leave a file behind."""
    path, trace = tmp_path / "w.pth", tmp_path / "trace"

    class Calls:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (trace,)

    torch.save({"w": torch.ones(1), "x": Calls()}, path)
    assert "it was not loaded" in refusal(path)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Calls()))
    assert trace.exists(), "otherwise the pickle could not have done anything"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([torch.ones(1)], "a list"),
        (torch.ones(3), "a Tensor"),
        ({}, "nothing"),
        ({"epoch": 3, "lr": 0.1}, "'epoch', 'lr'"),
    ],
)
def test_tensors_have_to_have_names(tmp_path: Path, content: object, found: str) -> None:
    """A list, a tensor alone and a state without tensors are no weights."""
    torch.save(content, tmp_path / "w.pth")
    assert refusal(tmp_path / "w.pth") == (
        "expected tensors by name, alone or under state_dict or model or model_state_dict, "
        f"found {found}"
    )


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    """A training that diverged leaves such weights."""
    torch.save({"a": torch.ones(2), "b": torch.tensor([1.0, torch.nan])}, tmp_path / "w.pth")
    assert refusal(tmp_path / "w.pth") == "tensor 'b': expected finite values, found others"


def lying(header: dict[str, Any], data: bytes) -> bytes:
    packed = json.dumps(header).encode()
    return struct.pack("<Q", len(packed)) + packed + data


@pytest.mark.parametrize(
    "content",
    [
        b"\xff" * 64,
        struct.pack("<Q", 2**60) + b"{}",
        lying({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 8]}}, b"\0" * 8),
        lying({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 800]}}, b"\0" * 8),
        lying({"w": {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]}}, b"\0" * 8),
        lying({"w": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}, b"\0" * 8),
        lying({"w": {"dtype": "F32", "shape": [2]}}, b"\0" * 8),
    ],
)
def test_a_safetensors_header_that_lies_is_refused(tmp_path: Path, content: bytes) -> None:
    """Shapes, offsets, types and the header's own length are held against the file."""
    (tmp_path / "w.safetensors").write_bytes(content)
    assert refusal(tmp_path / "w.safetensors").startswith(
        "expected a whole safetensors file, found"
    )


def test_a_cut_off_safetensors_file_is_refused(tmp_path: Path) -> None:
    """It lacks a part of its last tensor."""
    path = tmp_path / "w.safetensors"
    path.write_bytes(safetensors.torch.save(TENSORS)[:-4])
    assert refusal(path).startswith("expected a whole safetensors file, found")


def test_a_pickle_called_safetensors_is_refused(tmp_path: Path) -> None:
    """A file is what its suffix says, or it is refused."""
    torch.save(TENSORS, tmp_path / "w.safetensors")
    assert refusal(tmp_path / "w.safetensors").startswith(
        "expected a whole safetensors file, found"
    )


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
def test_whole_files_are_read_in_their_order(tmp_path: Path, legacy: bool, wrapped: bool) -> None:
    """Must not fire: both forms, alone or beside an optimiser's numbers."""
    state = OrderedDict(TENSORS)
    content = {"epoch": 1, "model": {"state_dict": state}} if wrapped else state
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=not legacy)
    found = read_tensors(tmp_path / "w.pth")
    assert list(found) == list(TENSORS)
    assert all(value.equal(TENSORS[name]) for name, value in found.items())
