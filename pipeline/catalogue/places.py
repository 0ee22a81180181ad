"""Where a recipe's data are: here, to be downloaded by the build, or for the user to fetch."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from pipeline.data.readers.download import MnistName, mnist_files
from pipeline.data.root import VARIABLE, home_expanded
from pipeline.data_recipe import DataRecipe


@dataclass(frozen=True)
class Need:
    """One thing that a recipe reads.

    Args:
        name: of the set, or the path as the recipe has it.
        places: where it is looked for, in that order.
        downloadable: whether the build fetches it where it is missing.
    """

    name: str
    places: tuple[Path, ...]
    downloadable: bool = False

    def found(self) -> Path | None:
        """The first of its places that exists; of a set, that is not empty."""
        return next((place for place in self.places if _holds_something(place)), None)


def needs(data: DataRecipe, root: Path, recipe_folder: Path) -> tuple[Need, ...]:
    """What a recipe reads beside what is embedded or drawn; nothing if there is no more.

    Args:
        data: the recipe's `[data]`.
        root: the data root.
        recipe_folder: where the recipe is.
    """
    return tuple(_needs(data, root, recipe_folder))


def where(need: Need) -> str:
    """What a user should know of it: where it is, who fetches it, or where to put it."""
    place = need.found()
    if place is not None:
        return f"{need.name}: at {place}"
    if need.downloadable:
        return f"{need.name}: downloaded by the build"
    return f"{need.name}: missing; put it at {need.places[0]}, or set {VARIABLE} or --data-root"


def _needs(data: DataRecipe, root: Path, recipe_folder: Path) -> Iterator[Need]:
    if data.kind in get_args(MnistName):
        yield from _mnist(data.kind, root)
    for name in data.sets:
        yield Need(name, (root / name,))
    for path in (data.path, data.test_path):
        if path is not None:
            relative = home_expanded(Path(path))
            yield Need(path, tuple(dict.fromkeys((root / relative, recipe_folder / relative))))


def _mnist(name: str, root: Path) -> Iterator[Need]:
    (found,) = (known for known in get_args(MnistName) if known == name)
    files = tuple(root / name / file for file in mnist_files(found))
    # One file that is missing is a download; that of the last is as good as any.
    missing = [file for file in files if not file.exists()]
    yield Need(name, (root / name,) if not missing else (missing[0],), downloadable=True)


def _holds_something(place: Path) -> bool:
    return any(place.iterdir()) if place.is_dir() else place.exists()
