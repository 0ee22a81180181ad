"""Opening a run: which recipe, which folder, which progress."""

import io
import re
from pathlib import Path

import pytest

from pipeline.catalogue.folder import recipe_folder
from pipeline.common.errors import RecipeError, RunError
from pipeline.common.progress import SILENT, Lines
from pipeline.run.build import single
from pipeline.run.run import write_recipe_copy
from pipeline.run.start import open_recipe, open_run
from pipeline.tasks.recipes import load_recipe

RECIPE = """
name = "small"
data = { kind = "digits" }
input = { height = 8, width = 8, colour = "gray", mean = [0.5], std = [0.5] }
model = { arch = "vgg_tiny" }
train = { epochs = 1 }
"""


@pytest.fixture(name="recipe")
def _recipe(tmp_path: Path) -> Path:
    path = tmp_path / "jobs" / "small.toml"
    path.parent.mkdir()
    path.write_text(RECIPE)
    return path


def test_a_recipe_runs_in_the_folder_of_its_name(recipe: Path, tmp_path: Path) -> None:
    """runs/NAME, unless the user names a folder."""
    assert open_recipe(recipe, None, None, io.StringIO()).folder == Path("runs/small")
    own = open_recipe(recipe, tmp_path / "own", tmp_path / "data", io.StringIO())
    assert (own.folder, own.data_root) == (tmp_path / "own", tmp_path / "data")


def test_a_missing_recipe_is_one_error(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(RecipeError, match=r"nothing\.toml: expected a recipe file, found none"):
        open_recipe(tmp_path / "nothing.toml", None, None, io.StringIO())


def test_a_run_goes_on_with_its_own_recipe(recipe: Path, tmp_path: Path) -> None:
    """The recipe as it was, though the file has changed; data still lies beside that file."""
    folder = tmp_path / "run"
    single(open_recipe(recipe, folder, None, io.StringIO()), "data")
    recipe.write_text("changed")
    again = open_run(folder, None, None, io.StringIO())
    assert again.recipe.name == "small"
    assert again.recipe_path == recipe


def test_a_run_takes_a_new_recipe(recipe: Path, tmp_path: Path) -> None:
    """--recipe begins a run in a folder that has none."""
    run = open_run(tmp_path / "new", recipe, None, io.StringIO())
    assert (run.folder, run.recipe_path) == (tmp_path / "new", recipe)


def test_a_kept_recipe_that_is_broken_is_named(recipe: Path, tmp_path: Path) -> None:
    """The copy in the run folder, not the file it came from."""
    run = open_recipe(recipe, tmp_path / "run", None, io.StringIO())
    write_recipe_copy(run)
    (run.folder / "recipe.toml").write_text("name = 1")
    with pytest.raises(RecipeError, match=rf"^{re.escape(str(run.folder))}/recipe.toml: Expected"):
        open_run(run.folder, None, None, io.StringIO())


def test_a_folder_without_a_recipe_is_no_run(tmp_path: Path) -> None:
    """The error says how a run begins."""
    with pytest.raises(RunError) as caught:
        open_run(tmp_path, None, None, io.StringIO())
    assert str(caught.value) == (
        f"{tmp_path}/recipe.toml: expected a run folder with its recipe, found none; "
        "begin one with --recipe RECIPE.toml, or with: edgeward build"
    )


@pytest.mark.parametrize(("rank", "speaks"), [(None, True), ("0", True), ("1", False)])
def test_only_the_first_process_of_a_torchrun_speaks(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, rank: str | None, speaks: bool
) -> None:
    """Two processes would say everything twice."""
    monkeypatch.delenv("RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("RANK", rank)
    progress = open_recipe(recipe, None, None, io.StringIO()).progress
    assert isinstance(progress, Lines) if speaks else progress is SILENT


def test_every_recipe_that_ships_is_one() -> None:
    """The recipes are found, and each is decoded."""
    names = {load_recipe(path).name for path in recipe_folder().glob("*.toml")}
    classes = {"cifar10", "digits", "fashion-mnist", "image-folder", "mnist"}
    trained = {"few-photos", "persons", "photos"}
    texts = {"ocr-dates", "ocr-display", "ocr-lines", "ocr-meter", "ocr-words"}
    assert names == classes | trained | texts | {"dial"}
