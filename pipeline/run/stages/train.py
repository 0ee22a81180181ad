"""Data to trained network."""

from pathlib import Path

from pipeline.checkpoints.checkpoint import fresh, save_checkpoint
from pipeline.checkpoints.history import HISTORY_FILE
from pipeline.common.distributed import join_ranks
from pipeline.pruning.prune import check_target
from pipeline.run.run import RESUME_FOLDER, Run, Stage
from pipeline.run.stages.data import check_test_images
from pipeline.training.train import train


def _inputs(run: Run) -> object:
    recipe = run.recipe
    return {
        "split": run.need("data").outputs,
        "input": recipe.input,
        "model": recipe.model,
        "train": recipe.train,
        "seed": recipe.seed,
        **run.task.identity(),
    }


def _make(run: Run, work: Path) -> None:
    recipe = run.recipe
    with run.task.training_data() as data:
        trained = train(
            fresh(run.task.model, recipe.seed),
            data,
            recipe.train,
            seed=recipe.seed,
            resume_folder=work / RESUME_FOLDER,
            history_file=work / HISTORY_FILE,
            progress=run.progress,
        )
    if join_ranks().first:
        save_checkpoint(trained, work)


def _check(run: Run) -> None:
    """What the training's results could not be used for is said before it."""
    check_test_images(run)
    if run.recipe.prune is not None:
        check_target(fresh(run.task.model, run.recipe.seed), run.recipe.prune)


TRAIN = Stage("train", _inputs, _make, check=_check, shared=True)
