"""Fine-tuning recovers what int8 costs a network that was made to hurt: digits, start to file."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from support.onnx_nets import graph_of
from support.other_runtime import run_other

from edge_agent.bundle.manifest import InputSpec
from edge_agent.common.arrays import F32
from edge_agent.inference.runtime import Interpreter
from pipeline.checkpoints.checkpoint import Checkpoint, fresh
from pipeline.checkpoints.export_onnx import to_onnx
from pipeline.data.classes import FittedClasses
from pipeline.data.fitted import Fitted
from pipeline.models import ModelSpec
from pipeline.recipe import TrainRecipe
from pipeline.tasks.classify.training import ClassExamples
from pipeline.training.train import train
from quantization.convert import Conversion
from quantization.graph.graph import Graph
from quantization.lower import lower_graph
from quantization.operators.activation import is_fused
from quantization.qat import FakeQuantNetwork, exported
from quantization.quantize import QuantizedModel
from quantization.recipe import QuantRecipe
from quantization.scales.calibrate import calibrate
from quantization.scales.qdq import insert_qdq

MEAN, STD = 0.3, 0.35
INPUT = InputSpec(height=16, width=16, colour="gray", mean=(MEAN,), std=(STD,))
SPEC = ModelSpec(arch="vgg_tiny", classes=10, input=INPUT, width=0.5)
LEARNING = TrainRecipe(epochs=6, batch_size=64, ema=0.98)
TUNING = TrainRecipe(
    epochs=8, batch_size=64, optimizer="adamw", lr=5e-4, warmup_epochs=0, ema=0.98,
    label_smoothing=0,
)  # fmt: skip
# How many channels of a layer are made to stand out, and how far.
CHANNELS, TIMES = 4, np.float32(100)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread, by which a training repeats itself."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@functools.cache
def splits() -> tuple[FittedClasses, FittedClasses]:
    """1,200 digits to learn from and the other 597, each pixel doubled."""
    loaded = load_digits()
    pixels = (loaded.images * 255 / 16).round().astype(np.uint8)
    pixels = pixels.repeat(2, axis=1).repeat(2, axis=2)[..., np.newaxis]
    labels = loaded.target.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(labels))
    first, second = order[:1200], order[1200:]
    return Fitted(pixels[first], labels[first]), Fitted(pixels[second], labels[second])


def inputs(split: FittedClasses) -> F32:
    """The network's inputs (N, 1, 16, 16)."""
    real = (split.pixels.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
    return np.ascontiguousarray(real.transpose(0, 3, 1, 2))


def made_to_hurt(graph: Graph) -> Graph:
    """The same function: some channels are made larger and the next layer's weights smaller."""
    arrays = {name: array.copy() for name, array in graph.constants.items()}
    for node in graph.nodes:
        if node.op == "Conv" and is_fused(graph, node):
            reader = graph.sole_consumer(graph.consumers(node.output)[0].output)
            if reader is not None and reader.op == "Conv":
                arrays[node.inputs[1]][:CHANNELS] *= TIMES
                arrays[node.inputs[2]][:CHANNELS] *= TIMES
                arrays[reader.inputs[1]][:, :CHANNELS] /= TIMES
    return replace(graph, constants=arrays)


@dataclass(frozen=True)
class Tuned:
    """A network that was fine-tuned, and its accuracy before."""

    before: float
    checkpoint: Checkpoint
    start: FakeQuantNetwork
    network: FakeQuantNetwork


def accuracy(module: torch.nn.Module) -> float:
    _, test = splits()
    with torch.no_grad():
        answers = module.eval()(torch.from_numpy(inputs(test))).argmax(dim=1).numpy()
    return float((answers == test.labels).mean())


@functools.cache
def learnt() -> Checkpoint:
    return train(fresh(SPEC, 0), ClassExamples(*splits()), LEARNING, seed=0)


def on_the_grid(folded: Graph) -> FakeQuantNetwork:
    samples = inputs(splits()[0])[:256]
    return FakeQuantNetwork(folded, calibrate(folded, [samples], QuantRecipe()))


def converted(network: FakeQuantNetwork) -> Conversion:
    model, ranges = exported(network)
    qdq = insert_qdq(model, ranges)
    return Conversion(lower_graph(qdq), QuantizedModel(model, ranges, qdq, QuantRecipe()))


@functools.cache
def tuned() -> Tuned:
    start = on_the_grid(made_to_hurt(graph_of(to_onnx(learnt()))))
    before = accuracy(start)
    checkpoint = train(Checkpoint(start, SPEC), ClassExamples(*splits()), TUNING, seed=0)
    assert isinstance(checkpoint.module, FakeQuantNetwork)
    return Tuned(before, checkpoint, start, checkpoint.module)


def test_fine_tuning_recovers_the_accuracy() -> None:
    """From 85 to 92 % in int8, by the processor, to within three points of the 99 % in float."""
    result, in_float = tuned(), accuracy(learnt().module)
    assert in_float >= 0.98
    assert result.before <= in_float - 0.05
    assert accuracy(result.network) >= in_float - 0.03
    assert result.checkpoint.history[-1].val_accuracy == pytest.approx(accuracy(result.network))


def test_the_network_it_started_from_stays() -> None:
    """The training loop trains a copy."""
    assert accuracy(tuned().start) == tuned().before


def test_the_file_answers_as_the_network() -> None:
    """LiteRT returns the trained network's int8 output for all 597 digits, bit for bit."""
    one, x = tuned(), inputs(splits()[1])
    file = converted(one.network)
    with Interpreter(file.tflite) as interpreter:
        found = [
            interpreter.infer(file.input.quantize(image[None].transpose(0, 2, 3, 1)))[0]
            for image in x
        ]
    values = one.network.quantized(torch.from_numpy(x))[one.network.plan.outputs[0]]
    np.testing.assert_array_equal(values.numpy(), np.concatenate(found))


def test_tflite_runtime_answers_within_two_quanta(tmp_path: Path) -> None:
    """Of a network that does not hurt, and nearly all within one: it rounds every sum twice."""
    network, x = on_the_grid(graph_of(to_onnx(learnt()))).eval(), inputs(splits()[1])
    (outputs,) = run_other([(converted(network), x)], tmp_path)
    values = network.quantized(torch.from_numpy(x))[network.plan.outputs[0]].numpy()
    apart = np.abs(values.astype(int) - outputs[0].reshape(values.shape).astype(int))
    assert apart.max() <= 2
    assert (apart <= 1).mean() >= 0.99
