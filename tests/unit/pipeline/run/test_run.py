"""Run folders: what is done is not done again, and nothing is left half-written."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.common.errors import DataError, RunError
from pipeline.common.progress import Silent
from pipeline.data.classes import ClassDataset
from pipeline.run.run import RESUME_FOLDER, Run, Stage, perform

RECIPE = b"""
name = "tiny"
data = { kind = "digits" }
input = { height = 8, width = 8, colour = "gray", mean = [0.5], std = [0.5] }
model = { arch = "resnet8" }
train = { epochs = 1 }
"""


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Run:
    return Run(tmp_path / "run", RECIPE, tmp_path / "tiny.toml", None, Silent())


class Counted:
    """A stage that counts how often it works, over an input that tests may change."""

    def __init__(self) -> None:
        self.inputs: object = {"epochs": 1}
        self.made = 0
        self.stage = Stage("train", lambda run: self.inputs, self.make)

    def make(self, run: Run, work: Path) -> None:
        self.made += 1
        (work / "weights").write_text(f"made from {self.inputs}")


def test_a_stage_is_not_repeated_while_its_inputs_stay(run: Run) -> None:
    """The second call finds everything as it was and does nothing."""
    counted = Counted()
    assert perform(run, counted.stage)
    assert not perform(run, counted.stage)
    assert counted.made == 1


def test_a_changed_input_repeats_the_stage_and_replaces_its_files(run: Run) -> None:
    """Must fire: what the stage depended on is not what it depends on now."""
    counted = Counted()
    perform(run, counted.stage)
    counted.inputs = {"epochs": 2}
    assert perform(run, counted.stage)
    assert (run.path("train") / "weights").read_text() == "made from {'epochs': 2}"


def test_an_altered_result_repeats_the_stage(run: Run) -> None:
    """A file that is no longer what the stage wrote is not trusted."""
    counted = Counted()
    perform(run, counted.stage)
    (run.path("train") / "weights").write_text("edited by hand")
    assert run.record("train") is None
    assert perform(run, counted.stage)
    assert counted.made == 2


def test_a_failed_stage_leaves_nothing_and_keeps_the_last_result(run: Run) -> None:
    """An error in the middle: no half-written folder, and the old result still stands."""
    counted = Counted()
    perform(run, counted.stage)

    def fail(_run: Run, work: Path) -> None:
        (work / "half").write_text("half")
        raise DataError("images: broken")

    with pytest.raises(DataError):
        perform(run, Stage("train", lambda _: "other", fail))
    assert (run.path("train") / "weights").exists()
    assert not list(run.folder.rglob("half"))


def test_an_interrupted_stage_finds_what_it_left(run: Run) -> None:
    """Ctrl-C keeps the work folder: the next attempt at the same inputs goes on from it."""
    found: list[bool] = []

    def make(_run: Run, work: Path) -> None:
        state = work / RESUME_FOLDER / "state"
        found.append(state.exists())
        state.parent.mkdir(exist_ok=True)
        state.write_text("epoch 3")
        if len(found) == 1:
            raise KeyboardInterrupt
        (work / "weights").write_text("done")

    stage = Stage("train", lambda _: "same", make)
    with pytest.raises(KeyboardInterrupt):
        perform(run, stage)
    assert perform(run, stage)
    assert found == [False, True]
    # What was kept to go on from is no result.
    assert {path.name for path in run.path("train").iterdir()} == {"weights", "stage.json"}


def test_a_full_disk_does_not_cost_what_was_trained(run: Run) -> None:
    """What nobody decided keeps the state to go on from, and nothing else of the attempt."""
    found: list[list[str]] = []

    def make(_run: Run, work: Path) -> None:
        found.append(sorted(path.name for path in work.iterdir()))
        if len(found) == 1:
            (work / RESUME_FOLDER).mkdir()
            (work / "half").write_text("half")
            (work / "folder").mkdir()
            raise OSError("No space left on device")

    stage = Stage("train", lambda _: "same", make)
    with pytest.raises(OSError, match="No space left"):
        perform(run, stage)
    assert perform(run, stage)
    assert found == [[], [RESUME_FOLDER]]


def test_an_interrupted_attempt_at_other_inputs_is_thrown_away(run: Run) -> None:
    """A state of another recipe must not be gone on with."""

    def interrupt(_run: Run, work: Path) -> None:
        (work / "state").write_text("old")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        perform(run, Stage("train", lambda _: "old recipe", interrupt))
    perform(run, Counted().stage)
    assert not list(run.folder.rglob("state"))


def test_a_missing_stage_is_named_with_the_command_that_makes_it(run: Run) -> None:
    """A stage asked for before the one it needs says which, where and how."""
    with pytest.raises(RunError) as caught:
        run.need("train")
    folder = run.folder
    assert str(caught.value) == (
        f"{folder}/train: expected the finished stage 'train', found none or an altered one; "
        f"run: edgeward train {folder}"
    )


@pytest.mark.parametrize("beside", ["recipe", "data root"])
def test_a_folder_of_images_is_found_beside_the_recipe_or_under_the_data_root(
    tmp_path: Path, beside: str
) -> None:
    """A relative path means the user's data, wherever the run's own folder is."""
    jobs, root = tmp_path / "jobs", tmp_path / "data"
    root.mkdir()
    for label in ("cat", "dog"):
        folder = (jobs if beside == "recipe" else root) / "images" / label
        folder.mkdir(parents=True)
        for number in range(8):
            image = np.full((8, 8), 10 * number + (label == "cat"), np.uint8)
            cv2.imwrite(str(folder / f"{number}.png"), image)
    recipe = RECIPE.replace(
        b'{ kind = "digits" }', b'{ kind = "image-folder", path = "images", calibration = 2 }'
    )
    run = Run(tmp_path / "run", recipe, jobs / "pets.toml", root, Silent())
    assert isinstance(run.dataset, ClassDataset)
    assert run.dataset.labels == ("cat", "dog")
