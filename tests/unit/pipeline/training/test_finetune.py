"""Fine-tuning on the int8 grid: how it is derived, what it learns, and that it can be killed."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.onnx_nets import graph_of

from edge_agent.common.arrays import F32
from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.checkpoints.export_onnx import to_onnx
from pipeline.common.progress import Silent
from pipeline.data.classes import FittedClasses
from pipeline.data.fitted import Fitted
from pipeline.measure.evaluate import onnx_session
from pipeline.recipe import (
    Augment,
    PruneRecipe,
    QuantizeRecipe,
    Recipe,
    TrainRecipe,
)
from pipeline.run.stages.quantize import CalibrationSamples
from pipeline.tasks.classify.training import ClassExamples
from pipeline.tasks.recipes import decode_recipe
from pipeline.training.finetune import finetune, finetuning
from quantization.doctor import diagnose
from quantization.graph.graph import Graph, write
from quantization.lower import lower_graph
from quantization.quantize import QuantizedModel, quantize
from quantization.recipe import QuantRecipe

Splits = tuple[FittedClasses, FittedClasses]
TUNE = TrainRecipe(epochs=2, batch_size=64, optimizer="adamw", lr=1e-3, warmup_epochs=0, ema=0.9)


@pytest.fixture(name="hurt", scope="module")
def _hurt(trained_digits: Checkpoint, digit_splits: Splits) -> QuantizedModel:
    """Trained digits with every activation cut off far too early."""
    recipe = QuantRecipe(calibration="percentile", percentile=90)
    samples = CalibrationSamples(first(digit_splits[0], 64).pixels, trained_digits.spec.input)
    return quantize(graph_of(to_onnx(trained_digits)), samples, recipe)


def right(model: Graph, images: FittedClasses, network: Checkpoint) -> float:
    """Share of right answers of a quantised ONNX network."""
    session = onnx_session(write(model).SerializeToString())
    rows: list[F32] = [
        session.run(None, {"input": x[None]})[0]
        for batch in CalibrationSamples(images.pixels, network.spec.input)
        for x in batch
    ]
    return float((np.concatenate(rows).argmax(axis=1) == images.labels).mean())


def tuned(hurt: QuantizedModel, network: Checkpoint, splits: Splits, **options: object) -> bytes:
    """The fine-tuned network's bytes."""
    made = finetune(hurt, network, ClassExamples(*splits), TUNE, seed=3, **options)  # type: ignore[arg-type]
    assert len(made.history) == TUNE.epochs
    file: bytes = write(made.quantized.qdq).SerializeToString(deterministic=True)
    return file


class Killed(Silent):
    """Ends the training after its first epoch."""

    def say(self, line: str) -> None:
        if " 1/2: " in line:
            raise KeyboardInterrupt


def test_a_hurt_network_learns_its_answers_again(
    hurt: QuantizedModel, trained_digits: Checkpoint, digit_splits: Splits
) -> None:
    """From under 85 % to within 3 points of float, which stays as it is."""
    before = {k: v.clone() for k, v in trained_digits.module.state_dict().items()}
    val = digit_splits[1]
    whole = trained_digits.history[-1].val_accuracy
    assert whole is not None
    assert right(hurt.qdq, val, trained_digits) < 0.85
    made = finetune(hurt, trained_digits, ClassExamples(*digit_splits), TUNE, seed=3)
    assert right(made.quantized.qdq, val, trained_digits) > whole - 0.03
    assert made.quantized.recipe == hurt.recipe
    assert made.history[-1].val_accuracy == right(made.quantized.qdq, val, trained_digits)
    after = trained_digits.module.state_dict()
    assert all(value.equal(after[name]) for name, value in before.items())


def test_a_killed_fine_tuning_ends_with_the_same_network(
    hurt: QuantizedModel, trained_digits: Checkpoint, digit_splits: Splits, tmp_path: Path
) -> None:
    """Byte for byte that of an undisturbed one with the same seed."""
    few = first(digit_splits[0], 256), first(digit_splits[1], 64)
    straight = tuned(hurt, trained_digits, few)
    with pytest.raises(KeyboardInterrupt):
        tuned(hurt, trained_digits, few, resume_folder=tmp_path, progress=Killed())
    assert list(tmp_path.iterdir())
    assert tuned(hurt, trained_digits, few, resume_folder=tmp_path) == straight


def test_layers_in_float_stay_so(trained_digits: Checkpoint, digit_splits: Splits) -> None:
    """A recipe's own choice of them is trained, and quantised again, with them in float."""
    folded = graph_of(to_onnx(trained_digits))
    samples = CalibrationSamples(first(digit_splits[0], 64).pixels, trained_digits.spec.input)
    whole = quantize(folded, samples, QuantRecipe())
    layer = diagnose(folded, whole.qdq, next(iter(samples))).layers[1].name
    mixed = quantize(folded, samples, QuantRecipe(float_layers=(layer,)))
    train, val = (first(split, 64) for split in digit_splits)
    made = finetune(mixed, trained_digits, ClassExamples(train, val), TUNE, seed=3).quantized
    assert made.recipe.float_layers == (layer,)
    pairs = [
        sum(node.op == "QuantizeLinear" for node in some.qdq.nodes) for some in (made, mixed, whole)
    ]
    assert pairs[0] == pairs[1]
    sizes = [len(lower_graph(some.qdq).tflite) for some in (made, mixed, whole)]
    assert sizes[0] == sizes[1] > sizes[2]


@pytest.mark.parametrize(("epochs", "tuned"), [(24, 5), (30, 6), (2, 1), (1, 1)])
def test_the_last_training_says_how_to_fine_tune(epochs: int, tuned: int) -> None:
    """Its images and batches; a fifth of its epochs, at least one; an optimiser of its own."""
    last = TrainRecipe(epochs=epochs, batch_size=64, augment=Augment(shift=0.1), ema=0.99)
    for recipe in (recipe_of(train=last), recipe_of(prune=PruneRecipe(train=last))):
        tuning = finetuning(recipe)
        assert tuning is not None
        assert (tuning.epochs, tuning.batch_size, tuning.ema) == (tuned, 64, 0.99)
        assert tuning.augment == last.augment
        assert (tuning.optimizer, tuning.weight_decay, tuning.warmup_epochs) == ("adamw", 0, 0)


def test_a_recipe_may_say_itself_how_to_fine_tune() -> None:
    """Its table is taken as it is."""
    recipe = recipe_of(quantize=QuantizeRecipe(finetune=TUNE))
    assert finetuning(recipe) is TUNE


def recipe_of(**parts: object) -> Recipe:
    """A recipe with some of its parts."""
    text = b"""
name = "tiny"
data = { kind = "digits" }
input = { height = 8, width = 8, colour = "gray", mean = [0.5], std = [0.5] }
model = { arch = "resnet8" }
train = { epochs = 7 }
"""
    return msgspec.structs.replace(decode_recipe(text, "tiny.toml"), **parts)


def first(images: FittedClasses, count: int) -> FittedClasses:
    """The first few images of a split."""
    return Fitted(images.pixels[:count], images.labels[:count])
