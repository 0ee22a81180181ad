"""`Checkpoint`: a network with its history, and the two files that store it without pickle.

`checkpoint.json` names the weights file and its hash. It is renamed into place last, so a
kill at any moment leaves the old pair or the new one, never a mixture.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from edge_agent.common.atomic import write_whole
from pipeline.checkpoints.history import EpochRecord, LineageStep
from pipeline.common.errors import RunError
from pipeline.models import ModelSpec, build

CHECKPOINT_FILE = "checkpoint.json"
FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """A network between two stages.

    Args:
        module: on the CPU, in evaluation mode; nobody changes it in place.
        spec: what `build` makes the module's layers from.
        history: the epochs of the last training.
        lineage: every stage the network went through, the first one first.
    """

    module: nn.Module
    spec: ModelSpec
    history: tuple[EpochRecord, ...] = ()
    lineage: tuple[LineageStep, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `checkpoint.json` holds."""

    format: int
    weights: str
    sha256: str
    spec: ModelSpec
    history: tuple[EpochRecord, ...]
    lineage: tuple[LineageStep, ...]


def fresh(spec: ModelSpec, seed: int) -> Checkpoint:
    """An untrained network, the same for the same `seed`; torch's generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Checkpoint(build(spec).eval(), spec)


def save_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write `checkpoint` into `folder`, in place of an older one, whole or not at all."""
    state = {name: value.contiguous() for name, value in checkpoint.module.state_dict().items()}
    weights = safetensors.torch.save(state)
    digest = hashlib.sha256(weights).hexdigest()
    name = f"weights-{digest[:16]}.safetensors"
    file = _File(FORMAT, name, digest, checkpoint.spec, checkpoint.history, checkpoint.lineage)
    write_whole(folder / name, weights)
    write_whole(folder / CHECKPOINT_FILE, msgspec.json.format(msgspec.json.encode(file)) + b"\n")
    for old in folder.glob("weights-*.safetensors"):
        if old.name != name:
            old.unlink()


def load_checkpoint(folder: Path) -> Checkpoint:
    """The checkpoint in `folder`; its module gives the same outputs bit for bit.

    Raises:
        RunError: there is none, or it is damaged or of another format.
    """
    place = folder / CHECKPOINT_FILE
    try:
        file = msgspec.json.decode(place.read_bytes(), type=_File)
    except OSError as error:
        raise RunError(f"{place}: expected a checkpoint, found none ({error.strerror})") from error
    except msgspec.DecodeError as error:
        raise RunError(f"{place}: not a checkpoint: {error}") from error
    if file.format != FORMAT:
        raise RunError(f"{place}: expected format {FORMAT}, found {file.format}")
    module = build(file.spec)
    try:
        module.load_state_dict(safetensors.torch.load(_weights(folder / file.weights, file.sha256)))
    except (SafetensorError, RuntimeError) as error:
        raise RunError(
            f"{folder / file.weights}: expected the weights of {file.spec.arch}, found others: "
            f"{error}"
        ) from error
    return Checkpoint(module.eval(), file.spec, file.history, file.lineage)


def _weights(path: Path, sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path}: expected weights, found none ({error.strerror})") from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise RunError(f"{path}: expected SHA-256 {sha256}, found {found}")
    return data
