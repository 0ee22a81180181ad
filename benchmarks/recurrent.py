"""What unrolling an LSTM or a GRU costs: file, latency and accuracy of small text recognisers.

    python benchmarks/recurrent.py [--seconds S]

Trains a CRNN (convolutions, one recurrent layer of 64 both ways, CTC) on lines of scikit-learn's
digits, T = 16 steps for lines of four and T = 32 for lines of eight. Prints for each the
signal-to-noise ratio of the int8 logits against the float network on onnxruntime, the lines read
without a mistake by both, the bytes of both files and the medians of their latencies, taken in
turn on one thread.
"""

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import torch
from daemon.figures import Figure
from record.results import record
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from edge_agent.common.arrays import F32
from edge_agent.inference.runtime import Interpreter
from quantization.convert import convert

BLANK, HIDDEN, BATCH, STEPS = 10, 64, 32, 600
CALIBRATION, TESTED = 256, 500
TRAINED = 1200  # of the 1797 digits; the lines that are tested are of the others


class Crnn(nn.Module):
    """Lines (N, 1, 8, W) to logits (N, W / 2, 11)."""

    def __init__(self, recurrent: type[nn.LSTM] | type[nn.GRU]) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_conv(1, 16), nn.MaxPool2d(2), *_conv(16, 32), nn.MaxPool2d((2, 1)),
            *_conv(32, 32), nn.MaxPool2d((2, 1)),
        )  # fmt: skip
        self.sequence = recurrent(32, HIDDEN, bidirectional=True)
        self.classes = nn.Linear(2 * HIDDEN, BLANK + 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits of each column."""
        columns = self.features(x).squeeze(2).permute(2, 0, 1)  # (T, N, 32)
        logits: torch.Tensor = self.classes(self.sequence(columns)[0])
        return logits.permute(1, 0, 2)


def _conv(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return conv, nn.BatchNorm2d(outputs), nn.ReLU()


class Lines:
    """Lines of random digits, drawn from the first ones or from the others."""

    def __init__(self, digits: int, *, train: bool, seed: int) -> None:
        images, labels = load_digits(return_X_y=True)
        part = slice(TRAINED) if train else slice(TRAINED, None)
        self._images, self._labels = images[part].reshape(-1, 8, 8) / 8 - 1, labels[part]
        self._digits, self._random = digits, np.random.default_rng(seed)

    def draw(self, count: int) -> tuple[F32, np.ndarray]:
        """Lines (N, 1, 8, 8 * digits) in [-1, 1], and their digits (N, digits)."""
        chosen = self._random.integers(0, len(self._images), (count, self._digits))
        rows = self._images[chosen].transpose(0, 2, 1, 3).reshape(count, 1, 8, -1)
        return rows.astype(np.float32), self._labels[chosen]


def train(recurrent: type[nn.LSTM] | type[nn.GRU], digits: int) -> nn.Module:
    """A recogniser of lines."""
    torch.manual_seed(0)
    network, lines = Crnn(recurrent), Lines(digits, train=True, seed=0)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for step in range(STEPS):
        x, labels = lines.draw(BATCH)
        scores = network(torch.from_numpy(x)).permute(1, 0, 2).log_softmax(2)
        lengths = torch.full((BATCH,), len(scores)), torch.full((BATCH,), digits)
        loss = F.ctc_loss(scores, torch.from_numpy(labels), *lengths, blank=BLANK)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        if step == STEPS * 4 // 5:
            optimiser.param_groups[0]["lr"] /= 5
    return network.eval()


def exported(network: nn.Module, shape: tuple[int, ...]) -> onnx.ModelProto:
    """The float ONNX model for one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network, (torch.zeros(1, *shape),), input_names=["input"], output_names=["output"],
            dynamo=True, verbose=False,
        )  # fmt: skip
    assert program is not None
    return program.model_proto


def read_exactly(logits: F32, labels: np.ndarray) -> float:
    """The share of lines that the best path through (N, T, 11) reads without a mistake."""
    right = 0
    for path, digits in zip(logits.argmax(2).tolist(), labels.tolist(), strict=True):
        starts = [a for a, b in zip(path, [None, *path], strict=False) if a != b]
        right += [digit for digit in starts if digit != BLANK] == digits
    return right / len(labels)


def in_turn(seconds: float, *calls: Callable[[], object]) -> list[float]:
    """The median milliseconds of each call."""
    taken: list[list[float]] = [[] for _ in calls]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for times, call in zip(taken, calls, strict=True):
            start = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - start))
    return [float(np.median(times)) for times in taken]


def measure(
    recurrent: type[nn.LSTM] | type[nn.GRU], digits: int, seconds: float
) -> tuple[Figure, ...]:
    """The figures of one network."""
    network = train(recurrent, digits)
    calibration, _ = Lines(digits, train=True, seed=1).draw(CALIBRATION)
    x, labels = Lines(digits, train=False, seed=2).draw(TESTED)
    model = exported(network, x.shape[1:])
    made = convert(model, [calibration])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    inputs = [made.input.quantize(one[None].transpose(made.lowered.source.order)) for one in x]
    with Interpreter(made.tflite) as interpreter:
        raws = [interpreter.infer(one)[0] for one in inputs]
        int8 = made.output.dequantize(np.concatenate(raws))
        real = np.concatenate([session.run(None, {"input": one[None]})[0] for one in x])
        ours, theirs = in_turn(
            seconds,
            lambda: interpreter.infer(inputs[0]),
            lambda: session.run(None, {"input": x[:1]}),
        )
    noise = 10 * np.log10(np.square(real).sum() / np.square(int8 - real).sum())
    exact = [100 * read_exactly(logits, labels) for logits in (real, int8)]
    name = f"{recurrent.__name__}, {real.shape[1]} steps"
    size, onnx_size = len(made.tflite) / 1000, model.ByteSize() / 1000
    return (
        Figure(
            f"{name}: lines read in int8",
            exact[1],
            "%",
            beside=f"float {exact[0]:.1f}",
            headline=True,
        ),
        Figure(f"{name}: signal to noise", float(noise), "dB"),
        Figure(f"{name}: TFLite file", size, "kB", beside=f"ONNX {onnx_size:.0f} kB"),
        Figure(f"{name}: LiteRT int8", ours, "ms", beside=f"onnxruntime float {theirs:.3f} ms"),
    )


def main() -> None:
    """Train, convert and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of timing for each network")
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures = list[Figure]()
    for recurrent in (nn.LSTM, nn.GRU):
        for digits in (4, 8):
            for figure in measure(recurrent, digits, options.seconds):
                print(figure, flush=True)
                figures.append(figure)
    record("recurrent", figures)


if __name__ == "__main__":
    main()
