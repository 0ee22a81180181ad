"""The epochs of a training as TensorBoard shows them, where `EDGEWARD_TENSORBOARD` names a folder.

Beside `history.csv`, which is always written. The package `tensorboard` is an extra.
"""

import importlib
import importlib.util
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.checkpoints.history import EpochRecord
from pipeline.common.errors import RunError

VARIABLE = "EDGEWARD_TENSORBOARD"
# What is written by epoch: its name in TensorBoard, and the field.
_SCALARS = (
    ("loss/training", "train_loss"),
    ("loss/validation", "val_loss"),
    ("validation/accuracy", "val_accuracy"),
    ("validation/balanced accuracy", "val_balanced"),
    ("validation/character error rate", "val_cer"),
    ("validation/mean error", "val_error"),
    ("learning rate", "lr"),
    ("seconds", "seconds"),
)


def events_folder() -> Path | None:
    """Where events go; None where nobody asked for any."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def check_events() -> None:
    """Raise `RunError` where events are asked for and cannot be written."""
    folder = events_folder()
    if folder is not None and importlib.util.find_spec("tensorboard") is None:
        raise RunError(
            f"{VARIABLE}: expected the package tensorboard to write {folder}, found none; "
            "pip install 'edgeward[tensorboard]'"
        )


def write_events(history_file: Path, history: Sequence[EpochRecord]) -> None:
    """Add the epochs that TensorBoard has not seen yet, where events are asked for.

    They go into a folder of the run and the stage, `digits/train`, which follow from where the
    history is: RUN/.work/STAGE-HASH/history.csv. What an earlier attempt wrote there is withdrawn
    by the first call of a process, which then writes all epochs.
    """
    folder = events_folder()
    if folder is None:
        return
    stage = history_file.parent.name.partition("-")[0]
    run = history_file.resolve().parents[2].name
    place = folder / run / stage
    writer, written = _WRITERS.get(place, (None, 0))
    if writer is None or written > len(history):
        writer, written = _opened(place), 0
    for record in history[written:]:
        for name, value in _values(record):
            writer.add_scalar(name, value, record.epoch)
    writer.flush()
    _WRITERS[place] = writer, len(history)


# One file each, open for as long as the process: TensorBoard follows a file that grows.
_WRITERS: dict[Path, tuple[Any, int]] = {}


def _opened(place: Path) -> Any:
    # By its name: the module cannot be imported without the extra.
    module = importlib.import_module("torch.utils.tensorboard")
    return module.SummaryWriter(str(place), purge_step=1)


def _values(record: EpochRecord) -> Iterator[tuple[str, float]]:
    for name, field in _SCALARS:
        value = getattr(record, field)
        if value is not None:
            yield name, value
