"""What a training leaves to read: its epochs, and the stages a network went through."""

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec

from pipeline.common.errors import RunError

# In the folder of a stage that trains.
HISTORY_FILE = "history.csv"


class EpochRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One epoch of training, as it was measured at its end.

    Args:
        epoch: counted from 1; 0 is the classifier learnt alone, before them.
        train_loss: mean of the loss that was minimised, over the epoch's batches.
        val_loss: mean loss of the labels alone, of the averaged weights on the validation split.
        val_accuracy: share of the validation split they answer rightly, in [0, 1]; of texts
            those without any error; None where answers are not right or wrong.
        lr: the learning rate of the epoch's last step.
        seconds: wall time, validation included.
        val_cer: of texts the character error rate; else None.
        val_balanced: of classes the mean of their recalls, balanced accuracy; else None.
        val_error: of numbers the mean absolute error, in their unit; else None.
    """

    epoch: int
    train_loss: float
    val_loss: float
    val_accuracy: float | None
    lr: float
    seconds: float
    val_cer: float | None = None
    val_balanced: float | None = None
    val_error: float | None = None

    @property
    def merit(self) -> tuple[float, float]:
        """What makes one epoch better than another: the measure that counts, then the loss.

        That is balanced accuracy, else accuracy, else the least error.
        """
        right = self.val_accuracy if self.val_balanced is None else self.val_balanced
        if right is None:
            right = -(self.val_error or 0.0)
        return right, -self.val_loss

    @property
    def measures(self) -> str:
        """What was measured besides the loss, in words: `98.50 %, CER 0.30 %`, or `error 0.2`."""
        parts = []
        if self.val_accuracy is not None:
            parts.append(f"{100 * self.val_accuracy:.2f} %")
        if self.val_cer is not None:
            parts.append(f"CER {100 * self.val_cer:.2f} %")
        if self.val_error is not None:
            parts.append(f"error {self.val_error:.4g}")
        return ", ".join(parts)


def best_epoch(history: Sequence[EpochRecord]) -> EpochRecord:
    """The first epoch of those that were best on the validation split, by `EpochRecord.merit`.

    Raises:
        ValueError: no epoch is finished.
    """
    return max(history, key=lambda record: record.merit)


def history_csv(history: Sequence[EpochRecord]) -> str:
    """One line per epoch under a line of names, as spreadsheets read it; None is left empty.

    The mean error has a column where there is one.
    """
    names = [
        *("epoch", "lr", "train_loss", "val_loss"),
        *("val_accuracy", "val_balanced", "val_cer", "seconds"),
    ]
    if any(record.val_error is not None for record in history):
        names.insert(names.index("seconds"), "val_error")
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(names)
    table.writerows([getattr(record, name) for name in names] for record in history)
    return text.getvalue()


def read_history(path: Path) -> tuple[EpochRecord, ...]:
    """The epochs in a file that `history_csv` made, now or in an earlier version.

    Raises:
        RunError: it cannot be read, or is no such table.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [
                {name: value for name, value in row.items() if value}
                for row in csv.DictReader(file)
            ]
        return tuple(msgspec.convert(rows, list[EpochRecord], strict=False))
    except (OSError, UnicodeDecodeError, csv.Error, msgspec.ValidationError) as error:
        raise RunError(f"{path}: expected a history of epochs, found {error}") from error


class LineageStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one stage did to the network: its name, its seed and its part of the recipe."""

    stage: str
    seed: int
    settings: dict[str, Any]
