"""The published files themselves, where they are at hand."""

import os
from pathlib import Path

import pytest
import torch

from edge_agent.bundle.manifest import InputSpec
from pipeline.models import ModelSpec, build
from pipeline.weights.find import WeightsFile, find_known
from pipeline.weights.hashes import check_hash
from pipeline.weights.known import KNOWN, KnownWeights
from pipeline.weights.load import load_weights
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
    assert row.size in (None, path.stat().st_size)


@pytest.mark.parametrize(
    ("row", "body", "whole"), [(KNOWN[0], 260, 262), (KNOWN[1], 245, 247)], ids=lambda x: str(x)[:9]
)
def test_all_but_the_classifier_is_taken(row: KnownWeights, body: int, whole: int) -> None:
    """Of two classes all tensors but two, of a thousand all."""
    path = real_file(row.file)
    weights = WeightsFile(path, row.sha256, row.name, row)
    two = starting_point(ModelSpec(arch=row.arch, classes=2, input=IMAGENET), weights, 0)
    assert two.lines == (
        f"weights: {body} tensors of {path} (SHA-256 {row.sha256[:8]}); "
        "the classifier of 2 outputs starts afresh, the file has one of 1000 outputs",
    )
    assert two.network.lineage[0].settings["sha256"] == row.sha256
    all_of_it = starting_point(ModelSpec(arch=row.arch, classes=1000, input=IMAGENET), weights, 0)
    assert all_of_it.lines == (
        f"weights: {whole} tensors of {path} (SHA-256 {row.sha256[:8]}); with its classifier",
    )


@pytest.mark.parametrize("row", KNOWN[:2], ids=lambda row: row.arch)
def test_names_and_order_give_the_same_network(row: KnownWeights, tmp_path: Path) -> None:
    """The published files have names that are known; in their order without them it is the same."""
    path = real_file(row.file)
    content = torch.load(path, weights_only=True)
    bare = {f"{i}.{name.rpartition('.')[2]}": t for i, (name, t) in enumerate(content.items())}
    torch.save(bare, tmp_path / "w.pth")
    spec = ModelSpec(arch=row.arch, classes=1000, input=IMAGENET)
    named, ordered = build(spec), build(spec)
    load_weights(named, spec, path)
    load_weights(ordered, spec, tmp_path / "w.pth")
    for name, value in named.state_dict().items():
        assert value.equal(ordered.state_dict()[name]), name


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
