"""tflite-runtime in an environment of its own, which a variable names: the second judge."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_agent.common.arrays import F32
from quantization.convert import Conversion
from support.onnx_nets import Array, device_input

VARIABLE = "EDGEWARD_TFLITE_PYTHON"
WORKER = Path(__file__).parent / "tflite_runtime_worker.py"


def run_other(
    files: Sequence[tuple[Conversion, F32]], folder: Path, kernels: str = "BUILTIN_REF"
) -> list[list[Array]]:
    """Every output (N, ...) of each file for its samples (N, ...), by one set of kernels.

    Skips the test where there is no such environment.
    """
    if VARIABLE not in os.environ:
        pytest.skip(f"{VARIABLE} names no Python that has tflite-runtime")
    for index, (made, x) in enumerate(files):
        (folder / f"{index}.tflite").write_bytes(made.tflite)
        np.save(folder / f"{index}.in.npy", device_input(made, x))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    command: list[str | Path] = [os.environ[VARIABLE], WORKER, folder, kernels]
    subprocess.run(command, check=True, env=environment, timeout=120)
    return [
        [np.load(folder / f"{index}.out{port}.npy") for port in range(len(made.lowered.results))]
        for index, (made, _) in enumerate(files)
    ]
