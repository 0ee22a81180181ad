"""Uneven classes, from a folder to a verdict: what never answers a class does not ship."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.common.errors import BudgetError, DataError, GateError
from pipeline.common.progress import SILENT
from pipeline.run.build import build
from pipeline.run.run import Run

RECIPE = """\
name = "pets"
data = {{ kind = "image-folder", path = "pets", calibration = {calibration} }}
input = {{ height = 8, width = 8, colour = "gray", mean = [0.5], std = [0.5] }}
model = {{ arch = "vgg_tiny" }}
train = {{ epochs = 1, batch_size = 32, lr = 0.01 }}
budget = {{ min_accuracy = 0.9 }}
"""


def open_pets(folder: Path, cats: int, dogs: int, more: str = "", calibration: int = 8) -> Run:
    """A run over so many pictures of noise: nothing in them tells a cat from a dog."""
    rng = np.random.default_rng(0)
    for label, count in (("cats", cats), ("dogs", dogs)):
        (folder / "pets" / label).mkdir(parents=True)
        for number in range(count):
            picture = rng.integers(0, 256, (8, 8), np.uint8)
            cv2.imwrite(str(folder / "pets" / label / f"{number}.png"), picture)
    text = RECIPE.format(calibration=calibration) + more
    return Run(folder / "run", text.encode(), folder / "pets.toml", folder, SILENT)


def test_three_cats_and_sixty_dogs_are_refused_before_the_training(tmp_path: Path) -> None:
    """One cat is left to test with, and "always a dog" would be right 92 % of the time."""
    run = open_pets(tmp_path, cats=3, dogs=60)
    with pytest.raises(
        DataError, match=r"class 'cats': expected at least 4 test images, .* found 1"
    ):
        build(run)
    assert not run.path("train").exists()
    assert not (run.folder / ".work").exists() or not list((run.folder / ".work").iterdir())


def test_what_always_says_dog_does_not_ship(tmp_path: Path) -> None:
    """Over 90 % accurate on forty cats and six hundred dogs; two gates of the classes fail."""
    run = open_pets(tmp_path, cats=30, dogs=500, calibration=16)
    with pytest.raises(GateError) as caught:
        build(run)
    assert str(caught.value) == (
        "budget: balanced accuracy: expected at least 90.00 %, measured 50.00 %; weakest class: "
        "expected above 50.00 % (chance), measured 'cats' 0.00 %, the lower end of 0.00 % of 6; "
        "more pictures of 'cats' (20 to learn from) would help most; "
        'train.balance = "sampling" shows each class as often; '
        f"report {run.folder / 'verify.failed' / 'report.html'}"
    )
    assert not run.path("verify").exists()


def test_a_pruning_target_out_of_reach_is_refused_before_the_training(tmp_path: Path) -> None:
    """What can be cut away depends on nothing that is trained."""
    more = "prune = { macs = 0.0001, train = { epochs = 1 } }\n"
    run = open_pets(tmp_path, cats=30, dogs=30, more=more)
    with pytest.raises(
        BudgetError, match=r"^prune.macs: expected a share that vgg_tiny can be cut"
    ):
        build(run)
    assert not run.path("train").exists()
