"""Data to trained network."""

from collections.abc import Callable
from pathlib import Path

from pipeline.checkpoints.checkpoint import Checkpoint, fresh, save_checkpoint
from pipeline.checkpoints.history import HISTORY_FILE
from pipeline.checkpoints.own_check import check_classifier_last, check_own
from pipeline.common.distributed import join_ranks
from pipeline.pruning.prune import check_target
from pipeline.recipe import TrainRecipe
from pipeline.run.given.check import check_given
from pipeline.run.run import RESUME_FOLDER, Run, Stage
from pipeline.run.stages.data import check_test_images
from pipeline.run.teacher import pupil, taught, teacher_start, towards
from pipeline.training.objective import Loss, Objective, TrainingData
from pipeline.training.train import labels_alone, train
from pipeline.weights.find import WeightsFile
from pipeline.weights.start import StartingPoint, starting_point


def _inputs(run: Run) -> object:
    recipe = run.recipe
    return {
        "split": run.need("data").outputs,
        "input": recipe.input,
        "model": recipe.model,
        "own": run.task.model.own,
        "weights": _sha256(run.weights),
        "train": recipe.train,
        "distill": recipe.distill,
        "teacher": _sha256(run.teacher_weights),
        "seed": recipe.seed,
        **run.task.identity(),
    }


def _sha256(weights: WeightsFile | None) -> str | None:
    return None if weights is None else weights.sha256


def _start(run: Run) -> StartingPoint:
    return starting_point(run.task.model, run.weights, run.recipe.seed)


def _make(run: Run, work: Path) -> None:
    recipe = run.recipe
    start = _start(run)
    for line in start.lines:
        run.progress.say(line)
    trained = start.network
    if recipe.train is None:
        run.progress.say(f"train: nothing is trained, {recipe.model.onnx} is taken as it is")
    else:
        with run.task.training_data() as data:
            trained = _trained(run, start.network, data, recipe.train, work)
    if join_ranks().first:
        save_checkpoint(trained, work)


def _trained(
    run: Run, network: Checkpoint, data: TrainingData, recipe: TrainRecipe, work: Path
) -> Checkpoint:
    """`network` trained on `data`, by its labels and by what a teacher answers, if it has one."""
    distill, seed = run.recipe.distill, run.recipe.seed
    loss: Callable[[Objective], Loss] = labels_alone
    if distill is not None:
        teacher = taught(run, distill, data, work)
        network = pupil(network, teacher, distill, seed)
        loss = towards(teacher, network.spec.input, distill)
    return train(
        network,
        data,
        recipe,
        seed=seed,
        resume_folder=work / RESUME_FOLDER,
        history_file=work / HISTORY_FILE,
        cache=run.cache,
        progress=run.progress,
        loss=loss,
    )


def _check(run: Run) -> None:
    """What the training's results could not be used for is said before it."""
    check_test_images(run)
    if run.task.model.own is not None and _knows_classifier(run):
        check_classifier_last(fresh(run.task.model, run.recipe.seed))
    start = _start(run)  # weights of another network are refused here
    if run.recipe.distill is not None:
        teacher_start(run, run.recipe.distill)  # likewise
    if run.recipe.train is None:
        check_given(run)
    elif start.network.spec.own is not None:
        check_own(start.network)
    if run.recipe.prune is not None:
        check_target(start.network, run.recipe.prune)


def _knows_classifier(run: Run) -> bool:
    """Whether what the recipe asks for treats the classifier otherwise than all before it."""
    recipe = run.recipe.train
    apart = recipe is not None and (
        recipe.head_epochs > 0 or (recipe.backbone_lr, recipe.layer_decay) != (1, 1)
    )
    return apart or run.recipe.model.weights is not None


TRAIN = Stage("train", _inputs, _make, check=_check, shared=True)
