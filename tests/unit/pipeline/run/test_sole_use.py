"""One command at a time in a run folder, and a folder that is one."""

from pathlib import Path

import pytest

from pipeline.common.errors import RunError
from pipeline.common.progress import Silent
from pipeline.run.run import ORIGIN_FILE, Run, origin, sole_use, write_recipe_copy

RECIPE = b"""
name = "tiny"
data = { kind = "digits" }
input = { height = 8, width = 8, colour = "gray", mean = [0.5], std = [0.5] }
model = { arch = "resnet8" }
train = { epochs = 1 }
"""


def run_in(folder: Path) -> Run:
    return Run(folder, RECIPE, folder.parent / "tiny.toml", None, Silent())


def test_a_second_command_is_told_of_the_first(tmp_path: Path) -> None:
    """It neither waits nor works in the same files; afterwards the folder is free again."""
    run = run_in(tmp_path / "run")
    with sole_use(run):
        with pytest.raises(RunError) as caught, sole_use(run):
            pass
        assert str(caught.value) == (
            f"{run.folder}: expected a run folder to ourselves, found another command at work "
            "in it; wait for it, or give --out another folder"
        )
    with sole_use(run):
        pass


def test_other_processes_of_a_torchrun_share_the_first_ones_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Must not fire: they are the same command."""
    run = run_in(tmp_path / "run")
    with sole_use(run):
        monkeypatch.setenv("RANK", "1")
        with sole_use(run):
            pass


def test_a_file_is_no_run_folder(tmp_path: Path) -> None:
    """Said before any work, and the file stays."""
    place = tmp_path / "run"
    place.write_text("mine")
    with pytest.raises(RunError) as caught, sole_use(run_in(place)):
        pass
    assert str(caught.value) == f"{place}: expected a run folder, found a file"
    assert place.read_text() == "mine"


def test_where_a_recipe_came_from_may_have_any_name(tmp_path: Path) -> None:
    """A path is bytes: what is not UTF-8 comes back as it was."""
    recipe = tmp_path / "caf\udce9" / "tiny.toml"
    run = Run(tmp_path / "run", RECIPE, recipe, None, Silent())
    write_recipe_copy(run)
    assert (run.folder / ORIGIN_FILE).read_bytes().endswith(b"/caf\xe9/tiny.toml\n")
    assert origin(run.folder) == run.recipe_path
