"""Trained network to a smaller one: structured pruning and fine-tuning with distillation."""

from pathlib import Path

from pipeline.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from pipeline.checkpoints.history import HISTORY_FILE
from pipeline.common.distributed import join_ranks
from pipeline.run.run import RESUME_FOLDER, Run, Stage
from pipeline.run.stages.data import check_test_images
from pipeline.run.stages.train import texts_drawn
from pipeline.tasks.task import Training


def _inputs(run: Run) -> object:
    inputs = {
        "network": run.need("train").outputs,
        "prune": run.recipe.prune,
        "split": run.need("data").outputs,
    }
    return inputs if run.recipe.text is None else inputs | {"text": texts_drawn(run)}


def _make(run: Run, work: Path) -> None:
    recipe = run.recipe.prune
    if recipe is None:
        run.progress.say("prune: the recipe prunes nothing")
        return
    how = Training(run.recipe.seed, work / RESUME_FOLDER, run.progress, work / HISTORY_FILE)
    pruned = run.task.prune(load_checkpoint(run.path("train")), recipe, how)
    if join_ranks().first:
        save_checkpoint(pruned, work)


PRUNE = Stage("prune", _inputs, _make, check=check_test_images, shared=True)
