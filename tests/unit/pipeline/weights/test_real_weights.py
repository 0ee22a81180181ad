"""The published files themselves, where they are at hand."""

import os
from pathlib import Path

import pytest

from edge_agent.bundle.manifest import InputSpec
from pipeline.models import ModelSpec
from pipeline.weights.find import WeightsFile, find_known
from pipeline.weights.hashes import check_hash
from pipeline.weights.known import KNOWN, KnownWeights
from pipeline.weights.start import starting_point

IMAGENET = InputSpec(
    height=96, width=96, colour="rgb", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
)


def real_file(file: str) -> Path:
    path = Path(os.environ.get("EDGEWARD_DATA", "nowhere"), "weights", file)
    if not path.is_file():
        pytest.skip(f"needs weights/{file} under the folder that EDGEWARD_DATA names")
    return path


@pytest.mark.parametrize("row", KNOWN, ids=lambda row: row.file)
def test_a_known_file_has_its_hash_and_size(row: KnownWeights) -> None:
    """What the table says of a file is what the file is."""
    path = real_file(row.file)
    assert check_hash(path, row.sha256).startswith(row.sha256)
    assert path.stat().st_size == row.size


def test_mobilenet_begins_with_all_but_the_classifier() -> None:
    """260 of the 262 tensors are taken for two classes, all for a thousand."""
    path = real_file("mobilenet_v2-b0353104.pth")
    row = KNOWN[0]
    weights = WeightsFile(path, row.sha256, row.name, row)
    two = starting_point(ModelSpec(arch="mobilenet_v2", classes=2, input=IMAGENET), weights, 0)
    assert two.lines == (
        f"weights: 260 tensors of {path} (SHA-256 b0353104); "
        "the classifier of 2 outputs starts afresh, the file has one of 1000 outputs",
    )
    assert two.network.lineage[0].settings["sha256"] == row.sha256
    whole = starting_point(ModelSpec(arch="mobilenet_v2", classes=1000, input=IMAGENET), weights, 0)
    assert whole.lines == (
        f"weights: 262 tensors of {path} (SHA-256 b0353104); with its classifier",
    )


def test_known_weights_are_found_below_the_data_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder `weights` of the data root is one of the places that are looked at."""
    path = real_file("mobilenet_v2-b0353104.pth")
    monkeypatch.setenv("EDGEWARD_WEIGHTS", str(tmp_path / "own"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    found = find_known(KNOWN[0], path.parents[1])
    assert found is not None
    assert found.path == path
