"""Write the first recipe for a user's folder: a working start that explains its choices."""

import json
import math
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from edge_agent.common.errors import printable
from pipeline.tasks.classify.begin.folder import TEST, UNEVEN, VAL, FolderSummary, calibration_size
from pipeline.tasks.classify.begin.sidedness import sided_name

# Input sides to choose from: multiples of 16, up to what a Raspberry Pi runs in real time.
_SIDES = (16, 32, 48, 64, 96)
# Up to here ResNet-8 (made for 32x32) sees enough; MobileNetV2 needs the larger pictures.
_SMALL_SIDE = 64
_STEPS = 4000  # optimiser steps of the whole training


@dataclass(frozen=True)
class _Choices:
    """What the numbers of a folder lead to."""

    side: int
    colour: str
    resize: str
    arch: str
    width: float
    batch: int
    epochs: int


def draft_recipe(summary: FolderSummary, folder: Path) -> str:
    """The text of a recipe for `summary` that is to lie in `folder`."""
    choices = _choose(summary)
    sections = (
        _head(summary),
        _data(summary, folder),
        _input(summary, choices),
        _model(choices),
        _train(summary, choices),
        _prune(summary, choices),
        _budget(summary),
    )
    return "\n".join(sections)


def _choose(summary: FolderSummary) -> _Choices:
    height = summary.height.median if summary.height else _SIDES[-1]
    width = summary.width.median if summary.width else _SIDES[-1]
    side = max((side for side in _SIDES if side <= min(height, width)), default=_SIDES[0])
    aspect = max(height, width) / min(height, width)
    resize = "stretch" if aspect < 1.1 else "crop" if aspect < 1.6 else "letterbox"
    small = side <= _SMALL_SIDE
    batch = 128 if summary.trainable >= 5000 else 32
    epochs = round(_STEPS * batch / max(summary.trainable, 1))
    return _Choices(
        side=side,
        colour="gray" if summary.grey else "rgb",
        resize=resize,
        arch="resnet8" if small else "mobilenet_v2",
        width=1.0 if small else 0.5,
        batch=batch,
        epochs=min(100, max(10, epochs)),
    )


def _head(summary: FolderSummary) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", summary.root.resolve().name).lstrip("_.-")[:64]
    lines = [
        f"# A first recipe for {json.dumps(str(summary.root), ensure_ascii=False)}:",
        f"# {len(summary.labels)} classes, {summary.images} images.",
    ]
    if summary.problem is not None:
        lines += ["#", f"# Before this can be built: {_comment(summary.problem)}"]
    lines += _untested(summary)
    if summary.imbalance is not None and summary.imbalance >= UNEVEN:
        lines += [
            "#",
            f"# The largest class has {summary.imbalance:.1f} times the images of the smallest.",
            "# Accuracy hides errors on the small ones, so each class has a gate of its own.",
        ]
    if summary.clashes:
        lines += [
            "#",
            f"# {len(summary.clashes)} images have a copy in another class: one of them is wrong.",
        ]
    return "\n".join(lines) + f'\nname = "{name or "images"}"\nseed = 1\n'


def _untested(summary: FolderSummary) -> list[str]:
    """What to say of classes that leave too few test images to prove anything."""
    if not summary.untested:
        return []
    names = _comment(", ".join(summary.untested))[:60]
    return [
        "#",
        f"# Before this can be built, more pictures of {names}:",
        f"# it takes {summary.tests_needed} test images of a class to show that it is known better "
        "than by chance.",
    ]


def _comment(text: str) -> str:
    """`text` on one line, whatever the file names in it hold."""
    return printable(" ".join(text.split()))


def _data(summary: FolderSummary, folder: Path) -> str:
    root = summary.root.resolve()
    inside = root.is_relative_to(folder.resolve())
    path = root.relative_to(folder.resolve()) if inside else root
    lines = ["[data]", 'kind = "image-folder"', f"path = {_string(path.as_posix())}"]
    held = [part for part in ("val", "test") if part in summary.counts]
    if held:
        lines.append(
            f"# The folder's own {' and '.join(held)} is kept; its share below is ignored."
        )
    calibration = calibration_size(summary.trainable, summary.calibration)
    lines += [
        f"val = {VAL}",
        f"test = {TEST}",
        "# Images that show the quantiser real activations; they are not trained on.",
        f"calibration = {calibration}",
        "# Near copies go to one split together; where each is a picture of its own:",
        '# near_copies = "keep"',
    ]
    for remark in summary.remarks:
        lines += textwrap.wrap(
            _comment(remark),
            100,
            initial_indent="# ",
            subsequent_indent="# ",
            break_long_words=False,
        )
    if summary.unreadable:
        lines += [
            f'# {len(summary.unreadable)} of the files cannot be read; "error" would stop there.',
            'on_unreadable = "skip"',
        ]
    return "\n".join(lines) + "\n"


def _string(text: str) -> str:
    """`text` as a TOML string: JSON's escapes, and DEL, which TOML wants escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _input(summary: FolderSummary, choices: _Choices) -> str:
    seen = "no image could be read"
    if summary.height is not None and summary.width is not None:
        seen = (
            f"the images are {summary.width.low} to {summary.width.high} wide and "
            f"{summary.height.low} to {summary.height.high} high"
        )
    centre = ", ".join(["0.5"] * (1 if choices.colour == "gray" else 3))
    colour = "none of them has colour" if summary.grey else "in colour"
    return (
        f"# What the network sees; {seen}, {colour}.\n"
        "# A larger side shows more detail; its cost grows with the square.\n"
        "[input]\n"
        f"height = {choices.side}\nwidth = {choices.side}\n"
        f'colour = "{choices.colour}"\n'
        '# "stretch" ignores the aspect ratio, "crop" takes the centre, "letterbox" adds bars.\n'
        f'resize = "{choices.resize}"\n'
        f"mean = [{centre}]\nstd = [{centre}]\n"
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
        + _balance(summary)
        + _augment(summary)
    )


def _balance(summary: FolderSummary) -> str:
    """How uneven classes are learnt from; nothing where they are even."""
    if summary.imbalance is None or summary.imbalance < UNEVEN:
        return ""
    return (
        f"# The largest class has {summary.imbalance:.1f} times the images of the smallest: each "
        "class is shown\n"
        '# as often, or the small one might never be answered. "none" shows each image once.\n'
        'balance = "sampling"\n'
    )


def _optimiser(choices: _Choices, lr: float) -> str:
    # The learning rate follows the batch size (Goyal et al., 2017, linear scaling).
    scaled = round(lr * choices.batch / 128, 4)
    return f"batch_size = {choices.batch}\nlr = {scaled}\nlabel_smoothing = 0.05\n"


def _augment(summary: FolderSummary) -> str:
    sided = sided_name(summary.labels)
    if sided is not None:
        reason = (
            f"# No flip: mirrored, a picture of {_comment(sided)} may show another class, or none."
        )
    else:
        reason = "# Set flip to false where left and right matter: text, digits, arrows."
    flip = "false" if summary.grey or sided is not None else "true"
    return (
        f"{reason}\n"
        f"augment = {{ shift = 0.1, rotate = 5, zoom = 0.1, brightness = 0.2, contrast = 0.2, "
        f"flip = {flip} }}\n"
    )


def _prune(summary: FolderSummary, choices: _Choices) -> str:
    return (
        "# Half of the multiply-accumulates are pruned away, then the rest is trained again.\n"
        "# Without this section the network stays as it is.\n"
        "[prune]\nmacs = 0.5\n\n"
        f"[prune.train]\nepochs = {max(5, choices.epochs // 2)}\n"
        + _optimiser(choices, lr=0.05)
        + _balance(summary)
    )


def _budget(summary: FolderSummary) -> str:
    own = summary.tests or summary.counts.get("test")
    tests = max(1, sum(own.values()) if own else round(TEST * summary.images))
    # Fewer than three of the test images cannot be told from chance.
    most = min(1.0, max(0.05, math.ceil(300 / tests) / 100))
    return (
        "# The gates that `verify` holds the bundle to. Each class has to be recognised better\n"
        "# than by chance, said or not. Ask for an accuracy once you know what can be had; the\n"
        "# mean over the classes has to reach it too.\n"
        "[budget]\n"
        f"# From the network as it was trained to int8; one of about {tests} test images is "
        f"{100 / tests:.1f} points.\n"
        f"max_drop = {most:g}\n"
        "# Quantisation's part of it; the remedies of `[quantize]` are tried for it.\n"
        "max_quantization_drop = 0.02\n"
        "# min_accuracy = 0.9\n# min_class_recall = 0.7\n# max_size_kb = 500\n"
    )
