"""Trained network to a smaller one: structured pruning and fine-tuning with distillation."""

from pathlib import Path

from pipeline.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from pipeline.checkpoints.history import HISTORY_FILE
from pipeline.common.distributed import join_ranks
from pipeline.pruning.prune import prune
from pipeline.run.run import RESUME_FOLDER, Run, Stage
from pipeline.run.stages.data import check_test_images


def _inputs(run: Run) -> object:
    return {
        "network": run.need("train").outputs,
        "prune": run.recipe.prune,
        "split": run.need("data").outputs,
        **run.task.identity(),
    }


def _make(run: Run, work: Path) -> None:
    recipe = run.recipe.prune
    if recipe is None:
        run.progress.say("prune: the recipe prunes nothing")
        return
    with run.task.training_data() as data:
        pruned = prune(
            load_checkpoint(run.path("train")),
            data,
            recipe,
            seed=run.recipe.seed,
            resume_folder=work / RESUME_FOLDER,
            history_file=work / HISTORY_FILE,
            cache=run.cache,
            progress=run.progress,
        )
    if join_ranks().first:
        save_checkpoint(pruned, work)


PRUNE = Stage("prune", _inputs, _make, check=check_test_images, shared=True)
