"""Write the first recipe for a user's folder, by the task that can read it."""

from pathlib import Path

from edge_agent.common.atomic import write_whole
from pipeline.common.errors import RecipeError
from pipeline.data.root import data_root
from pipeline.tasks import TASKS
from pipeline.tasks.recipes import decode_recipe
from pipeline.tasks.task import FirstRecipe
from pipeline.weights.find import find_known
from pipeline.weights.known import known


def begin_of(folder: Path) -> FirstRecipe:
    """What looks at `folder`: that of the task that claims it, else of the first in the list."""
    begins = [task.begin() for task in TASKS if task.begin is not None]
    return next((begin for begin in begins if begin.claims(folder)), begins[0])


def write_recipe(text: str, path: Path, *, overwrite: bool = False) -> None:
    """Write the recipe `text` to `path`.

    Raises:
        RecipeError: there is a file at `path` already, and it is not to be overwritten.
    """
    if path.exists() and not overwrite:
        raise RecipeError(f"{path}: expected no file there yet, found one; it was left as it is")
    data = text.encode()
    decode_recipe(data, str(path))  # what is written has to be readable
    write_whole(path, data)


def missing_weights(text: str, place: str) -> str | None:
    """What to do about the trained weights that the recipe `text` starts from; None if all is well.

    Raises:
        WeightsError: there is another file under their name.
    """
    model = decode_recipe(text.encode(), place).model
    row = None if model.weights is None else known(model.weights, model.arch)
    if row is None or find_known(row, data_root(None)) is not None:
        return None
    return (
        f"weights: {row.file} is not on this machine; fetch it with `edgeward weights fetch "
        f"{row.arch}`, or bring it and `edgeward weights import` it; without it: --from-scratch"
    )
