"""LSTM and GRU of random sizes, unrolled and converted."""

from typing import Any

import numpy as np
import onnx
from hypothesis import given, settings
from hypothesis import strategies as st
from support.onnx_nets import Array, converted, float_tensors, normal, quanta_apart, run_onnx_all
from support.recurrent_nets import OUTPUTS, recurrent, uniform

from quantization.fold.fold import fold

# What one operator is off, the steps after it pass on: quanta of a whole sequence.
LITERT_QUANTA = 3


@st.composite
def layers(draw: st.DrawFn) -> tuple[onnx.ModelProto, tuple[int, int]]:
    """An LSTM or a GRU of any size and form, and the shape (T, I) of its input."""
    op = draw(st.sampled_from(["LSTM", "GRU"]))
    steps, inputs, hidden = (draw(st.integers(1, most)) for most in (7, 5, 6))
    more: dict[str, Any] = {}
    more["direction"] = draw(st.sampled_from(["forward", "reverse", "bidirectional"]))
    if op == "GRU":
        more["linear_before_reset"] = draw(st.integers(0, 1))
    directions, seed = 1 + (more["direction"] == "bidirectional"), draw(st.integers(0, 2**16))
    states: dict[str, Array] = {}
    for name in ("h", "c")[: len(OUTPUTS[op]) - 1]:
        if draw(st.booleans()):
            states[name] = 2 * uniform(directions, 1, hidden, seed=seed + ord(name))
    given = [name if name in states else "" for name in ("h", "c")][: len(OUTPUTS[op]) - 1]
    names = ("W", "R", draw(st.sampled_from(["B", ""])), "", *given)
    kept = draw(st.sets(st.sampled_from(OUTPUTS[op]), min_size=1))
    outputs = [name if name in kept else "" for name in OUTPUTS[op]]
    model = recurrent(
        op, steps, inputs, hidden, seed=seed, constants=states, names=names, outputs=outputs, **more
    )
    return model, (steps, inputs)


@settings(max_examples=80, deadline=None, database=None, derandomize=True)
@given(layers())
def test_any_layer_unrolls_to_the_same_function(
    drawn: tuple[onnx.ModelProto, tuple[int, int]],
) -> None:
    """Whatever its sizes, direction, states and outputs, it is ONNX Runtime's own operator."""
    model, shape = drawn
    x = normal(1, *shape, seed=5)
    for found, wanted in zip(run_onnx_all(fold(model), x), run_onnx_all(model, x), strict=True):
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


@settings(max_examples=25, deadline=None, database=None, derandomize=True)
@given(layers())
def test_any_layer_is_int8_and_runs(drawn: tuple[onnx.ModelProto, tuple[int, int]]) -> None:
    """Every file is full int8, and LiteRT computes the QDQ model within a few quanta."""
    model, shape = drawn
    made = converted(model, normal(32, *shape, seed=1))
    assert not float_tensors(made.tflite)
    assert quanta_apart(made, normal(3, *shape, seed=3)) <= LITERT_QUANTA
