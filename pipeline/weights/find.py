"""Where a recipe's weights lie: looked for on this machine first, and most often only there."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from pipeline.common.errors import WeightsError
from pipeline.data.root import data_root, find_data, home_expanded
from pipeline.weights.known import KnownWeights, is_name, known
from pipeline.weights.read import file_sha256

VARIABLE = "EDGEWARD_WEIGHTS"


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights that is there.

    Args:
        path: where.
        sha256: of the file.
        label: what people call it: `imagenet`, or the file's name.
        row: the known weights that it is; None of a file of the user's own.
    """

    path: Path
    sha256: str
    label: str
    row: KnownWeights | None = None


def own_cache() -> Path:
    """Where fetched and imported weights are kept; `EDGEWARD_WEIGHTS` names another place."""
    named = os.environ.get(VARIABLE)
    if named:
        return home_expanded(Path(named))
    return platformdirs.user_cache_path("edgeward") / "weights"


def find_weights(text: str, arch: str, root: Path | None, recipe_folder: Path) -> WeightsFile:
    """The weights that a recipe asks for.

    Args:
        text: the recipe's `model.weights`.
        arch: the recipe's `model.arch`.
        root: the data root of the command line; None takes the environment's.
        recipe_folder: where the recipe is.

    Raises:
        WeightsError: they are nowhere, or a file of that name is another one.
    """
    if is_name(text):
        row = known(text, arch)
        if row is None:
            raise WeightsError(f"model.weights: expected known weights of {arch}, found {text!r}")
        return find_known(row, data_root(root))
    path = find_data(text, "model.weights", "a file of weights", data_root(root), recipe_folder)
    return WeightsFile(path, file_sha256(path), path.name)


def find_known(row: KnownWeights, root: Path) -> WeightsFile:
    """The file of known weights, in whichever of the usual places it lies.

    Raises:
        WeightsError: in none, or there is another one under its name.
    """
    for path in _places(row, root):
        if path.exists():
            return WeightsFile(path, check_hash(path, row.sha256), row.name, row)
    raise WeightsError(
        f"model.weights: expected {row.file} (SHA-256 {row.sha256}) in {own_cache()}, found none"
    )


def check_hash(path: Path, expected: str) -> str:
    """The SHA-256 of the file at `path`, which has to begin with `expected`.

    Raises:
        WeightsError: it does not.
    """
    found = file_sha256(path)
    if not found.startswith(expected):
        raise WeightsError(f"{path}: expected SHA-256 {expected}, found {found}")
    return found


def _places(row: KnownWeights, root: Path) -> Iterator[Path]:
    yield own_cache() / row.file
    yield torch_cache() / row.file
    yield root / "weights" / row.file


def torch_cache() -> Path:
    """Where torch.hub keeps files of weights."""
    home = os.environ.get("TORCH_HOME")
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return home_expanded(Path(home or Path(cache) / "torch")) / "hub" / "checkpoints"
