"""`TrainingState` on disk: what a killed training run needs to go on as if nothing was."""

import hashlib
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from edge_agent.common.atomic import write_whole
from pipeline.checkpoints.history import EpochRecord
from pipeline.common.errors import RunError
from pipeline.training.ema import Ema

RESUME_FILE = "resume.pt"


@dataclass
class TrainingState:
    """Everything that changes while a network trains.

    Args:
        epoch, step: how many epochs are finished, and steps of the one under way.
        loss: sum of the losses of those steps, a float64 scalar.
        seconds: wall time spent on the epoch under way by earlier processes.
        best: the averaged weights of the best epoch so far, where that is what is kept.
    """

    module: nn.Module
    ema: Ema
    optimizer: Optimizer
    loss: Tensor
    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    history: list[EpochRecord] = field(default_factory=list)
    best: dict[str, Tensor] | None = None


def run_key(*parts: object) -> str:
    """A hash of all that decides how a run goes; a state of another key is not resumed.

    Bytes-like parts are hashed as they are, others by their JSON.
    """
    digest = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes | memoryview) else msgspec.json.encode(part)
        digest.update(raw)
        digest.update(b"\0")
    return digest.hexdigest()


def store(state: TrainingState, folder: Path, key: str) -> None:
    """Write `state` into `folder`, whole or not at all."""
    content = {
        "key": key,
        "module": state.module.state_dict(),
        "ema": state.ema.module.state_dict(),
        "ema_updates": state.ema.updates,
        "optimizer": state.optimizer.state_dict(),
        "loss": state.loss,
        "epoch": state.epoch,
        "step": state.step,
        "seconds": state.seconds,
        "history": msgspec.to_builtins(state.history),
        "best": state.best,
    }
    buffer = BytesIO()
    torch.save(content, buffer)
    write_whole(folder / RESUME_FILE, buffer.getvalue())


def restore(state: TrainingState, folder: Path, key: str) -> bool:
    """Put the state in `folder` into `state`; False where there is none of this `key`.

    Raises:
        RunError: the file there is damaged.
    """
    path = folder / RESUME_FILE
    if not path.exists():
        return False
    content = _read(path)
    if content["key"] != key:
        return False
    state.module.load_state_dict(content["module"])
    state.ema.module.load_state_dict(content["ema"])
    state.ema.updates = content["ema_updates"]
    state.optimizer.load_state_dict(content["optimizer"])
    state.loss.copy_(content["loss"])
    state.epoch, state.step = content["epoch"], content["step"]
    state.seconds = content["seconds"]
    state.history = msgspec.convert(content["history"], list[EpochRecord])
    state.best = content["best"]
    return True


def _read(path: Path) -> dict[str, Any]:
    try:
        # Tensors and plain values only: a state file can run no code.
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler fails in as many ways as bytes can be wrong
        raise RunError(
            f"{path}: expected the state of a training run, found a damaged file; "
            "remove it to start over"
        ) from error
    return content
