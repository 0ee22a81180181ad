"""torch.nn.LSTM and torch.nn.GRU, exported as the pipeline exports, on every runtime there is."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from support.onnx_nets import (
    device_input,
    float_tensors,
    graph_of,
    normal,
    open_session,
    operators,
    quanta_apart,
)
from support.tflite_graphs import OTHER_RUNTIME, Runtime, runtimes
from support.torch_nets import exported, randomised
from torch import nn

from edge_agent.common.arrays import F32
from edge_agent.inference.runtime import Interpreter
from quantization.convert import Conversion, convert
from quantization.operators.batching import takes_batches
from quantization.recipe import QuantRecipe
from quantization.reference import exposed, first_difference

HIDDEN = 12
RECURRENT = {"lstm": nn.LSTM, "gru": nn.GRU}
EXPORTERS = {"dynamo": True, "torchscript": False}


class Crnn(nn.Module):
    """A text recogniser: convolutions, two recurrent layers both ways, classes of each column."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d((4, 1))
        )
        self.sequence = RECURRENT[kind](8, HIDDEN, num_layers=2, bidirectional=True)
        self.classes = nn.Linear(2 * HIDDEN, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        columns = self.features(x).squeeze(2).permute(2, 0, 1)  # (T, N, C)
        y: torch.Tensor = self.classes(self.sequence(columns)[0])
        return y.permute(1, 0, 2)  # (N, T, K)


class Sensor(nn.Module):
    """A classifier of a window of measurements by the last state of one recurrent layer."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.sequence = RECURRENT[kind](6, HIDDEN, batch_first=True)
        self.classes = nn.Linear(HIDDEN, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        last = self.sequence(x)[1]
        y: torch.Tensor = self.classes((last[0] if isinstance(last, tuple) else last)[-1])
        return y


NETS: dict[str, tuple[Callable[[str], nn.Module], tuple[int, ...]]] = {
    "crnn": (Crnn, (1, 8, 16)),
    "sensor": (Sensor, (10, 6)),
}
CASES = [f"{net}-{kind}-{way}" for net in NETS for kind in RECURRENT for way in EXPORTERS]


@dataclass(frozen=True)
class Case:
    """One network, through one exporter and the quantiser, and samples it has not seen."""

    model: onnx.ModelProto
    made: Conversion
    samples: F32


@functools.cache
def convert_once(name: str) -> Case:
    net, kind, exporter = name.split("-")
    make, shape = NETS[net]
    model = exported(randomised(make(kind)), shape, dynamo=EXPORTERS[exporter])
    made = convert(model, [normal(64, *shape, seed=1)], QuantRecipe())
    return Case(model, made, normal(8, *shape, seed=2))


@pytest.fixture(name="case", params=CASES)
def _case(request: pytest.FixtureRequest) -> Case:
    return convert_once(request.param)


def test_all_is_int8_and_nothing_is_transposed(case: Case) -> None:
    """No float tensor and no TRANSPOSE: time first is a name of axes only."""
    assert not float_tensors(case.made.tflite)
    assert "TRANSPOSE" not in operators(case.made.tflite)


def test_samples_are_calibrated_in_batches(case: Case) -> None:
    """The batch is turned away and back again by the exporter, and stays in front in ours."""
    assert takes_batches(graph_of(case.model))


def test_litert_agrees_with_onnx_runtime(case: Case) -> None:
    """The file on LiteRT is within two quanta of the QDQ model on ONNX Runtime."""
    assert quanta_apart(case.made, case.samples) <= 2


def test_int8_stays_close_to_float(case: Case) -> None:
    """Over unseen samples: a signal-to-noise ratio of 30 dB, and the float network's answers."""
    session, output = open_session(case.model), case.made.output
    real = [session.run(None, {"input": one[None]})[0] for one in case.samples]
    with Interpreter(case.made.tflite) as interpreter:
        int8 = [
            output.dequantize(interpreter.infer(device_input(case.made, one[None]))[0])
            for one in case.samples
        ]
    wanted, found = np.concatenate(real), np.concatenate(int8)
    assert 10 * np.log10(np.square(wanted).sum() / np.square(found - wanted).sum()) > 30
    best = np.sort(wanted, axis=-1)[..., -2:]
    is_clear = best[..., 1] - best[..., 0] > 2 * output.scale
    assert is_clear.mean() > 0.8
    assert (found.argmax(-1) == wanted.argmax(-1))[is_clear].all()


@pytest.mark.parametrize("runtime", list(runtimes()))
def test_every_tensor_is_the_runtimes(runtime: str) -> None:
    """The reference agrees with both runtimes' reference kernels at each operator of each step."""
    python = runtimes()[runtime]
    if python is None:
        pytest.skip(f"{OTHER_RUNTIME} names no Python that has tflite-runtime")
    tolerance = 0 if runtime == "tflite-runtime" else 1  # as in test_reference_nets
    with Runtime(python) as running:
        for name in (case for case in CASES if case.endswith("dynamo")):
            case = convert_once(name)
            x, file = device_input(case.made, case.samples[:1]), case.made.tflite
            found: dict[str, Any] = running.trace(exposed(file), x)
            assert first_difference(file, x, found, tolerance=tolerance) is None, name
