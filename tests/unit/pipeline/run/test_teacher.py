"""A run whose network learns from a larger one: what the teacher sees, and what is recorded."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch
from support.progress import recorded

from edge_agent.bundle.manifest import InputSpec
from pipeline.checkpoints.checkpoint import fresh, load_checkpoint
from pipeline.common.errors import RecipeError, WeightsError
from pipeline.models import ModelSpec
from pipeline.run.build import single
from pipeline.run.run import Run
from pipeline.run.stages.train import TRAIN
from pipeline.run.teacher import Renormalised

TEACHER = '{ teacher = { arch = "vgg_tiny", width = 0.5 }, train = { epochs = 2, lr = 0.02 } }'
SEEN = InputSpec(height=8, width=12, colour="rgb", mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 2.0))
OWN = InputSpec(height=8, width=12, colour="rgb", mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))


def _normalised(pixels: torch.Tensor, spec: InputSpec) -> torch.Tensor:
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (spec.mean, spec.std))
    return (pixels / 255 - mean) / std


def test_the_teacher_sees_its_own_normalisation() -> None:
    """Of the same pixels: behind another network's inputs it answers as on its own."""
    network = fresh(ModelSpec(arch="vgg_tiny", classes=3, input=OWN), 7).module
    pixels = torch.randint(0, 256, (4, 3, 8, 12), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = network(_normalised(pixels, OWN))
        found = Renormalised(network, SEEN, OWN)(_normalised(pixels, SEEN))
        without = network(_normalised(pixels, SEEN))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    assert (without - wanted).abs().max() > 100 * (found - wanted).abs().max()


# Less of the digits, and one epoch: enough to see that something was learnt otherwise.
SHORT = {
    "data": '{ kind = "digits", val = 0.1, test = 0.2, calibration = 32, train_limit = 160 }',
    "train": "{ epochs = 1, batch_size = 32, ema = 0.9 }",
    "prune": "",
}


def _trained(run: Run) -> dict[str, torch.Tensor]:
    single(run, "data")
    single(run, "train")
    return load_checkpoint(run.path("train")).module.state_dict()


def test_a_teacher_changes_what_is_learnt_and_is_recorded(
    tmp_path: Path, open_tiny: Callable[..., Run]
) -> None:
    """It learns first; its network and the hash of its weights are in the pupil's lineage."""
    run = open_tiny(tmp_path / "taught", distill=TEACHER, **SHORT)
    taught = _trained(run)
    alone = _trained(open_tiny(tmp_path / "alone", **SHORT))
    assert taught.keys() == alone.keys()
    assert any(not torch.equal(taught[name], alone[name]) for name in taught)
    first, *_ = load_checkpoint(run.path("train")).lineage
    assert (first.stage, first.settings["arch"]) == ("teacher", "vgg_tiny")
    lines = recorded(run.progress).lines
    assert any(line.startswith("teacher: vgg_tiny, ") for line in lines)
    assert any(line.startswith("teacher 2/2: ") for line in lines)
    assert [path.name for path in run.path("train").iterdir() if path.is_dir()] == []


def test_the_same_seed_gives_the_same_bits(tmp_path: Path, open_tiny: Callable[..., Run]) -> None:
    """As of a training without a teacher."""
    first = _trained(open_tiny(tmp_path / "a", distill=TEACHER, **SHORT))
    again = _trained(open_tiny(tmp_path / "b", distill=TEACHER, **SHORT))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_another_teacher_trains_again(tmp_path: Path, open_tiny: Callable[..., Run]) -> None:
    """Its settings are inputs of the training, as the file of its weights is."""
    plain, taught = open_tiny(tmp_path / "run"), open_tiny(tmp_path / "run", distill=TEACHER)
    for run in (plain, taught):
        run.__dict__["need"] = lambda _stage: type("Record", (), {"outputs": {}})
    assert msgspec.json.encode(TRAIN.inputs(plain)) != msgspec.json.encode(TRAIN.inputs(taught))


def test_weights_of_another_network_are_refused_before_anything_is_trained(
    tmp_path: Path, open_tiny: Callable[..., Run], built: Path
) -> None:
    """The teacher's are checked as the network's own are, and the key is named."""
    folder = tmp_path / "run"
    folder.mkdir()
    torch.save(load_checkpoint(built / "train").module.state_dict(), folder / "w.pth")
    run = open_tiny(folder, distill='{ teacher = { arch = "resnet20", weights = "w.pth" } }')
    single(run, "data")
    with pytest.raises(WeightsError, match=r"w\.pth: .*expected .*resnet20"):
        single(run, "train")
    assert not run.path("train").exists()


def test_blocks_that_the_teacher_lacks_are_the_teachers(
    tmp_path: Path, open_tiny: Callable[..., Run]
) -> None:
    """Not those of `[model]`, which a reader would look at first."""
    teacher = '{ teacher = { arch = "mobilenet_v2", blocks = 99 }, train = { epochs = 1 } }'
    run = open_tiny(tmp_path, distill=teacher)
    single(run, "data")
    with pytest.raises(
        RecipeError, match=r"tiny\.toml: distill\.teacher\.blocks: expected at most"
    ):
        single(run, "train")


def test_weights_that_are_nowhere_are_the_teachers(
    tmp_path: Path, open_tiny: Callable[..., Run]
) -> None:
    """One error, which says whose they are."""
    run = open_tiny(tmp_path, distill='{ teacher = { arch = "resnet20", weights = "no.pth" } }')
    single(run, "data")
    with pytest.raises(WeightsError, match=r"distill\.teacher: .*no\.pth"):
        single(run, "train")


@pytest.mark.parametrize(
    ("distill", "said"),
    [
        (
            '{ teacher = { arch = "module:a.B" } }',
            r"distill\.teacher\.arch: expected resnet8",
        ),
        (
            '{ teacher = { onnx = "a.onnx" } }',
            r"distill\.teacher\.arch: expected resnet8",
        ),
        (
            '{ teacher = { arch = "ctc_small" } }',
            r"distill\.teacher\.arch: expected resnet8",
        ),
        (
            '{ teacher = { arch = "resnet8", weights = "imagenet" } }',
            r"distill\.teacher\.weights: expected imagenet of",
        ),
        (
            '{ teacher = { arch = "resnet8", bgr = true, weights = "w.pth" } }',
            r"distill\.teacher\.bgr: expected",
        ),
        ('{ teacher = { arch = "resnet8" } }', r"distill\.train: expected epochs for a teacher"),
        ("{ share = 0.5 }", "teacher"),
        ('{ teacher = { arch = "resnet8", weights = "w.pth" }, share = 0.0 }', "share"),
    ],
)
def test_a_teacher_that_cannot_be_is_an_error_of_the_recipe(
    distill: str, said: str, tmp_path: Path, open_tiny: Callable[..., Run]
) -> None:
    """Said with its key, before anything is loaded."""
    with pytest.raises(RecipeError, match=said):
        open_tiny(tmp_path, distill=distill)
