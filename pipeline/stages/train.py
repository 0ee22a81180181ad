"""Data to trained network."""

from pathlib import Path

from pipeline.checkpoint import fresh, save_checkpoint
from pipeline.data.base import SplitName
from pipeline.data.fitted import Fitted, fit_cached
from pipeline.distributed import join_ranks
from pipeline.models import ModelSpec
from pipeline.run import RESUME_FOLDER, Run, Stage
from pipeline.train import train

# Images at the network's size, so that pruning does not read every file again.
CACHE_FOLDER = ".cache"


def fitted(run: Run, name: SplitName) -> Fitted:
    """A split of the run's data at the network's input size and colour."""
    cache = run.folder / CACHE_FOLDER
    return fit_cached(run.dataset, name, run.recipe.input, cache, run.progress)


def _inputs(run: Run) -> object:
    recipe = run.recipe
    return {
        "split": run.need("data").outputs,
        "input": recipe.input,
        "model": recipe.model,
        "train": recipe.train,
        "seed": recipe.seed,
    }


def _make(run: Run, work: Path) -> None:
    recipe = run.recipe
    spec = ModelSpec(
        arch=recipe.model.arch,
        classes=len(run.dataset.labels),
        input=recipe.input,
        width=recipe.model.width,
    )
    trained = train(
        fresh(spec, recipe.seed),
        fitted(run, "train"),
        fitted(run, "val"),
        recipe.train,
        seed=recipe.seed,
        resume_folder=work / RESUME_FOLDER,
        progress=run.progress,
    )
    if join_ranks().first:
        save_checkpoint(trained, work)


TRAIN = Stage("train", _inputs, _make, shared=True)
