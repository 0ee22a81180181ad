"""`prune`: remove the least worthy channels until the network fits, then train it again.

The pruned network learns from the labels and from the unpruned network's answers
(`pipeline.training.distill`). It is a `Checkpoint` like any other.
"""

import copy
import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import torch
import torch_pruning as tp
from torch import Tensor, nn

from edge_agent.bundle.manifest import InputSpec
from edge_agent.common.errors import one_line
from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.checkpoints.history import LineageStep
from pipeline.common.distributed import join_ranks
from pipeline.common.errors import BudgetError, PipelineError
from pipeline.common.progress import SILENT, Progress
from pipeline.models import build
from pipeline.models.macs import cost, layer_macs
from pipeline.models.shapes import read_shapes
from pipeline.pruning.channel_groups import ChannelGroups, Importance
from pipeline.pruning.channel_plan import least_macs, plan_channels
from pipeline.pruning.norms import ChannelNumbers, correct_norms
from pipeline.pruning.variation import variation
from pipeline.recipe import PruneRecipe
from pipeline.training.distill import distillation
from pipeline.training.objective import Loss, Objective, TrainingData
from pipeline.training.train import train

# Enough for a stable order of channels; the estimate of Molchanov et al. 2019 uses few too.
TAYLOR_IMAGES = 1024


def prune(
    start: Checkpoint,
    data: TrainingData,
    recipe: PruneRecipe,
    *,
    seed: int,
    resume_folder: Path | None = None,
    history_file: Path | None = None,
    cache: Path | None = None,
    progress: Progress = SILENT,
) -> Checkpoint:
    """`start` with `recipe.macs` of its multiply-accumulates, fine-tuned; `start` stays.

    The fine-tuning learns the labels and what the unpruned network answers.

    Raises:
        BudgetError: the target is under what the network can be cut down to.
        DataError, TrainError, RunError: as `train`.
    """
    smaller = cut(start, data, recipe, seed=seed)
    before = cost(start.module, start.spec.input).macs
    after = cost(smaller.module, smaller.spec.input).macs
    progress.say(f"prune: {before / 1e6:.2f} M to {after / 1e6:.2f} M MACs ({after / before:.1%})")

    def distilled(objective: Objective) -> Loss:
        return distillation(start.module, objective, recipe.distill, recipe.temperature)

    return train(
        smaller,
        data,
        recipe.train,
        seed=seed,
        resume_folder=resume_folder,
        history_file=history_file,
        cache=cache,
        progress=progress,
        loss=distilled,
        name="fine-tune",
    )


def cut(start: Checkpoint, data: TrainingData, recipe: PruneRecipe, *, seed: int) -> Checkpoint:
    """`start` with its least worthy channels removed and nothing trained again.

    Deterministic: the same arguments give the same network.

    Raises:
        BudgetError: see `prune`.
        DataError: the data do not fit the network.
    """

    def gradients(module: nn.Module) -> None:
        objective = data.objective(start.spec, recipe.train, join_ranks())
        seen = 0
        for inputs, labels in objective.feed.sample(seed):
            objective.plain_loss(inputs, module(inputs), labels).backward()
            seen += len(inputs)
            if seen >= TAYLOR_IMAGES:
                break

    def some_images() -> Tensor:
        objective = data.objective(start.spec, recipe.train, join_ranks())
        inputs, _ = next(objective.feed.sample(seed))
        return inputs

    module = copy.deepcopy(start.module).requires_grad_(True).eval()
    importance = _importance(module, recipe, gradients, some_images)
    numbers = ChannelNumbers(module)
    _without_least(module, start, recipe, importance)
    left = numbers.left()
    if recipe.correct_norms:
        correct_norms(module.requires_grad_(False), start.module, left, some_images())
    return _rebuilt(module, start, LineageStep("prune", seed, _settings(recipe)))


def check_target(start: Checkpoint, recipe: PruneRecipe) -> None:
    """Raise unless `start`, trained or not, can be cut down to the recipe's target.

    Raises:
        BudgetError: see `prune`.
    """
    importance: Importance = tp.importance.GroupMagnitudeImportance(p=2, normalizer=None)
    module = copy.deepcopy(start.module)
    if start.spec.own is None:
        _plan(_groups(module, start, recipe, importance), module, start, recipe)
        return
    step = LineageStep("prune", 0, _settings(recipe))
    try:
        # All of it, since nobody has pruned such a network before.
        smaller = _without_least(module.requires_grad_(True).eval(), start, recipe, importance)
        _answers(_rebuilt(smaller, start, step))
    except PipelineError:
        raise
    except Exception as error:  # whatever torch-pruning or the network makes of it
        raise BudgetError(
            f"prune: expected a network whose channels can be removed, found {start.spec.arch}, "
            f"whose cannot: {type(error).__name__}: {one_line(error)}; leave [prune] out"
        ) from error


def _answers(network: Checkpoint) -> None:
    """Raise unless a network that was cut down still gives a row of scores for each picture."""
    spec = network.spec
    with torch.no_grad():
        found = network.module(torch.zeros(2, *_planes(spec.input)))
    if found.shape != (2, spec.classes):
        raise BudgetError(
            f"prune: expected {spec.arch} to answer with (N, {spec.classes}) after it, found "
            f"{tuple(found.shape)}; leave [prune] out"
        )


def _planes(spec: InputSpec) -> tuple[int, int, int]:
    return spec.channels, spec.height, spec.width


def _without_least(
    module: nn.Module, start: Checkpoint, recipe: PruneRecipe, importance: Importance
) -> nn.Module:
    """`module` without its least worthy channels, in place."""
    groups = _groups(module, start, recipe, importance)
    kept = _plan(groups, module, start, recipe)
    for group, count in zip(groups.groups, kept, strict=True):
        groups.remove(group, count)
    return module


def _groups(
    module: nn.Module, start: Checkpoint, recipe: PruneRecipe, importance: Importance
) -> ChannelGroups:
    return ChannelGroups(module, start.spec.input, importance, recipe.groups == "inner")


def _plan(
    groups: ChannelGroups, module: nn.Module, start: Checkpoint, recipe: PruneRecipe
) -> tuple[int, ...]:
    """How many channels each group keeps; the weights have no say in it."""
    layers = layer_macs(module, start.spec.input)
    whole = sum(layers.values())
    budget = int(whole * recipe.macs)
    kept = plan_channels(layers, groups.groups, budget, recipe.round_to)
    if kept is None:
        least = least_macs(layers, groups.groups, recipe.round_to) / whole
        reachable = math.ceil(least * 1e4) / 1e4  # rounded up, so that it can be typed in
        raise BudgetError(
            f"prune.macs: expected a share that {start.spec.arch} can be cut down to in steps "
            f"of {recipe.round_to} channels, found {recipe.macs}; "
            f"the least reachable is {reachable:.4f}"
        )
    return kept


def _settings(recipe: PruneRecipe) -> dict[str, object]:
    """The recipe without the fine-tuning, which makes its own step in the lineage."""
    settings = msgspec.to_builtins(recipe)
    return {key: value for key, value in settings.items() if key != "train"}


def _rebuilt(module: nn.Module, start: Checkpoint, step: LineageStep) -> Checkpoint:
    """The pruned `module` made again from its description, as loading it later will."""
    spec = msgspec.structs.replace(start.spec, shapes=read_shapes(module))
    again = build(spec)
    again.load_state_dict(module.state_dict())
    return Checkpoint(again.eval(), spec, (), (*start.lineage, step))


def _importance(
    module: nn.Module,
    recipe: PruneRecipe,
    gradients: Callable[[nn.Module], None],
    some_images: Callable[[], Tensor],
) -> Importance:
    """The measure of a group; for `taylor` it needs gradients on real images, or some of these."""
    if recipe.importance == "variation":
        return variation(module, some_images())
    if recipe.importance == "magnitude":
        magnitude: Importance = tp.importance.GroupMagnitudeImportance(p=2, normalizer=None)
        return magnitude
    gradients(module)
    taylor: Importance = tp.importance.GroupTaylorImportance(normalizer=None)
    return taylor
