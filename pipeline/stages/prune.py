"""Trained network to a smaller one: structured pruning and fine-tuning with distillation."""

from pathlib import Path

from pipeline.checkpoint import load_checkpoint, save_checkpoint
from pipeline.distributed import join_ranks
from pipeline.prune import prune
from pipeline.run import RESUME_FOLDER, Run, Stage
from pipeline.stages.train import fitted


def _inputs(run: Run) -> object:
    return {
        "network": run.need("train").outputs,
        "prune": run.recipe.prune,
        "split": run.need("data").outputs,
    }


def _make(run: Run, work: Path) -> None:
    recipe = run.recipe.prune
    if recipe is None:
        run.progress.say("prune: the recipe prunes nothing")
        return
    pruned = prune(
        load_checkpoint(run.path("train")),
        fitted(run, "train"),
        fitted(run, "val"),
        recipe,
        seed=run.recipe.seed,
        resume_folder=work / RESUME_FOLDER,
        progress=run.progress,
    )
    if join_ranks().first:
        save_checkpoint(pruned, work)


PRUNE = Stage("prune", _inputs, _make, shared=True)
