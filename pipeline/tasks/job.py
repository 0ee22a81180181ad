"""`Job`: what a run works on, as its task takes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.common.progress import Progress
from pipeline.models import ModelSpec
from pipeline.models.own.source import own_source
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

    def network(self, labels: Sequence[str]) -> ModelSpec:
        """The network that the recipe names, with an output for each of `labels`.

        Raises:
            RecipeError: it is one of a user's own, and not there.
        """
        model = self.recipe.model
        return ModelSpec(
            arch=model.network,
            classes=len(labels),
            input=self.recipe.input,
            width=model.width,
            blocks=model.blocks,
            own=own_source(model, self.recipe_folder, labels),
        )

    @property
    def cache(self) -> Path:
        """Where images at the network's size are kept from one stage to the next."""
        return self.folder / ".cache"
