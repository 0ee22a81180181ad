"""Opening a run for a command: which recipe, which folder, and where progress goes."""

import os
from pathlib import Path
from typing import TextIO

from pipeline.common.errors import RunError
from pipeline.common.progress import SILENT, Progress, open_progress
from pipeline.run.run import RECIPE_FILE, Run, origin
from pipeline.tasks.recipes import decode_recipe, read_recipe


def open_recipe(recipe: Path, out: Path | None, data_root: Path | None, stream: TextIO) -> Run:
    """The run of a recipe file in `out`, or in runs/NAME.

    Raises:
        RecipeError: the recipe is missing or wrong.
    """
    text = read_recipe(recipe)
    folder = out or Path("runs") / decode_recipe(text, str(recipe)).name
    return Run(folder, text, recipe, data_root, progress_of(stream))


def open_run(folder: Path, recipe: Path | None, data_root: Path | None, stream: TextIO) -> Run:
    """The run in `folder`, with its own recipe or with a new one.

    Raises:
        RunError: the folder has no recipe and none is given.
        RecipeError: the recipe is missing or wrong.
    """
    if recipe is not None:
        return open_recipe(recipe, folder, data_root, stream)
    kept = folder / RECIPE_FILE
    if not kept.is_file():
        raise RunError(
            f"{kept}: expected a run folder with its recipe, found none; "
            "begin one with --recipe RECIPE.toml, or with: edgeward build"
        )
    return open_recorded(folder, progress_of(stream), data_root)


def open_recorded(folder: Path, progress: Progress, data_root: Path | None = None) -> Run:
    """The run in `folder` with the recipe that is kept there.

    Raises:
        RecipeError: that one is missing or wrong.
    """
    kept = folder / RECIPE_FILE
    text = read_recipe(kept)
    decode_recipe(text, str(kept))  # what is wrong with it is wrong there, not at its origin
    return Run(folder, text, origin(folder), data_root, progress)


def progress_of(stream: TextIO) -> Progress:
    """Where to report; of the processes of a torchrun only the first one speaks."""
    return open_progress(stream) if os.environ.get("RANK", "0") == "0" else SILENT
