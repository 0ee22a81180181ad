import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from onnx_nets import (
    converted,
    device_input,
    expected,
    float_tensors,
    normal,
    operators,
    quanta_apart,
)
from operator_cases import CASES, Case

WORKER = Path(__file__).parents[2] / "tflite_runtime_worker.py"
OTHER_RUNTIME = "EDGEWARD_TFLITE_PYTHON"
SAMPLES = 6


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_operator_has_the_fewest_and_agrees_with_onnx_runtime(case: Case) -> None:
    """The lowering is full int8, what the table says, and LiteRT computes the QDQ model."""
    made = converted(case.model())
    assert operators(made.tflite) == case.operators.split()
    assert not float_tensors(made.tflite)
    assert quanta_apart(made, normal(SAMPLES, *case.shape, seed=7)) <= case.quanta


def test_every_operator_runs_on_the_older_runtime(tmp_path: Path) -> None:
    """tflite-runtime 2.14 loads each file, and its reference kernels compute the QDQ model."""
    python = os.environ.get(OTHER_RUNTIME)
    if python is None:
        pytest.skip(f"{OTHER_RUNTIME} names no Python that has tflite-runtime")
    made = [converted(case.model()) for case in CASES]
    samples = [normal(SAMPLES, *case.shape, seed=7) for case in CASES]
    for index, (one, x) in enumerate(zip(made, samples, strict=True)):
        (tmp_path / f"{index}.tflite").write_bytes(one.tflite)
        np.save(tmp_path / f"{index}.in.npy", device_input(one, x))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    subprocess.run([python, WORKER, tmp_path], check=True, env=environment, timeout=120)
    for index, (case, one, x) in enumerate(zip(CASES, made, samples, strict=True)):
        wanted = expected(one, x)
        for port in range(len(one.lowered.results)):
            found = np.load(tmp_path / f"{index}.out{port}.npy").astype(int)
            worst = np.abs(found - np.stack([outputs[port] for outputs in wanted])).max()
            assert worst <= max(case.quanta, case.reference), case.name
