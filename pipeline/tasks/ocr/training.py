"""Train, prune and fine-tune readers of text, with the loops that train classifiers."""

from pathlib import Path

from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.common.distributed import Ranks, join_ranks
from pipeline.common.errors import DataError
from pipeline.common.progress import SILENT, Progress
from pipeline.ladder.ladder import Made
from pipeline.pruning.prune import cut_on
from pipeline.recipe import PruneRecipe, TrainRecipe
from pipeline.tasks.ocr.ctc import ctc
from pipeline.tasks.ocr.data.feed import Examples, TextFeed
from pipeline.training.distill import distillation
from pipeline.training.finetune import NAME, made, on_the_grid, towards
from pipeline.training.train import train_on
from quantization.quantized import Quantized


def train_texts(
    start: Checkpoint,
    examples: Examples,
    recipe: TrainRecipe,
    *,
    seed: int,
    resume_folder: Path | None = None,
    history_file: Path | None = None,
    store_every_s: float = 60.0,
    progress: Progress = SILENT,
    ranks: Ranks | None = None,
) -> Checkpoint:
    """`start` taught to read; the argument stays as it was.

    Args:
        start: the network, fresh or trained.
        examples: what it learns from, and is measured on.
        recipe: the optimisation.
        seed: decides the order of the real pictures and all random changes.
        resume_folder: where the state is kept; see `train`.
        history_file: gets a line for each epoch; see `train`.
        store_every_s: how long an epoch may last before the state is kept within it.
        progress: where to report.
        ranks: the processes that train together; None takes all that torchrun started.

    Raises:
        DataError: examples that do not fit the network, or cannot be mixed so.
        TrainError, RunError: as `train`.
    """
    ranks = ranks or join_ranks()
    return train_on(
        _feed(start, examples, recipe, ranks),
        start,
        recipe,
        seed=seed,
        loss=ctc(examples.charset.blank),
        resume_folder=resume_folder,
        history_file=history_file,
        store_every_s=store_every_s,
        progress=progress,
        ranks=ranks,
    )


def prune_texts(
    start: Checkpoint,
    examples: Examples,
    recipe: PruneRecipe,
    *,
    seed: int,
    resume_folder: Path | None = None,
    history_file: Path | None = None,
    progress: Progress = SILENT,
) -> Checkpoint:
    """`start` with `recipe.macs` of its multiply-accumulates, fine-tuned; `start` stays.

    The fine-tuning learns the texts and, at each time step, what the unpruned network answers.
    The other arguments are those of `train_texts`.

    Raises:
        BudgetError: the target is under what the network can be cut down to.
        DataError, TrainError, RunError: as `train_texts`.
    """
    ranks = join_ranks()
    feed = _feed(start, examples, recipe.train, ranks)
    loss = ctc(examples.charset.blank)
    return train_on(
        feed,
        cut_on(feed, start, recipe, seed=seed, loss=loss),
        recipe.train,
        seed=seed,
        loss=distillation(start.module, loss, recipe.distill, recipe.temperature),
        resume_folder=resume_folder,
        history_file=history_file,
        progress=progress,
        name="fine-tune",
        ranks=ranks,
    )


def finetune_texts(
    start: Quantized,
    teacher: Checkpoint,
    examples: Examples,
    recipe: TrainRecipe,
    *,
    seed: int,
    resume_folder: Path | None = None,
    history_file: Path | None = None,
    progress: Progress = SILENT,
) -> Made:
    """As `pipeline.training.finetune.finetune`, for a reader of texts.

    Raises:
        UnsupportedOperatorError: an operator of the network cannot be trained.
        DataError, TrainError, RunError: as `train_texts`.
    """
    begun, ranks = on_the_grid(start, teacher), Ranks()
    tuned = train_on(
        _feed(begun, examples, recipe, ranks),
        begun,
        recipe,
        seed=seed,
        loss=towards(teacher, ctc(examples.charset.blank)),
        resume_folder=resume_folder,
        history_file=history_file,
        progress=progress,
        name=NAME,
        ranks=ranks,
    )
    return made(start, tuned)


def _feed(start: Checkpoint, examples: Examples, recipe: TrainRecipe, ranks: Ranks) -> TextFeed:
    if recipe.label_smoothing:
        raise DataError(
            f"train.label_smoothing: expected 0 for texts, found {recipe.label_smoothing}"
        )
    return TextFeed.of(examples, start.spec, recipe, ranks)
