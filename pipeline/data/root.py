"""Where data sets are looked for, and kept after a download."""

import os
from pathlib import Path

import platformdirs

from pipeline.common.errors import DataError

VARIABLE = "EDGEWARD_DATA"


def data_root(flag: Path | None = None) -> Path:
    """The folder with one sub-folder per data set; it need not exist yet.

    `flag` (the command line's) first, then the environment's EDGEWARD_DATA, then the
    user's cache folder.
    """
    if flag is not None:
        return home_expanded(flag)
    if named := os.environ.get(VARIABLE):
        return home_expanded(Path(named))
    return platformdirs.user_cache_path("edgeward") / "data"


def home_expanded(path: Path) -> Path:
    """`path` with `~` or `~user` at its start replaced by that home, if there is one."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path  # it is then looked for, and missed, under this name


def find_data(path: str | None, key: str, what: str, root: Path, recipe_folder: Path) -> Path:
    """The place of a recipe's path: below the data root, or beside the recipe.

    Args:
        path: as the recipe has it.
        key: the recipe's key, for the error.
        what: what should be there, for the error.
        root: the data root.
        recipe_folder: where the recipe is.

    Raises:
        DataError: nothing is at either place.
    """
    relative = home_expanded(Path(path or ""))
    candidates = list(dict.fromkeys((root / relative, recipe_folder / relative)))
    for candidate in candidates:
        if candidate.exists():
            return candidate
    tried = " or ".join(str(candidate) for candidate in candidates)
    raise DataError(f"{key}: expected {what} at {tried}, found nothing")
