"""What a training starts from, and what its user is told of it."""

import hashlib
from pathlib import Path

import pytest
import torch

from edge_agent.bundle.manifest import InputSpec
from pipeline.checkpoints.checkpoint import fresh
from pipeline.models import ModelSpec, build
from pipeline.weights.find import WeightsFile
from pipeline.weights.start import starting_point

RGB = InputSpec(
    height=16, width=16, colour="rgb", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
)
SPEC = ModelSpec(arch="resnet8", classes=3, input=RGB)


@pytest.fixture(name="weights")
def _weights(tmp_path: Path) -> WeightsFile:
    """A file of the same network with ten classes."""
    torch.manual_seed(5)
    path = tmp_path / "w.pth"
    torch.save(build(ModelSpec(arch="resnet8", classes=10, input=RGB)).state_dict(), path)
    return WeightsFile(path, hashlib.sha256(path.read_bytes()).hexdigest(), "w.pth")


def test_without_weights_it_is_fresh() -> None:
    """As every training was before: the same bits, no lineage and no words."""
    start = starting_point(SPEC, None, 3)
    expected = fresh(SPEC, 3).module.state_dict()
    assert all(v.equal(expected[n]) for n, v in start.network.module.state_dict().items())
    assert (start.network.lineage, start.lines) == ((), ())


def test_the_classifier_is_fresh_from_the_seed(weights: WeightsFile) -> None:
    """The rest is the file's; the same seed gives the same start, and torch's generator stays."""
    before = torch.get_rng_state()
    start, again = (starting_point(SPEC, weights, 3).network for _ in range(2))
    assert torch.get_rng_state().equal(before)
    ours, file, seeded = (
        start.module.state_dict(),
        torch.load(weights.path, weights_only=True),
        fresh(SPEC, 3).module.state_dict(),
    )
    *body, weight, bias = ours
    assert all(ours[name].equal(file[name]) for name in body)
    assert all(ours[name].equal(seeded[name]) for name in (weight, bias))
    assert all(v.equal(ours[n]) for n, v in again.module.state_dict().items())
    (step,) = start.lineage
    assert step.stage == "weights"
    assert step.settings == {"name": "w.pth", "sha256": weights.sha256, "head": False}


@pytest.mark.parametrize(
    ("normalisation", "told"),
    [
        (None, False),
        ((RGB.mean, RGB.std), False),
        (((0.4851, 0.4559, 0.4061), RGB.std), False),
        (((0.5,) * 3, (0.5,) * 3), True),
        ((RGB.mean, (0.2,) * 3), True),
        (((0.5,), (0.5,)), True),
    ],
)
def test_another_normalisation_is_told(
    weights: WeightsFile, normalisation: tuple[tuple[float, ...], ...] | None, told: bool
) -> None:
    """Both are in the line; what differs by rounding, or is not known, is not told."""
    known = None if normalisation is None else (normalisation[0], normalisation[1])
    file = WeightsFile(weights.path, weights.sha256, "w.pth", None, known)
    first, *rest = starting_point(SPEC, file, 0).lines
    assert first.startswith(f"weights: 39 tensors of {weights.path} (SHA-256 {file.sha256[:8]}); ")
    assert bool(rest) == told
    if told:
        assert "found [0.485, 0.456, 0.406] and [0.229, 0.224, 0.225]; the recipe's are" in rest[0]
