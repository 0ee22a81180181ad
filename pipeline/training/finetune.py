"""Quantisation-aware fine-tuning: the network learns to answer as in float, on the int8 grid."""

from pathlib import Path

from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.common.distributed import Ranks
from pipeline.common.progress import SILENT, Progress
from pipeline.recipe import Recipe, TrainRecipe
from pipeline.training.distill import distillation
from pipeline.training.int8 import Int8Network
from pipeline.training.objective import Loss, Objective, TrainingData
from pipeline.training.train import train
from quantization.qat import FakeQuantNetwork, exported
from quantization.quantize import QuantizedModel
from quantization.scales.qdq import insert_qdq

NAME = "fine-tune int8"
# The float network's answers alone are learnt, as they are: what is wanted is no drop from it.
DISTILL, TEMPERATURE = 1.0, 1.0
# A fifth of the training's epochs; of AdamW the rate that moves few weights by a quantum in a
# step (docs/log/quantising.md has what others did).
EPOCHS_SHARE, LR = 0.2, 3e-4


def finetuning(recipe: Recipe) -> TrainRecipe | None:
    """The recipe's own fine-tuning, or one for the images of its last training, if it had any.

    The optimiser is not the training's: a rate of SGD that fits one network's trained weights
    and ranges is far off for another's, AdamW's is relative.
    """
    if recipe.quantize.finetune is not None:
        return recipe.quantize.finetune
    last = recipe.train if recipe.prune is None else recipe.prune.train
    if last is None:
        return None
    return TrainRecipe(
        epochs=max(1, round(last.epochs * EPOCHS_SHARE)),
        batch_size=last.batch_size,
        optimizer="adamw",
        lr=LR,
        weight_decay=0.0,
        warmup_epochs=0.0,
        ema=last.ema,
        augment=last.augment,
    )


def finetune(
    start: QuantizedModel,
    teacher: Checkpoint,
    data: TrainingData,
    recipe: TrainRecipe,
    *,
    seed: int,
    resume_folder: Path | None = None,
    history_file: Path | None = None,
    progress: Progress = SILENT,
) -> Int8Network:
    """`start` trained on the int8 grid towards the answers of `teacher`; both stay.

    One process does it, also under torchrun.

    Args:
        start: the network as it was quantised best.
        teacher: the float network.
        data: what it learns from, and what each epoch is measured on.
        recipe: the optimisation.
        seed: decides the order of the images and their random changes.
        resume_folder: as in `train`.
        history_file: likewise.
        progress: where to report.

    Raises:
        UnsupportedOperatorError: an operator of the network cannot be trained.
        DataError, TrainError, RunError: as `train`.
    """
    layers = start.recipe.float_layers
    network = FakeQuantNetwork(start.folded, start.ranges, float_layers=layers)

    def towards(objective: Objective) -> Loss:
        return distillation(teacher.module, objective, DISTILL, TEMPERATURE)

    tuned = train(
        Checkpoint(network, teacher.spec, (), teacher.lineage),
        data,
        recipe,
        seed=seed,
        resume_folder=resume_folder,
        history_file=history_file,
        progress=progress,
        loss=towards,
        name=NAME,
        ranks=Ranks(),
    )
    assert isinstance(tuned.module, FakeQuantNetwork), "training keeps the kind of a network"
    folded, ranges = exported(tuned.module)
    qdq = insert_qdq(folded, ranges, float_layers=layers)
    return Int8Network(QuantizedModel(folded, ranges, qdq, start.recipe), tuned.history)
