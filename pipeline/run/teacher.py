"""The teacher of `[distill]`: a larger network that learns the same pictures first.

It sees what the network that learns from it sees, under the normalisation that its own weights
were trained with.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import torch
from torch import Tensor, nn

from edge_agent.bundle.manifest import InputSpec
from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.checkpoints.history import LineageStep
from pipeline.common.errors import RecipeError
from pipeline.models import ModelSpec
from pipeline.models.macs import cost
from pipeline.recipe import DistillRecipe
from pipeline.run.run import RESUME_FOLDER, Run
from pipeline.training.distill import distillation
from pipeline.training.objective import Loss, Objective, TrainingData
from pipeline.training.train import train
from pipeline.weights.find import WeightsFile
from pipeline.weights.start import StartingPoint, starting_point

NAME = "teacher"


class Renormalised(nn.Module):
    """A network behind the inputs of another one: (N, C, H, W) as `seen` normalises them.

    ``(pixel / 255 - mean) / std`` is undone by `seen`'s mean and std and done by `own`'s.
    """

    def __init__(self, network: nn.Module, seen: InputSpec, own: InputSpec) -> None:
        super().__init__()
        self.network = network
        mean, std = _columns(seen)
        own_mean, own_std = _columns(own)
        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("scale", std / own_std)
        self.register_buffer("shift", (mean - own_mean) / own_std)

    def forward(self, x: Tensor) -> Tensor:
        """The network's answers to the pictures in `x`."""
        answers: Tensor = self.network(x * self.scale + self.shift)
        return answers


def _columns(spec: InputSpec) -> tuple[Tensor, Tensor]:
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (spec.mean, spec.std))
    return mean, std


def teacher_start(run: Run, recipe: DistillRecipe) -> StartingPoint:
    """The teacher before it has learnt anything of the run's data.

    Raises:
        RecipeError: there is no such network.
        WeightsError: its weights are not there, damaged, or of another network.
    """
    weights = run.teacher_weights
    try:
        return starting_point(_spec(run, recipe, weights), weights, run.recipe.seed)
    except RecipeError as error:  # the network's own words for its keys
        said = str(error).removeprefix("model.")
        raise RecipeError(f"{run.recipe_path}: distill.teacher.{said}") from error


def _spec(run: Run, recipe: DistillRecipe, weights: WeightsFile | None) -> ModelSpec:
    own = run.task.model
    seen = own.input
    if weights is not None and weights.normalisation is not None:
        mean, std = weights.normalisation
        if len(mean) == seen.channels:
            seen = msgspec.structs.replace(seen, mean=mean, std=std)
    return ModelSpec(
        arch=recipe.teacher.arch,
        classes=own.classes,
        input=seen,
        width=recipe.teacher.width,
        blocks=recipe.teacher.blocks,
    )


def taught(run: Run, recipe: DistillRecipe, data: TrainingData, work: Path) -> Checkpoint:
    """The teacher, once it has learnt the run's data.

    Args:
        run: whose teacher.
        recipe: which, and how it learns.
        data: what it learns from; the same that its pupil will.
        work: the folder of the attempt at the stage, where it is gone on with after a kill.

    Raises:
        DataError, TrainError, RunError: as `train`.
        WeightsError: see `teacher_start`.
    """
    start = teacher_start(run, recipe)
    for line in start.lines:
        run.progress.say(f"{NAME}: {line}")
    resume = work / RESUME_FOLDER / NAME
    resume.mkdir(parents=True, exist_ok=True)
    macs = cost(start.network.module, start.network.spec.input).macs
    run.progress.say(f"{NAME}: {recipe.teacher.arch}, {macs / 1e6:.2f} M MACs")
    return train(
        start.network,
        data,
        recipe.train,
        seed=run.recipe.seed,
        resume_folder=resume,
        cache=run.cache,
        progress=run.progress,
        name=NAME,
    )


def pupil(start: Checkpoint, teacher: Checkpoint, recipe: DistillRecipe, seed: int) -> Checkpoint:
    """`start` with its teacher in the lineage: which network, and the hash of its weights."""
    digest = hashlib.sha256()
    for value in teacher.module.state_dict().values():
        digest.update(value.contiguous().numpy().data)
    settings: dict[str, object] = {
        "arch": teacher.spec.arch,
        "sha256": digest.hexdigest(),
        "share": recipe.share,
        "temperature": recipe.temperature,
        "accuracy": teacher.history[-1].val_accuracy,
    }
    step = LineageStep(NAME, seed, settings)
    return replace(start, lineage=(*start.lineage, step))


def towards(
    teacher: Checkpoint, seen: InputSpec, recipe: DistillRecipe
) -> Callable[[Objective], Loss]:
    """What a network minimises that learns from labels and from `teacher`.

    Args:
        teacher: answers the same pictures.
        seen: how the inputs of the network that learns are normalised.
        recipe: how much the teacher's answers count, and how they are softened.
    """
    network = Renormalised(teacher.module, seen, teacher.spec.input)

    def loss(objective: Objective) -> Loss:
        return distillation(network, objective, recipe.share, recipe.temperature)

    return loss
