"""`edgeward recipes`: each recipe of a folder, what it builds, and whether its data is there."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.catalogue.measured import Measured, measured
from pipeline.catalogue.places import Need, needs, where
from pipeline.recipe import Recipe
from pipeline.tasks import task_of
from pipeline.tasks.recipes import load_recipe

WIDTH = 79
INDENT = "    "


@dataclass(frozen=True)
class RecipeEntry:
    """One recipe that can be built, or could be with its data.

    Args:
        path: the recipe's file.
        recipe: it, decoded.
        task: what kind of answers its network gives, by the name of the task.
        needs: the data that it reads beside what is embedded or drawn.
        figures: what was measured of it, or None.
    """

    path: Path
    recipe: Recipe
    task: str
    needs: tuple[Need, ...]
    figures: Measured | None

    @property
    def ready(self) -> bool:
        """Whether `edgeward build` would find or fetch all of its data."""
        return all(need.downloadable or need.found() is not None for need in self.needs)


def entries(folder: Path, root: Path) -> list[RecipeEntry]:
    """Every recipe in `folder`, by name.

    Args:
        folder: with recipes, and their figures.
        root: the data root.

    Raises:
        RecipeError: one of them is wrong.
    """
    figures = measured(folder)
    found = []
    for path in sorted(folder.glob("*.toml")):
        recipe = load_recipe(path)
        found.append(
            RecipeEntry(
                path,
                recipe,
                task_of(recipe).name,
                needs(recipe.data, root, folder),
                figures.get(path.stem),
            )
        )
    return found


def lines(entry: RecipeEntry) -> Iterator[str]:
    """What a reader should know of it, wrapped to a terminal."""
    state = "ready" if entry.ready else "data missing"
    figures = entry.figures
    yield f"{_shown(entry.path)}: {entry.task}, {state}"
    if figures is not None:
        yield from _wrapped(f"{figures.reads}; {figures.data}")
        yield from _wrapped(
            f"int8: {figures.answers}; {figures.size}; {figures.time} ({figures.date})"
        )
    for need in entry.needs:
        yield from _wrapped(f"data: {where(need)}")
    if not entry.needs:
        yield f"{INDENT}data: nothing to fetch"


def closing(found: Sequence[RecipeEntry]) -> str:
    """How many can be built now, and with what to begin: what needs no data, and looks at least."""
    ready = sorted(
        (entry for entry in found if entry.ready),
        key=lambda entry: (len(entry.needs), entry.recipe.input.height * entry.recipe.input.width),
    )
    count = f"{len(ready)} of {len(found)} ready"
    return f"{count}; next: edgeward build {_shown(ready[0].path)}" if ready else count


def _shown(path: Path) -> Path:
    """The path as it is shortest to type from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=INDENT,
        subsequent_indent=INDENT + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
