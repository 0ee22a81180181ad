"""A first recipe whose network is trained from nothing."""

from dataclasses import dataclass

from pipeline.tasks.classify.begin.folder import FolderSummary
from pipeline.tasks.classify.begin.tables import (
    InputChoice,
    balance_line,
    flip_choice,
    input_table,
    resize_rule,
)

# Input sides to choose from: multiples of 16, up to what a Raspberry Pi runs in real time.
SIDES = (16, 32, 48, 64, 96)
# Up to here ResNet-8 (made for 32x32) sees enough; MobileNetV2 needs the larger pictures.
SMALL_SIDE = 64
_STEPS = 4000  # optimiser steps of the whole training


@dataclass(frozen=True)
class _Choices:
    """What the numbers of a folder lead to."""

    arch: str
    width: float
    batch: int
    epochs: int


def input_side(summary: FolderSummary) -> int:
    """The largest side that most of the pictures fill."""
    height = summary.height.median if summary.height else SIDES[-1]
    width = summary.width.median if summary.width else SIDES[-1]
    return max((side for side in SIDES if side <= min(height, width)), default=SIDES[0])


def scratch_tables(summary: FolderSummary) -> tuple[str, ...]:
    """`[input]`, `[model]`, `[train]` and `[prune]`."""
    side = input_side(summary)
    choices = _choose(summary, side)
    centre = (0.5,) * (1 if summary.grey else 3)
    seen = InputChoice(
        side, "gray" if summary.grey else "rgb", resize_rule(summary), centre, centre
    )
    return (
        input_table(summary, seen, ""),
        _model(choices),
        _train(summary, choices),
        _prune(summary, choices),
    )


def _choose(summary: FolderSummary, side: int) -> _Choices:
    small = side <= SMALL_SIDE
    batch = 128 if summary.trainable >= 5000 else 32
    epochs = round(_STEPS * batch / max(summary.trainable, 1))
    return _Choices(
        arch="resnet8" if small else "mobilenet_v2",
        width=1.0 if small else 0.5,
        batch=batch,
        epochs=min(100, max(10, epochs)),
    )


def _model(choices: _Choices) -> str:
    return (
        "# resnet8 is small and quick, resnet20 better and slower; mobilenet_v2 is for pictures\n"
        "# of 96 and more. `width` scales the channels.\n"
        f'[model]\narch = "{choices.arch}"\nwidth = {choices.width}\n'
    )


def _train(summary: FolderSummary, choices: _Choices) -> str:
    return (
        f"# About {_STEPS} steps over {summary.trainable} images, but 10 to 100 epochs.\n"
        f"[train]\nepochs = {choices.epochs}\n"
        "# The average of the weights at the last epoch ships. Or the epoch that was best on\n"
        "# validation, and an end where many epochs brought nothing:\n"
        '# keep = "best"\n# patience = 20\n'
        + _optimiser(choices, lr=0.1)
        + balance_line(summary)
        + _augment(summary)
    )


def _optimiser(choices: _Choices, lr: float) -> str:
    # The learning rate follows the batch size (Goyal et al., 2017, linear scaling).
    scaled = round(lr * choices.batch / 128, 4)
    return f"batch_size = {choices.batch}\nlr = {scaled}\nlabel_smoothing = 0.05\n"


def _augment(summary: FolderSummary) -> str:
    reason, flip = flip_choice(summary)
    return (
        f"{reason}\n"
        f"augment = {{ shift = 0.1, rotate = 5, zoom = 0.1, brightness = 0.2, contrast = 0.2, "
        f"flip = {'true' if flip else 'false'} }}\n"
    )


def _prune(summary: FolderSummary, choices: _Choices) -> str:
    return (
        "# Half of the multiply-accumulates are pruned away, then the rest is trained again.\n"
        "# Without this section the network stays as it is.\n"
        "[prune]\nmacs = 0.5\n\n"
        f"[prune.train]\nepochs = {max(5, choices.epochs // 2)}\n"
        + _optimiser(choices, lr=0.05)
        + balance_line(summary)
    )
