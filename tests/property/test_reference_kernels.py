"""Every operator, in random and extreme forms, against the runtimes' reference kernels."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kernel_cases import axes, moves, values, windows
from kernel_cases.draws import Build, Case, Draw
from support.tflite_graphs import RefusedError, Runtime

from quantization.reference import KERNELS, UnsupportedKernelError, run
from quantization.reference.model import read

CASES: dict[str, Build] = {**windows.CASES, **values.CASES, **axes.CASES, **moves.CASES}


@st.composite
def cases(draw: Draw, name: str) -> Case:
    random = np.random.default_rng(draw(st.integers(0, 2**20)))
    return CASES[name](draw, random)


# Runtime -> operator -> how many quanta it is away from the reference at most; else 0.
APART = {"tflite-runtime": {}, "LiteRT": {"FULLY_CONNECTED": 1}}


@pytest.mark.parametrize("name", CASES)
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_the_reference_computes_what_a_runtimes_reference_kernel_does(
    name: str, runtime: tuple[str, Runtime], data: st.DataObject
) -> None:
    """Bit for bit, whatever the shapes, scales, zero points and values."""
    model, x = data.draw(cases(name))
    try:
        ours = run(model, x)
        theirs = runtime[1].trace(model, x)[read(model).outputs[0].name]
    except (RefusedError, UnsupportedKernelError):
        assert name == "HARD_SWISH"  # has scales it cannot go between
        return
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    apart = np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max()
    assert apart <= APART[runtime[0]].get(name, 0)


def test_every_kernel_has_a_case() -> None:
    """A kernel that no runtime has judged is not the definition of anything."""
    assert set(CASES) == set(KERNELS)
