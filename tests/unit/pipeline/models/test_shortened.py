"""The first blocks of a network: what is kept, with which weights, and what cannot be cut so."""

from pathlib import Path

import pytest
import torch

from edge_agent.bundle.manifest import InputSpec
from pipeline.checkpoints.checkpoint import fresh, load_checkpoint, save_checkpoint
from pipeline.common.errors import RecipeError
from pipeline.models import ModelSpec, build
from pipeline.weights.find import WeightsFile
from pipeline.weights.start import starting_point


def _spec(arch: str, blocks: int | None, classes: int = 2) -> ModelSpec:
    sees = InputSpec(
        height=64, width=64, colour="rgb", resize="crop", mean=(0.5,) * 3, std=(0.5,) * 3
    )
    return ModelSpec(arch=arch, classes=classes, input=sees, blocks=blocks)


def test_ten_blocks_of_seventeen_have_a_ninth_of_the_parameters() -> None:
    """Counted: 239,490 of 2,226,434 with two classes; the answers have the same shape."""
    module = build(_spec("mobilenet_v2", 10))
    assert sum(parameter.numel() for parameter in module.parameters()) == 239_490
    assert module.eval()(torch.zeros(2, 3, 64, 64)).shape == (2, 2)


def test_the_blocks_that_are_kept_have_the_weights_of_the_whole_network(tmp_path: Path) -> None:
    """A file of the whole network fills the stem and the blocks; the classifier is fresh."""
    whole = fresh(_spec("mobilenet_v2", None, classes=7), 3).module
    path = tmp_path / "whole.pth"
    torch.save(whole.state_dict(), path)
    start = starting_point(_spec("mobilenet_v2", 4), WeightsFile(path, "0" * 64, path.name), 1)
    kept, given = start.network.module.state_dict(), whole.state_dict()
    for name, value in kept.items():
        if not name.startswith("2."):
            assert torch.equal(value, given[name])
    assert kept["2.2.weight"].shape == (2, 32)
    assert "the classifier of 2 outputs starts afresh" in start.lines[0]
    save_checkpoint(start.network, tmp_path)
    again = load_checkpoint(tmp_path).module.state_dict()
    assert all(torch.equal(value, again[name]) for name, value in kept.items())


@pytest.mark.parametrize(
    ("arch", "blocks", "message"),
    [
        ("mobilenet_v2", 17, "model.blocks: expected at most 16 of mobilenet_v2's 17, found 17"),
        ("lenet5", 1, "model.blocks: expected a network of a stem and a row of blocks"),
    ],
)
def test_what_has_no_such_blocks_is_told(arch: str, blocks: int, message: str) -> None:
    """All of them are no cut, and some networks have none."""
    with pytest.raises(RecipeError, match=message):
        build(_spec(arch, blocks))
