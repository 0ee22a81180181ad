"""Checkpoints: stored without pickle, whole or not at all, and the same bits afterwards."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from edge_agent.common.atomic import write_whole
from pipeline.checkpoints.checkpoint import (
    CHECKPOINT_FILE,
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from pipeline.checkpoints.history import EpochRecord, LineageStep
from pipeline.common.errors import RunError
from pipeline.recipe import Arch

HISTORY = (EpochRecord(1, 2.3, 2.2, 0.1, 0.05, 1.5), EpochRecord(2, 1.0, 0.9, 0.75, 0.01, 1.25))
LINEAGE = (LineageStep("train", 3, {"epochs": 2, "augment": {"flip": False}}),)


def outputs(checkpoint: Checkpoint) -> torch.Tensor:
    """Logits for two fixed inputs."""
    noise = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        logits: torch.Tensor = checkpoint.module(noise)
    return logits


def weights_file(folder: Path) -> Path:
    """The one weights file in `folder`."""
    (path,) = folder.glob("weights-*.safetensors")
    return path


@pytest.mark.parametrize("arch", ["resnet8", "resnet20", "mobilenet_v2", "ds_cnn", "vgg_tiny"])
def test_a_network_comes_back_bit_for_bit(
    arch: Arch, digit_network: Callable[..., Checkpoint], tmp_path: Path
) -> None:
    """Outputs, description, history and lineage are those that were stored."""
    stored = digit_network(arch)
    stored = Checkpoint(stored.module, stored.spec, HISTORY, LINEAGE)
    save_checkpoint(stored, tmp_path)
    loaded = load_checkpoint(tmp_path)
    assert torch.equal(outputs(loaded), outputs(stored))
    assert (loaded.spec, loaded.history, loaded.lineage) == (stored.spec, HISTORY, LINEAGE)
    assert not loaded.module.training


def test_a_trained_network_comes_back_bit_for_bit(
    trained_digits: Checkpoint, tmp_path: Path
) -> None:
    """What training hands out, running statistics included, survives its files."""
    save_checkpoint(trained_digits, tmp_path)
    assert torch.equal(outputs(load_checkpoint(tmp_path)), outputs(trained_digits))


def test_a_newer_checkpoint_replaces_the_older(
    digit_network: Callable[..., Checkpoint], tmp_path: Path
) -> None:
    """Storing twice leaves the second one, and only its files."""
    save_checkpoint(digit_network(seed=1), tmp_path)
    save_checkpoint(digit_network(seed=2), tmp_path)
    assert torch.equal(outputs(load_checkpoint(tmp_path)), outputs(digit_network(seed=2)))
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("kept", [0, 1])
def test_a_kill_while_storing_leaves_the_older_one(
    kept: int,
    digit_network: Callable[..., Checkpoint],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopped before its first or second file is in place, the older checkpoint loads."""
    save_checkpoint(digit_network(seed=1), tmp_path)
    written = list[Path]()

    def write_then_die(path: Path, data: bytes) -> None:
        if len(written) == kept:
            raise KeyboardInterrupt
        written.append(path)
        write_whole(path, data)

    monkeypatch.setattr("pipeline.checkpoints.checkpoint.write_whole", write_then_die)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(digit_network(seed=2), tmp_path)
    assert torch.equal(outputs(load_checkpoint(tmp_path)), outputs(digit_network(seed=1)))


def test_no_checkpoint_is_an_error(tmp_path: Path) -> None:
    """An empty folder is one error that names the file."""
    with pytest.raises(RunError) as error:
        load_checkpoint(tmp_path)
    assert str(error.value) == (
        f"{tmp_path / CHECKPOINT_FILE}: expected a checkpoint, found none "
        "(No such file or directory)"
    )


def test_one_changed_byte_is_an_error(
    digit_network: Callable[..., Checkpoint], tmp_path: Path
) -> None:
    """Damaged weights are named with the hash expected and the hash found."""
    save_checkpoint(digit_network(), tmp_path)
    path = weights_file(tmp_path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunError, match=rf"^{path}: expected SHA-256 [0-9a-f]{{64}}, found "):
        load_checkpoint(tmp_path)


def test_missing_weights_are_an_error(
    digit_network: Callable[..., Checkpoint], tmp_path: Path
) -> None:
    """A description without its weights is one error that names the missing file."""
    save_checkpoint(digit_network(), tmp_path)
    path = weights_file(tmp_path)
    path.unlink()
    with pytest.raises(RunError) as error:
        load_checkpoint(tmp_path)
    assert str(error.value) == f"{path}: expected weights, found none (No such file or directory)"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"format": 1', '"format": 2', "expected format 1, found 2"),
        ('"resnet8"', '"resnet9"', "not a checkpoint: arch: expected resnet8 or "),
        ('"width"', '"breadth"', "not a checkpoint: Object contains unknown field `breadth`"),
        ('{\n  "format"', '{\n  format"', "not a checkpoint: JSON is malformed"),
    ],
)
def test_a_description_that_is_off_is_an_error(
    old: str,
    new: str,
    message: str,
    digit_network: Callable[..., Checkpoint],
    tmp_path: Path,
) -> None:
    """Another format, an unknown name or field, and broken JSON are refused by file name."""
    save_checkpoint(digit_network(), tmp_path)
    place = tmp_path / CHECKPOINT_FILE
    text = place.read_text()
    assert old in text
    place.write_text(text.replace(old, new, 1))
    with pytest.raises(RunError) as error:
        load_checkpoint(tmp_path)
    assert str(error.value).startswith(f"{place}: {message}")


def test_weights_of_another_network_are_an_error(
    digit_network: Callable[..., Checkpoint], tmp_path: Path
) -> None:
    """A description of another width than the weights' is refused."""
    save_checkpoint(digit_network(), tmp_path)
    place = tmp_path / CHECKPOINT_FILE
    place.write_text(place.read_text().replace('"width": 1.0', '"width": 2.0'))
    with pytest.raises(RunError, match="expected the weights of resnet8, found others"):
        load_checkpoint(tmp_path)


def test_a_fresh_network_depends_on_its_seed_alone(
    digit_network: Callable[..., Checkpoint],
) -> None:
    """Equal seeds start equal, and torch's own generator is left where it was."""
    torch.manual_seed(0)
    first = digit_network(seed=5)
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(1), drawn)
    assert torch.equal(outputs(first), outputs(digit_network(seed=5)))
    assert not torch.equal(outputs(first), outputs(digit_network(seed=6)))
