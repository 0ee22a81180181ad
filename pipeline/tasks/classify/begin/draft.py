"""Write the first recipe for a user's folder: a working start that explains its choices."""

import json
import re
from pathlib import Path

from pipeline.tasks.classify.begin.folder import UNEVEN, FolderSummary, calibration_size
from pipeline.tasks.classify.begin.photos import (
    backbone_for,
    few_tests,
    photo_calibration,
    photo_tables,
)
from pipeline.tasks.classify.begin.scratch import scratch_tables
from pipeline.tasks.classify.begin.tables import budget_table, data_table, one_line


def draft_recipe(summary: FolderSummary, folder: Path, from_scratch: bool = False) -> str:
    """The text of a recipe for `summary` that is to lie in `folder`.

    Photographs get a network that starts from trained weights, unless it is to be trained
    `from_scratch`; see `backbone_for`.
    """
    backbone = None if from_scratch else backbone_for(summary)
    if backbone is None:
        calibration = calibration_size(summary.trainable, summary.calibration)
        tables, gate = scratch_tables(summary), ""
    else:
        calibration = photo_calibration(summary)
        tables, gate = photo_tables(summary, backbone), few_tests(summary)
    sections = (
        _head(summary, gate),
        data_table(summary, folder, calibration),
        *tables,
        budget_table(summary, gate),
    )
    return "\n".join(sections)


def _head(summary: FolderSummary, gate: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", summary.root.resolve().name).lstrip("_.-")[:64]
    lines = [
        f"# A first recipe for {json.dumps(str(summary.root), ensure_ascii=False)}:",
        f"# {len(summary.labels)} classes, {summary.images} images.",
    ]
    if summary.problem is not None:
        lines += ["#", f"# Before this can be built: {one_line(summary.problem)}"]
    lines += _untested(summary, gate)
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


def _untested(summary: FolderSummary, gate: str) -> list[str]:
    """What to say of classes that leave too few test images to prove anything."""
    if not summary.untested:
        return []
    names = one_line(", ".join(summary.untested))[:60]
    what = "Before this can be built" if not gate else "To prove what is built"
    return [
        "#",
        f"# {what}, more pictures of {names}:",
        f"# it takes {summary.tests_needed} test images of a class to show that it is known better "
        "than by chance.",
    ]
