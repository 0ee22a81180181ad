"""Where data sets are looked for, and kept after a download."""

import os
from pathlib import Path

import platformdirs

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
