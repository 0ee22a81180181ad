"""Whole networks of the families trained here: folded, converted, and run on both runtimes."""

import functools
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from support.onnx_nets import float_tensors, normal, operators, quanta_apart, run_onnx, to_device
from support.torch_nets import NETS, exported, randomised

from edge_agent.common.arrays import F32
from edge_agent.inference.runtime import Interpreter
from quantization.convert import Conversion, convert
from quantization.fold.fold import fold
from quantization.recipe import QuantRecipe

WORKER = Path(__file__).parents[1] / "support" / "tflite_runtime_worker.py"
OTHER_RUNTIME = "EDGEWARD_TFLITE_PYTHON"
EXPORTERS = {"dynamo": True, "torchscript": False}


@dataclass(frozen=True)
class Case:
    """One network, through one exporter and the quantiser, and samples it has not seen."""

    name: str
    model: onnx.ModelProto
    made: Conversion
    samples: F32


CASES = [f"{name}-{exporter}" for name in NETS for exporter in EXPORTERS]


@functools.cache
def convert_once(name: str) -> Case:
    net, exporter = name.split("-")
    make, shape = NETS[net]
    model = exported(randomised(make()), shape, dynamo=EXPORTERS[exporter])
    made = convert(model, [normal(64, *shape, seed=1)], QuantRecipe())
    return Case(name, model, made, normal(8, *shape, seed=2))


@pytest.fixture(name="case", params=CASES)
def _case(request: pytest.FixtureRequest) -> Case:
    return convert_once(request.param)


EXPECTED = {
    "resnet": "CONV_2D CONV_2D CONV_2D ADD"
    " PAD CONV_2D CONV_2D CONV_2D ADD PAD CONV_2D CONV_2D CONV_2D ADD"
    " MEAN RESHAPE FULLY_CONNECTED",
    "mobilenet": "CONV_2D"
    " CONV_2D DEPTHWISE_CONV_2D CONV_2D CONV_2D DEPTHWISE_CONV_2D CONV_2D ADD"
    " CONV_2D DEPTHWISE_CONV_2D CONV_2D MEAN RESHAPE FULLY_CONNECTED",
    "ds_cnn": "PAD CONV_2D DEPTHWISE_CONV_2D CONV_2D DEPTHWISE_CONV_2D CONV_2D"
    " AVERAGE_POOL_2D RESHAPE FULLY_CONNECTED",
    "vgg": "CONV_2D MAX_POOL_2D CONV_2D MAX_POOL_2D RESHAPE"
    " FULLY_CONNECTED FULLY_CONNECTED SOFTMAX",
}


def test_the_operators_are_the_fewest_and_all_int8(case: Case) -> None:
    """No float tensor, no TRANSPOSE, no operator that folding or fusion should have taken."""
    assert sorted(operators(case.made.tflite)) == sorted(EXPECTED[case.name.split("-")[0]].split())
    assert not float_tensors(case.made.tflite)


def test_folding_does_not_change_the_function(case: Case) -> None:
    """The folded float model gives the exporter's outputs."""
    x = case.samples[:1]
    np.testing.assert_allclose(
        run_onnx(fold(case.model), x), run_onnx(case.model, x), rtol=1e-3, atol=1e-4
    )


def test_litert_agrees_with_onnx_runtime(case: Case) -> None:
    """The file on LiteRT is within one quantum of the QDQ model on ONNX Runtime."""
    assert quanta_apart(case.made, case.samples) <= 1


def test_int8_stays_close_to_float(case: Case) -> None:
    """Over unseen samples: cosine of at least 0.999 to the float outputs, and its answers."""
    with Interpreter(case.made.tflite) as interpreter:
        device = np.concatenate(
            [
                interpreter.infer(case.made.input.quantize(to_device(x[None])))[0]
                for x in case.samples
            ]
        )
    found = case.made.output.dequantize(device).ravel()
    real = np.concatenate([run_onnx(case.model, x[None]) for x in case.samples]).ravel()
    assert found @ real / (np.linalg.norm(found) * np.linalg.norm(real)) >= 0.999


def test_tflite_runtime_agrees_with_onnx_runtime(tmp_path: Path) -> None:
    """The same files load in the older runtime, and its reference kernels are within 2 quanta.

    Those kernels are bit for bit what the older runtime computes on Arm. A softmax turns
    one quantum of a logit into several of a probability, so there it is 6.
    """
    python = os.environ.get(OTHER_RUNTIME)
    if python is None:
        pytest.skip(f"{OTHER_RUNTIME} names no Python that has tflite-runtime")
    cases = [convert_once(name) for name in CASES]
    for case in cases:
        (tmp_path / f"{case.name}.tflite").write_bytes(case.made.tflite)
        quantised = case.made.input.quantize(to_device(case.samples))
        np.save(tmp_path / f"{case.name}.in.npy", quantised)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    subprocess.run([python, WORKER, tmp_path], check=True, env=environment, timeout=120)
    for case in cases:
        device = np.load(tmp_path / f"{case.name}.out0.npy")[:, 0].astype(int)
        real = np.concatenate([run_onnx(case.made.qdq, x[None]) for x in case.samples])
        worst = np.abs(device - case.made.output.quantize(real)).max()
        assert worst <= (6 if "SOFTMAX" in operators(case.made.tflite) else 2), case.name


def test_the_worker_needs_nothing_of_this_project() -> None:
    """The second runtime's environment has numpy and itself: the worker imports no more."""
    imported = [line for line in WORKER.read_text().splitlines() if "import" in line.split()[:3:2]]
    assert {line.split()[1].split(".")[0] for line in imported} <= {
        *sys.stdlib_module_names,
        "numpy",
        "tflite_runtime",
    }
