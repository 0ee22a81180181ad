"""What a training leaves to read: its epochs, and the stages a network went through."""

from typing import Any

import msgspec


class EpochRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One epoch of training, as it was measured at its end.

    Args:
        epoch: counted from 1.
        train_loss: mean of the loss that was minimised, over the epoch's batches.
        val_loss: mean cross-entropy of the averaged weights on the validation split; of texts
            the mean CTC loss.
        val_accuracy: share of the validation split they answer rightly, in [0, 1]; of texts
            those without any error.
        lr: the learning rate of the epoch's last step.
        seconds: wall time, validation included.
        val_cer: of texts the character error rate; else None.
    """

    epoch: int
    train_loss: float
    val_loss: float
    val_accuracy: float
    lr: float
    seconds: float
    val_cer: float | None = None


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one stage did to the network: its name, its seed and its part of the recipe."""

    stage: str
    seed: int
    settings: dict[str, Any]
