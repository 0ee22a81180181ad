"""Three networks made to hurt in int8, and what each remedy recovers.

Each is trained on Fashion-MNIST and then rescaled so that it is the same function in float
(the ties of `quantization.remedies.ties` say how) but a hard one to quantise:

    outlier    one channel between two layers of a DS-CNN is 100 times what it was
    spread     channels into and out of every depthwise layer are up to 100 times apart
    silu       beside a SiLU, the other branch of each concatenation is 100 times as large

Every remedy alone and on top of those before it, on the full test split by the device's
runtime; the float accuracy is the same for the network before and after it was made to hurt.

    python benchmarks/made_to_hurt.py [--data-root D] [--out FOLDER] [--images 20000]
        [--epochs 3] [--finetune 1]

Trained weights are kept in FOLDER, so that a second run trains nothing but the fine-tuning.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from conversion.tables import table
from daemon.figures import Figure
from numpy.typing import NDArray
from record.results import record
from torch import Tensor, nn

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import normalise
from edge_agent.common.arrays import F32
from edge_agent.inference.runtime import Interpreter
from pipeline.checkpoints.checkpoint import Checkpoint, fresh
from pipeline.checkpoints.export_onnx import to_onnx
from pipeline.data.base import SplitName
from pipeline.data.classes import FittedClasses
from pipeline.data.fitted import fit_cached
from pipeline.measure.evaluate import accuracy, agreement, onnx_session
from pipeline.models import ModelSpec
from pipeline.models.layers import classifier, conv_bn
from pipeline.recipe import Augment, DataRecipe, TrainRecipe
from pipeline.tasks.classify.load import load
from pipeline.tasks.classify.training import ClassExamples
from pipeline.training.finetune import finetune
from pipeline.training.train import train
from quantization.doctor import diagnose
from quantization.fold.fold import fold_graph
from quantization.graph.graph import Graph, read, write
from quantization.lower import lower_graph
from quantization.quantize import QuantizedModel, quantize
from quantization.recipe import QuantRecipe
from quantization.remedies.equalize import rescaled
from quantization.remedies.layers import weighted_layers
from quantization.remedies.ties import Knobs, tie_channels
from quantization.scales.plan import layer_of

INPUT = InputSpec(height=28, width=28, colour="gray", mean=(0.286,), std=(0.353,))
SPEC = ModelSpec(arch="ds_cnn", classes=10, input=INPUT)
FACTOR = 100.0
DIAGNOSED = 64
RECIPES = {
    "extremes": QuantRecipe(),
    "better ranges": QuantRecipe(calibration="auto"),
    "equalised": QuantRecipe(equalize=True),
    "biases corrected": QuantRecipe(correct_bias=True),
    "equalised, biases corrected": QuantRecipe(equalize=True, correct_bias=True),
    "learned rounding": QuantRecipe(rounding="learned"),
    "all three": QuantRecipe(equalize=True, correct_bias=True, rounding="learned"),
    "all three, better ranges": QuantRecipe(
        calibration="auto", equalize=True, correct_bias=True, rounding="learned"
    ),
}


@dataclass(frozen=True, eq=False)
class Hurt:
    """A network made to hurt.

    Args:
        name: how.
        teacher: the trained network.
        plain: its float ONNX, folded.
        folded: the same function, hurt.
    """

    name: str
    teacher: Checkpoint
    plain: Graph
    folded: Graph


@dataclass(frozen=True, eq=False)
class Data:
    """Fashion-MNIST, fitted.

    Args:
        train, val: to learn from, and for its reports.
        calibration: (N, 1, 28, 28), the quantiser's.
        test: (N, 1, 28, 28), the judge's.
        labels: (N,) of `test`.
    """

    train: FittedClasses
    val: FittedClasses
    calibration: F32
    test: F32
    labels: NDArray[np.int64]


class Branches(nn.Module):
    """A 1x1 convolution with a SiLU beside a 3x3 one with a ReLU, their channels side by side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.small = conv_bn(inputs, outputs // 2, 1, activation=nn.SiLU())
        self.large = conv_bn(inputs, outputs // 2, 3, activation=nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W)."""
        return torch.cat([self.small(x), self.large(x)], dim=1)


def branches() -> nn.Module:
    """(N, 1, 28, 28) to logits (N, 10)."""
    return nn.Sequential(
        conv_bn(1, 16, 3, 2, activation=nn.ReLU()),
        Branches(16, 32),
        nn.MaxPool2d(2),
        Branches(32, 64),
        classifier(64, 10),
    )


def main() -> None:
    """Train, hurt, quantise and print."""
    options = _options()
    data = _data(options.data_root, options.out, options.images)
    figures = list[Figure]()
    for hurt in _hurt(data, options.out, options.epochs):
        wanted = _float_scores(hurt.folded, data.test)
        score = accuracy(wanted, data.labels)
        rows = []
        for name, make in _rungs(hurt, data, options.finetune):
            begun = time.perf_counter()
            made = make()
            seconds = time.perf_counter() - begun
            found = _int8_scores(made, data.test)
            rows.append(_row(name, wanted, found, data.labels, seconds))
            lost = float(rows[-1][2])
            figures.append(
                Figure(f"{hurt.name}, {name}: points lost", lost, "points", beside=rows[-1][4])
            )
        title = f"{hurt.name}, float {100 * score.value:.2f} %"
        head = ["int8", "drop (points)", "same answers", "signal to noise", "s to make"]
        print("\n".join(table([title, *head], rows)), flush=True)
    record("made_to_hurt", figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/made_to_hurt"))
    parser.add_argument("--images", type=int, default=20_000, help="to train on")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--finetune", type=int, default=1, help="epochs on the int8 grid; 0: none")
    return parser.parse_args()


def _data(root: Path | None, folder: Path, images: int) -> Data:
    recipe = DataRecipe(kind="fashion-mnist", val=0.05, calibration=512, train_limit=images)
    dataset = load(recipe, root=root, recipe_folder=Path(), seed=1)

    def fitted(name: SplitName) -> FittedClasses:
        return fit_cached(dataset, name, INPUT, folder)

    return Data(
        fitted("train"),
        fitted("val"),
        _inputs(fitted("calibration")),
        _inputs(fitted("test")),
        dataset.test.labels,
    )


def _inputs(images: FittedClasses) -> F32:
    return np.ascontiguousarray(normalise(images.pixels, INPUT).transpose(0, 3, 1, 2))


def _hurt(data: Data, folder: Path, epochs: int) -> Iterator[Hurt]:
    separable = _trained("ds_cnn", fresh(SPEC, 1).module, data, folder, epochs)
    plain = fold_graph(read(to_onnx(separable)))
    yield Hurt("outlier", separable, plain, _with_outlier(plain))
    yield Hurt("spread", separable, plain, _with_spread(plain))
    torch.manual_seed(1)
    branched = _trained("branches", branches(), data, folder, epochs)
    plain = fold_graph(read(to_onnx(branched)))
    yield Hurt("silu", branched, plain, _with_large_branches(plain))


def _trained(name: str, module: nn.Module, data: Data, folder: Path, epochs: int) -> Checkpoint:
    """The network with the weights kept in `folder`, or trained now and kept there."""
    path = folder / f"{name}-{len(data.train)}-{epochs}.safetensors"
    if not path.exists():
        recipe = TrainRecipe(
            epochs=epochs, lr=0.1, warmup_epochs=0.3, ema=0.99, augment=Augment(flip=True)
        )
        made = train(Checkpoint(module, SPEC), ClassExamples(data.train, data.val), recipe, seed=1)
        safetensors.torch.save_file(made.module.state_dict(), path)
    module.load_state_dict(safetensors.torch.load_file(path))
    return Checkpoint(module.eval(), SPEC)


def _with_outlier(plain: Graph) -> Graph:
    """Channel 5 of the third convolution's result."""

    def scale(graph: Graph, knobs: dict[str, Knobs], scales: NDArray[np.float64]) -> None:
        layer = list(weighted_layers(graph))[2].node
        scales[knobs[layer_of(graph, layer)].ravel()[5]] = 1 / FACTOR

    return _rescaled(plain, scale)


def _with_spread(plain: Graph) -> Graph:
    """Every channel between two layers, by a factor drawn from 1 to 100 evenly in its logarithm."""

    def scale(graph: Graph, knobs: dict[str, Knobs], scales: NDArray[np.float64]) -> None:
        drawn = np.random.default_rng(0).uniform(0, 1, len(scales))
        scales[:] = FACTOR**-drawn

    return _rescaled(plain, scale)


def _with_large_branches(plain: Graph) -> Graph:
    """Of each concatenation, the channels that are free to be scaled: those beside the SiLU's."""

    def scale(graph: Graph, knobs: dict[str, Knobs], scales: NDArray[np.float64]) -> None:
        for node in graph.nodes:
            if node.op == "Concat":
                scales[knobs[node.output].ravel()] = 1 / FACTOR

    return _rescaled(plain, scale)


def _rescaled(
    plain: Graph,
    scale: Callable[[Graph, dict[str, Knobs], NDArray[np.float64]], None],
) -> Graph:
    tied = tie_channels(plain)
    scales = np.ones(tied.count)
    scale(plain, dict(tied.knobs), scales)
    scales[0] = 1  # of what cannot be scaled
    return rescaled(plain, tied, scales)


def _rungs(
    hurt: Hurt, data: Data, epochs: int
) -> Iterator[tuple[str, Callable[[], QuantizedModel]]]:
    samples = [data.calibration]
    yield "extremes, before it was hurt", lambda: quantize(hurt.plain, samples, QuantRecipe())
    for name, recipe in RECIPES.items():
        yield name, partial(quantize, hurt.folded, samples, recipe)
    start = quantize(hurt.folded, samples, QuantRecipe())
    diagnosis = diagnose(start.folded, start.qdq, data.calibration[:DIAGNOSED])
    layers = [layer.name for layer in diagnosis.by_cost if layer.operators != ("input",)]
    for count in (1, 2, 4):
        recipe = QuantRecipe(float_layers=tuple(layers[:count]))
        name = f"{count} of {len(layers)} layers in float"
        yield name, partial(quantize, hurt.folded, samples, recipe)
    if epochs:
        yield f"fine-tuned {epochs} epoch(s)", lambda: _finetuned(hurt, start, data, epochs)


def _finetuned(hurt: Hurt, start: QuantizedModel, data: Data, epochs: int) -> QuantizedModel:
    recipe = TrainRecipe(
        epochs=epochs, optimizer="adamw", lr=3e-4, weight_decay=0.0, warmup_epochs=0.0, ema=0.99
    )
    return finetune(
        start, hurt.teacher, ClassExamples(data.train, data.val), recipe, seed=1
    ).quantized


def _float_scores(model: Graph, x: F32) -> F32:
    session = onnx_session(write(model).SerializeToString())
    return np.concatenate([session.run(None, {"input": one[None]})[0] for one in x])


def _int8_scores(made: QuantizedModel, x: F32) -> F32:
    lowered = lower_graph(made.qdq)
    inputs = lowered.input.quantize(x.transpose(lowered.source.order))
    with Interpreter(lowered.tflite) as interpreter:
        rows = [interpreter.infer(one[None])[0] for one in inputs]
    return lowered.output.dequantize(np.concatenate(rows))


def _row(
    name: str, wanted: F32, found: F32, labels: NDArray[np.int64], seconds: float
) -> list[str]:
    real, int8 = (accuracy(scores, labels).value for scores in (wanted, found))
    noise = np.square((found - wanted).astype(np.float64)).sum()
    ratio = 10 * np.log10(np.square(wanted.astype(np.float64)).sum() / noise)
    return [
        name,
        f"{100 * int8:.2f} %",
        f"{100 * (real - int8):+.2f}",
        f"{100 * agreement(wanted, found):.2f} %",
        f"{ratio:.1f} dB",
        f"{seconds:.1f}",
    ]


if __name__ == "__main__":
    main()
