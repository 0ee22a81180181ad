"""Every form of every operator: what it is lowered to, and what both runtimes make of that."""

from pathlib import Path

import numpy as np
import pytest
from support.onnx_nets import (
    FLOAT_ERROR,
    Array,
    batched,
    converted,
    expected,
    float_tensors,
    in_float,
    int8_tensors,
    net,
    node,
    normal,
    operators,
    quanta_apart,
    run_litert,
    worst_error,
)
from support.operator_cases import CASES, Case
from support.other_runtime import run_other

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
    files = [(converted(case.model()), normal(SAMPLES, *case.shape, seed=7)) for case in CASES]
    for case, (made, x), found in zip(CASES, files, run_other(files, tmp_path), strict=True):
        for device, host in zip(found, batched(expected(made, x)), strict=True):
            worst = np.abs(device.astype(int) - host.astype(int)).max()
            assert worst <= max(case.quanta, case.reference), case.name


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_operator_has_a_float_form(case: Case) -> None:
    """Lowered in float32 nothing is int8, and LiteRT computes what ONNX Runtime does."""
    made = in_float(case.model())
    assert operators(made.tflite) == (case.in_float or case.operators).split()
    assert not int8_tensors(made.tflite)
    x = normal(SAMPLES, *case.shape, seed=7)
    for found, wanted in zip(run_litert(made, x), expected(made, x), strict=True):
        assert worst_error(found, wanted) <= FLOAT_ERROR


@pytest.mark.parametrize("kernels", ["BUILTIN_REF", "AUTO"])
def test_every_float_form_runs_on_the_older_runtime(tmp_path: Path, kernels: str) -> None:
    """By its reference kernels and by its default ones."""
    files = [(in_float(case.model()), normal(SAMPLES, *case.shape, seed=7)) for case in CASES]
    outputs = run_other(files, tmp_path, kernels)
    for case, (made, x), found in zip(CASES, files, outputs, strict=True):
        assert worst_error(found, batched(expected(made, x))) <= FLOAT_ERROR, case.name


@pytest.mark.parametrize("bounds", [(0, 6), (-1, 1)])
@pytest.mark.parametrize("alone", [False, True])
def test_a_bound_far_beyond_every_value_is_left_out(
    bounds: tuple[float, float], alone: bool, tmp_path: Path
) -> None:
    """A network whose signal dies away: in steps of 1e-11 no int32 counts to 6, on any runtime."""
    constants: dict[str, Array] = {
        "tiny": np.array([1e-9], np.float32),
        "low": np.array(bounds[0], np.float32),
        "high": np.array(bounds[1], np.float32),
    }
    nodes = [node("Mul", "input", "tiny", to="a"), node("Clip", "a", "low", "high")]
    if alone:
        nodes[:1] = [
            node("Mul", "input", "tiny", to="b"),
            node("Reshape", "b", "shape", to="a"),
        ]
        constants["shape"] = np.array([1, 4])
    made, x = converted(net(nodes, (1, 4), constants)), normal(SAMPLES, 4, seed=7)
    assert "RELU6" not in operators(made.tflite)
    assert quanta_apart(made, x) <= 1
    ((found,),) = run_other([(made, x)], tmp_path)
    wanted = batched(expected(made, x))[0]
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 1
