"""The tables of a first recipe that do not depend on what the network starts from."""

import json
import math
import textwrap
from dataclasses import dataclass
from pathlib import Path

from edge_agent.common.errors import printable
from pipeline.tasks.classify.begin.folder import TEST, UNEVEN, VAL, FolderSummary
from pipeline.tasks.classify.begin.sidedness import sided_name


@dataclass(frozen=True)
class InputChoice:
    """What the network is to see; as in `InputSpec`."""

    side: int
    colour: str
    resize: str
    mean: tuple[float, ...]
    std: tuple[float, ...]


def one_line(text: str) -> str:
    """`text` on one line, whatever the file names in it hold."""
    return printable(" ".join(text.split()))


def resize_rule(summary: FolderSummary) -> str:
    """How pictures of that shape become a square."""
    if summary.height is None or summary.width is None:
        return "stretch"
    high, wide = summary.height.median, summary.width.median
    aspect = max(high, wide) / min(high, wide)
    return "stretch" if aspect < 1.1 else "crop" if aspect < 1.6 else "letterbox"


def data_table(summary: FolderSummary, folder: Path, calibration: int) -> str:
    """Where the pictures are, and how they are divided."""
    root = summary.root.resolve()
    inside = root.is_relative_to(folder.resolve())
    path = root.relative_to(folder.resolve()) if inside else root
    lines = ["[data]", 'kind = "image-folder"', f"path = {_string(path.as_posix())}"]
    held = [part for part in ("val", "test") if part in summary.counts]
    if held:
        lines.append(
            f"# The folder's own {' and '.join(held)} is kept; its share below is ignored."
        )
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
            one_line(remark),
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


def input_table(summary: FolderSummary, choice: InputChoice, why: str) -> str:
    """What the network sees; `why` are comment lines on its normalisation, or nothing."""
    seen = "no image could be read"
    if summary.height is not None and summary.width is not None:
        seen = (
            f"the images are {summary.width.low} to {summary.width.high} wide and "
            f"{summary.height.low} to {summary.height.high} high"
        )
    colour = "none of them has colour" if summary.grey else "in colour"
    return (
        f"# What the network sees; {seen}, {colour}.\n"
        "# A larger side shows more detail; its cost grows with the square.\n"
        "[input]\n"
        f"height = {choice.side}\nwidth = {choice.side}\n"
        f'colour = "{choice.colour}"\n'
        '# "stretch" ignores the aspect ratio, "crop" takes the centre, "letterbox" adds bars.\n'
        f'resize = "{choice.resize}"\n'
        f"{why}mean = {_row(choice.mean)}\nstd = {_row(choice.std)}\n"
    )


def _row(values: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{value:.4g}' for value in values)}]"


def balance_line(summary: FolderSummary) -> str:
    """How uneven classes are learnt from; nothing where they are even."""
    if summary.imbalance is None or summary.imbalance < UNEVEN:
        return ""
    return (
        f"# The largest class has {summary.imbalance:.1f} times the images of the smallest: each "
        "class is shown\n"
        '# as often, or the small one might never be answered. "none" shows each image once.\n'
        'balance = "sampling"\n'
    )


def flip_choice(summary: FolderSummary) -> tuple[str, bool]:
    """Whether pictures may be mirrored, and the comment that says why."""
    sided = sided_name(summary.labels)
    if sided is not None:
        reason = (
            f"# No flip: mirrored, a picture of {one_line(sided)} may show another class, or none."
        )
    else:
        reason = "# Set flip to false where left and right matter: text, digits, arrows."
    return reason, not summary.grey and sided is None


def budget_table(summary: FolderSummary, single_classes: str = "") -> str:
    """What has to hold; `single_classes` is a line on the gate of the weakest class, or none."""
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
        + (single_classes or "# min_accuracy = 0.9\n# min_class_recall = 0.7\n")
        + "# max_size_kb = 500\n"
    )
