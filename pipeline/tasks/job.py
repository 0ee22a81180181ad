"""`Job`: what a run works on, as its task takes it."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.common.progress import Progress
from pipeline.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Job:
    """One recipe in one folder.

    Args:
        recipe: the whole of it.
        recipe_text: its exact bytes.
        recipe_path: where it was read from; relative data paths may start beside it.
        data_root: where data sets are looked for first; None takes the environment's.
        folder: where the stages leave their results.
        progress: told how far everything is.
    """

    recipe: Recipe
    recipe_text: bytes
    recipe_path: Path
    data_root: Path | None
    folder: Path
    progress: Progress

    @property
    def recipe_folder(self) -> Path:
        """Where the recipe was read from."""
        return self.recipe_path.parent

    @property
    def cache(self) -> Path:
        """Where images at the network's size are kept from one stage to the next."""
        return self.folder / ".cache"
