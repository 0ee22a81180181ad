"""`load`: the recipe's data set, read, checked and split."""

from pathlib import Path

from pipeline.common.errors import DataError
from pipeline.common.progress import SILENT, Progress
from pipeline.data.classes import ClassDataset, ClassSource
from pipeline.data.readers.digits import read_digits
from pipeline.data.readers.folder import read_folder
from pipeline.data.readers.mnist import read_mnist
from pipeline.data.readers.packed import read_packed
from pipeline.data.root import data_root, find_data
from pipeline.data.sources import Grouping
from pipeline.data.split import divide
from pipeline.data_recipe import GroupRecipe
from pipeline.recipe import DataRecipe


def load(
    recipe: DataRecipe,
    *,
    root: Path | None,
    recipe_folder: Path,
    seed: int,
    cache: Path | None = None,
    progress: Progress = SILENT,
) -> ClassDataset:
    """The data set `recipe` asks for; the same seed gives the same split.

    Args:
        recipe: what to load and how to split it.
        root: the command line's data root, or None to look further; see `data_root`.
        recipe_folder: where a relative path is looked for when the root has none.
        seed: of the split.
        cache: a folder where the near copies that were found are kept, or None.
        progress: sees a task per download (bytes), or one for a folder's or an NPZ's images.

    Raises:
        DataError: missing, damaged, or too small for the splits.
    """
    source = _read(recipe, data_root(root), recipe_folder, progress)
    return divide(source, recipe, seed, cache=cache, progress=progress)


def _read(recipe: DataRecipe, root: Path, recipe_folder: Path, progress: Progress) -> ClassSource:
    match recipe.kind:
        case "digits":
            return read_digits()
        case "mnist" | "fashion-mnist":
            return read_mnist(recipe.kind, root, progress)
        case "image-folder":
            folder = find_data(recipe.path, "data.path", "a folder of images", root, recipe_folder)
            grouping = _grouping(recipe.group, root, recipe_folder)
            return read_folder(folder, recipe.on_unreadable, progress, grouping)
        case "image-npz":
            what, places = "an NPZ of images", (root, recipe_folder)
            train, test = find_data(recipe.path, "data.path", what, *places), None
            if recipe.test_path is not None:
                test = find_data(recipe.test_path, "data.test_path", what, *places)
            return read_packed(train, test, recipe.on_unreadable, progress)
        case _:
            raise DataError(f"data.kind: expected images of classes, found {recipe.kind!r}")


def _grouping(recipe: GroupRecipe | None, root: Path, recipe_folder: Path) -> Grouping | None:
    if recipe is None:
        return None
    table = None
    if recipe.csv is not None:
        what = "a CSV of file and group"
        table = find_data(recipe.csv, "data.group.csv", what, root, recipe_folder)
    return Grouping(recipe, table)
