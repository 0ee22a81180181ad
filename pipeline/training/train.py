"""`train`: the one loop, for training from scratch and for fine-tuning what was pruned.

The weights that come out are the moving average at the end of the last epoch, so that nothing
is chosen by looking at a split, unless the recipe asks for the epoch that was best on the
validation split, or to stop where it no longer gets better. On one machine, with one number of
threads, the same seed gives the same bits, however often the run was killed and resumed.
"""

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from edge_agent.common.atomic import write_whole
from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.checkpoints.events import write_events
from pipeline.checkpoints.history import EpochRecord, LineageStep, best_epoch, history_csv
from pipeline.common.distributed import Ranks, join_ranks
from pipeline.common.errors import TrainError
from pipeline.common.progress import SILENT, Progress, Task
from pipeline.recipe import TrainRecipe
from pipeline.training.ema import Ema
from pipeline.training.feed import Feed
from pipeline.training.objective import Loss, Objective, TrainingData
from pipeline.training.resume import TrainingState, restore, run_key, store
from pipeline.training.schedule import learning_rate
from pipeline.training.transfer.blocks import rate_shares, set_norm_momentum
from pipeline.training.transfer.head import learn_head

# Of torch's batch norm.
USUAL_MOMENTUM = 0.1


@dataclass(frozen=True, eq=False)
class _Training:
    """What does not change while a network trains."""

    name: str
    recipe: TrainRecipe
    seed: int
    loss: Loss
    feed: Feed
    ranks: Ranks
    resume_folder: Path | None
    history_file: Path | None
    store_every_s: float
    key: str
    features_key: str


def labels_alone(objective: Objective) -> Loss:
    """What the data and the recipe ask for, and no teacher."""
    return objective.loss


def train(
    start: Checkpoint,
    data: TrainingData,
    recipe: TrainRecipe,
    *,
    seed: int,
    resume_folder: Path | None = None,
    history_file: Path | None = None,
    store_every_s: float = 60.0,
    cache: Path | None = None,
    progress: Progress = SILENT,
    loss: Callable[[Objective], Loss] = labels_alone,
    name: str = "train",
    ranks: Ranks | None = None,
) -> Checkpoint:
    """`start` trained on `data`; the argument stays as it was.

    Uses a GPU when there is one, and every process when started by torchrun; the batch
    size is then that of all of them together.

    Args:
        start: the network, fresh or trained.
        data: what it learns from, and what each epoch is measured on.
        recipe: the optimisation.
        seed: decides the order of the images and their random changes.
        resume_folder: where the state is kept; a state of the same run found there is gone
            on with. None keeps none.
        history_file: a CSV file that gets a line at the end of each epoch; None writes none.
        store_every_s: how long an epoch may last before the state is kept within it; with
            several processes it is kept at the ends of epochs only.
        cache: where the features that a head is learnt on are kept; None keeps none.
        progress: where to report.
        loss: what to minimise, made of what the data and the recipe ask for.
        name: the stage's name, in reports and in the lineage.
        ranks: the processes that train together; None takes all that torchrun started.

    Raises:
        DataError: the data do not fit the network, or there are too few images.
        TrainError: the loss is no longer finite.
        RunError: the state in `resume_folder` is damaged.
    """
    ranks = ranks or join_ranks()
    objective = data.objective(start.spec, recipe, ranks)
    step = LineageStep(name, seed, msgspec.to_builtins(recipe))
    job = _Training(
        name=name,
        recipe=recipe,
        seed=seed,
        loss=loss(objective),
        feed=objective.feed,
        ranks=ranks,
        resume_folder=resume_folder,
        history_file=history_file,
        store_every_s=store_every_s,
        key=_key(start, step, objective.feed, ranks),
        features_key=_features_key(start, recipe, seed, objective.feed),
    )
    state = _initial_state(start.module, recipe, job.feed.device)
    if resume_folder is not None and restore(state, resume_folder, job.key):
        progress.say(f"{name}: resumed after {state.epoch} epochs and {state.step} steps")
        _write_history(job, state)
    elif recipe.head_epochs:
        _learn_head(job, state, objective, cache, progress)
    # Deterministic convolutions on a GPU; on the CPU they are so by themselves.
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        _run(job, state, progress)
    module = state.ema.module.to("cpu")
    if state.best is not None:
        module.load_state_dict(state.best)
    _lay_out(module, torch.contiguous_format)
    return Checkpoint(module, start.spec, tuple(state.history), (*start.lineage, step))


def _learn_head(
    job: _Training,
    state: TrainingState,
    objective: Objective,
    cache: Path | None,
    progress: Progress,
) -> None:
    """The classifier alone, as epoch 0; all processes do the same."""
    begun = time.monotonic()
    module = state.ema.module
    kept = None if cache is None else (cache, job.features_key)
    loss = learn_head(module, objective, job.recipe, job.seed, kept, progress)
    state.module.load_state_dict(module.state_dict())
    record = _record(job, state, loss, 0.0, begun)
    _keep(job, state, record)
    if job.ranks.first:
        progress.say(f"{job.name}: the classifier alone: val {record.measures}, "
                     f"{record.seconds:.1f} s")  # fmt: skip


def _key(start: Checkpoint, step: LineageStep, feed: Feed, ranks: Ranks) -> str:
    weights = _bytes_of(start.module)
    return run_key(start.spec, start.lineage, step, ranks.world, *feed.content(), *weights)


def _features_key(start: Checkpoint, recipe: TrainRecipe, seed: int, feed: Feed) -> str:
    """A hash of all that the features of a network's pictures depend on."""
    if not recipe.head_epochs:
        return ""
    views: tuple[object, ...] = ()
    if recipe.head_views:
        changes = (recipe.balance, recipe.batch_size, recipe.mixup, recipe.cutmix)
        views = (seed, recipe.head_views, recipe.augment, changes)
    return run_key(start.spec, seed, views, *feed.content(), *_bytes_of(start.module))


def _bytes_of(module: nn.Module) -> Iterator[memoryview]:
    return (value.contiguous().numpy().data for value in module.state_dict().values())


def _initial_state(module: nn.Module, recipe: TrainRecipe, device: torch.device) -> TrainingState:
    module = copy.deepcopy(module).requires_grad_(True).train().to(device)
    # The order batches come in, and the one convolutions are fastest in.
    _lay_out(module, torch.channels_last)
    if recipe.norm_momentum != USUAL_MOMENTUM:
        set_norm_momentum(module, recipe.norm_momentum)
    return TrainingState(
        module,
        Ema(module, recipe.ema),
        _optimizer(module, recipe),
        torch.zeros((), dtype=torch.float64, device=device),
    )


def _lay_out(module: nn.Module, order: torch.memory_format) -> None:
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=order)


def _optimizer(module: nn.Module, recipe: TrainRecipe) -> Optimizer:
    """Weight decay on weights only: it has no sense on norms and biases (one axis)."""
    groups = [
        {"params": kind, "weight_decay": decay, "share": share}
        for share, parameters in _by_rate(module, recipe)
        for kind, decay in (
            ([p for p in parameters if p.ndim > 1], recipe.weight_decay),
            ([p for p in parameters if p.ndim <= 1], 0.0),
        )
    ]
    if recipe.optimizer == "adamw":
        return AdamW(groups, lr=recipe.lr, foreach=True)
    nesterov = recipe.momentum > 0
    return SGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=nesterov, foreach=True)


def _by_rate(module: nn.Module, recipe: TrainRecipe) -> list[tuple[float, list[nn.Parameter]]]:
    """Shares of the learning rate, each with the parameters that have it; 0 is not learnt."""
    if recipe.backbone_lr == 1 and recipe.layer_decay == 1:
        return [(1.0, list(module.parameters()))]
    groups: dict[float, list[nn.Parameter]] = {}
    shares = rate_shares(module, recipe)
    for name, parameter in module.named_parameters():
        groups.setdefault(shares[name], []).append(parameter)
        if shares[name] == 0:
            parameter.requires_grad_(False)
    return [(share, group) for share, group in groups.items() if share > 0]


def _run(job: _Training, state: TrainingState, progress: Progress) -> None:
    per_epoch = job.feed.steps
    forward = job.ranks.parallel(state.module)
    done = state.epoch * per_epoch + state.step
    with progress.task(job.name, job.recipe.epochs * per_epoch, done) as task:
        while not _finished(job, state):
            begun = time.monotonic() - state.seconds
            _train_epoch(job, state, forward, task, begun)
            record = _finish_epoch(job, state, begun)
            if job.ranks.first:
                progress.say(_said(job, record))
    best, last = best_epoch(state.history), state.epoch
    if job.ranks.first and last < job.recipe.epochs:
        progress.say(
            f"{job.name}: stopped after {last} of {job.recipe.epochs} epochs, none of the last "
            f"{job.recipe.patience} better on validation"
        )
    if job.ranks.first and job.recipe.keep == "best":
        progress.say(f"{job.name}: the weights of epoch {best.epoch} are kept")


def _finished(job: _Training, state: TrainingState) -> bool:
    """Whether all epochs are done, or so many brought nothing; by the history alone."""
    if state.epoch >= job.recipe.epochs:
        return True
    patience, history = job.recipe.patience, state.history
    return bool(patience and history and state.epoch - best_epoch(history).epoch >= patience)


def _said(job: _Training, record: EpochRecord) -> str:
    return (
        f"{job.name} {record.epoch}/{job.recipe.epochs}: "
        f"loss {record.train_loss:.4f}, val {record.measures}, "
        f"lr {record.lr:.2g}, {record.seconds:.1f} s"
    )


def _train_epoch(
    job: _Training, state: TrainingState, forward: nn.Module, task: Task, begun: float
) -> None:
    """The rest of the epoch under way."""
    place = (job.seed, state.epoch, state.step)
    stored = time.monotonic()
    for inputs, labels in job.feed.batches(place, job.ranks):
        for group in state.optimizer.param_groups:
            group["lr"] = group["share"] * _rate(job, state.epoch, state.step)
        loss = job.loss(inputs, forward(inputs), labels)
        state.optimizer.zero_grad()
        loss.backward()
        state.optimizer.step()
        state.ema.update(state.module)
        state.loss += loss.detach()
        state.step += 1
        task.advance()
        if _worth_storing(job, time.monotonic() - stored):
            state.seconds = time.monotonic() - begun
            _store(job, state)
            stored = time.monotonic()


def _rate(job: _Training, epoch: int, step: int) -> float:
    steps, recipe = job.feed.steps, job.recipe
    warmup = round(recipe.warmup_epochs * steps)
    return learning_rate(epoch * steps + step, recipe.lr, warmup, recipe.epochs * steps)


def _worth_storing(job: _Training, seconds: float) -> bool:
    """Within an epoch the ranks' batch norms differ, and one file cannot hold them all."""
    return job.ranks.world == 1 and seconds >= job.store_every_s


def _finish_epoch(job: _Training, state: TrainingState, begun: float) -> EpochRecord:
    job.ranks.agree(state.module)
    job.ranks.agree(state.ema.module)
    train_loss = job.ranks.total(state.loss).item() / (job.feed.steps * job.ranks.world)
    if not torch.isfinite(torch.tensor(train_loss)):
        raise TrainError(
            f"{job.name}: expected a finite loss in epoch {state.epoch + 1}, found {train_loss}; "
            f"a lower lr than {job.recipe.lr} may help"
        )
    lr = _rate(job, state.epoch, job.feed.steps - 1)
    state.epoch, state.step, state.seconds = state.epoch + 1, 0, 0.0
    state.loss.zero_()
    record = _record(job, state, train_loss, lr, begun)
    _keep(job, state, record)
    return record


def _record(
    job: _Training, state: TrainingState, train_loss: float, lr: float, begun: float
) -> EpochRecord:
    """What the averaged weights are worth now."""
    val = job.feed.measure(state.ema.module, job.ranks)
    return EpochRecord(
        epoch=state.epoch,
        train_loss=train_loss,
        val_loss=val.loss,
        val_accuracy=val.accuracy,
        lr=lr,
        seconds=time.monotonic() - begun,
        val_cer=val.cer,
        val_balanced=val.balanced,
        val_error=val.error,
    )


def _keep(job: _Training, state: TrainingState, record: EpochRecord) -> None:
    """The record in the history, and the state on disk."""
    state.history.append(record)
    if job.recipe.keep == "best" and best_epoch(state.history) is record:
        weights = state.ema.module.state_dict()
        state.best = {name: value.detach().cpu().clone() for name, value in weights.items()}
    _store(job, state)
    _write_history(job, state)


def _write_history(job: _Training, state: TrainingState) -> None:
    if job.history_file is not None and job.ranks.first:
        write_whole(job.history_file, history_csv(state.history).encode())
        write_events(job.history_file, state.history)


def _store(job: _Training, state: TrainingState) -> None:
    if job.resume_folder is not None and job.ranks.first:
        store(state, job.resume_folder, job.key)
    job.ranks.wait()
