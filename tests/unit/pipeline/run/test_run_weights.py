"""A run that starts from trained weights: when it trains again, and what its bundle says."""

from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from support.host_task_examples import EXAMPLES
from support.progress import RecordedProgress, recorded

from edge_agent.bundle.archive import open_bundle
from pipeline.checkpoints.checkpoint import load_checkpoint
from pipeline.common.errors import WeightsError
from pipeline.models import ModelSpec
from pipeline.models import build as build_network
from pipeline.models.names import external_names
from pipeline.run.build import build, single
from pipeline.run.run import Run
from pipeline.run.stages.train import TRAIN
from pipeline.run.stages.verify import bundle_path
from pipeline.weights.start import starting_point

MODEL = '{ arch = "vgg_tiny", weights = "w.pth" }'


@pytest.fixture(name="weights")
def _weights(built: Path, tmp_path: Path) -> Path:
    """The trained network of another run, as a file beside the recipe."""
    path = tmp_path / "run" / "w.pth"
    path.parent.mkdir()
    torch.save(load_checkpoint(built / "train").module.state_dict(), path)
    return path


def test_the_bundle_names_the_weights(weights: Path, open_tiny: Callable[..., Run]) -> None:
    """With their hash; the report shows it, and the build says what was taken."""
    run = open_tiny(weights.parent, model=MODEL, prune="", train="{ epochs = 1, lr = 0.01 }")
    build(run)
    found = open_bundle(bundle_path(run)).manifest.provenance.weights
    assert found is not None
    assert (found.label, found.sha256) == ("w.pth", run.weights.sha256 if run.weights else "")
    report = (run.path("report") / "report.html").read_text()
    assert "weights w.pth" in report
    assert found.sha256 in report
    assert any(line.endswith("; with its classifier") for line in recorded(run.progress).lines)


def test_another_file_trains_again(weights: Path, open_tiny: Callable[..., Run]) -> None:
    """The file's content is an input of the training, its name is not enough."""
    run = open_tiny(weights.parent, model=MODEL)
    run.task.record(run.path("data"))  # what the data stage leaves
    run.__dict__["need"] = lambda _stage: type("Record", (), {"outputs": {}})
    before = TRAIN.inputs(run)
    weights.write_bytes(weights.read_bytes() + b" ")
    again = open_tiny(weights.parent, model=MODEL)
    again.__dict__["need"] = run.__dict__["need"]
    assert TRAIN.inputs(again) != before


def test_a_timm_named_file_in_four_lines(tmp_path: Path, open_tiny: Callable[..., Run]) -> None:
    """As docs/howto/trained-weights.md shows it: a file brought from timm, and nothing else."""
    lines = 'arch = "mobilenet_v2", width = 0.35, weights = "mobilenetv2_035.lamb.safetensors"'
    folder = tmp_path / "run"
    run = open_tiny(
        folder,
        model=f"{{ {lines} }}",
        input='{ height = 16, width = 16, colour = "rgb", mean = [0.5, 0.5, 0.5], '
        "std = [0.5, 0.5, 0.5] }",
        data='{ kind = "digits", val = 0.1, test = 0.1, calibration = 32, train_limit = 64 }',
        train="{ epochs = 1, batch_size = 32, lr = 0.01 }",
        prune="",
    )
    torch.manual_seed(9)
    thousand = ModelSpec(arch="mobilenet_v2", classes=1000, input=run.recipe.input, width=0.35)
    state = build_network(thousand).state_dict()
    (timm,) = (names for names in external_names("mobilenet_v2") if names.library == "timm")
    named = {theirs: state[ours] for ours, theirs in timm.theirs.items()}
    folder.mkdir()
    safetensors.torch.save_file(named, folder / "mobilenetv2_035.lamb.safetensors")
    single(run, "train")
    (first, *_) = load_checkpoint(run.path("train")).lineage
    assert (first.stage, first.settings["name"]) == ("weights", "mobilenetv2_035.lamb.safetensors")
    assert any(
        line.startswith("weights: 260 tensors") and "the file has one of 1000 outputs" in line
        for line in recorded(run.progress).lines
    )


@pytest.mark.parametrize("task", EXAMPLES)
def test_every_task_starts_from_weights(task: str, tmp_path: Path) -> None:
    """Classes, numbers and texts alike: what fits of the file is what the training begins with."""
    text = EXAMPLES[task].recipe.replace("width = 0.25 }", 'width = 0.25, weights = "w.pth" }')
    run = Run(tmp_path, text.encode(), tmp_path / "r.toml", None, RecordedProgress())
    torch.manual_seed(9)
    state = build_network(run.task.model).state_dict()
    torch.save(state, tmp_path / "w.pth")
    begun = starting_point(run.task.model, run.weights, run.recipe.seed).network.module
    assert all(value.equal(state[name]) for name, value in begun.state_dict().items())


def test_missing_weights_are_said_before_the_data_are_read(
    tmp_path: Path, open_tiny: Callable[..., Run]
) -> None:
    """Nobody waits for a stage whose training cannot begin."""
    run = open_tiny(tmp_path / "run", model=MODEL)
    with pytest.raises(WeightsError, match=r"w\.pth"):
        build(run)
    assert not run.path("data").exists()


def test_weights_of_another_network_are_said_before_the_training(
    weights: Path, open_tiny: Callable[..., Run]
) -> None:
    """By tensor and shape; nothing of a training is left."""
    run = open_tiny(weights.parent, model='{ arch = "resnet8", weights = "w.pth" }')
    with pytest.raises(WeightsError, match=r"w\.pth: tensor '.*': expected the shape"):
        build(run)
    assert not run.path("train").exists()
    assert not list((run.folder / ".work").glob("train*"))
