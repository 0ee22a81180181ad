"""Data to trained network."""

from pathlib import Path

import msgspec

from pipeline.checkpoints.checkpoint import fresh, save_checkpoint
from pipeline.checkpoints.history import HISTORY_FILE
from pipeline.common.distributed import join_ranks
from pipeline.pruning.prune import check_target
from pipeline.recipe import TextRecipe
from pipeline.run.run import RESUME_FOLDER, Run, Stage
from pipeline.run.stages.data import check_test_images
from pipeline.tasks.task import Training


def texts_drawn(run: Run) -> TextRecipe | None:
    """What of `[text]` decides what a network learns: not how many processes draw it."""
    text = run.recipe.text
    if text is None or text.synthetic is None:
        return text
    drawn = msgspec.structs.replace(text.synthetic, workers=0)
    return msgspec.structs.replace(text, synthetic=drawn)


def _inputs(run: Run) -> object:
    recipe = run.recipe
    inputs = {
        "split": run.need("data").outputs,
        "input": recipe.input,
        "model": recipe.model,
        "train": recipe.train,
        "seed": recipe.seed,
    }
    return inputs if recipe.text is None else inputs | {"text": texts_drawn(run)}


def _make(run: Run, work: Path) -> None:
    seed = run.recipe.seed
    how = Training(seed, work / RESUME_FOLDER, run.progress, work / HISTORY_FILE)
    trained = run.task.train(fresh(run.task.model, seed), how)
    if join_ranks().first:
        save_checkpoint(trained, work)


def _check(run: Run) -> None:
    """What the training's results could not be used for is said before it."""
    check_test_images(run)
    if run.recipe.prune is not None:
        check_target(fresh(run.task.model, run.recipe.seed), run.recipe.prune)


TRAIN = Stage("train", _inputs, _make, check=_check, shared=True)
