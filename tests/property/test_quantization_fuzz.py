"""Random networks: each is converted well, in int8, in float and mixed, or refused."""

import os
from pathlib import Path

import numpy as np
import onnx
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.onnx_nets import (
    FLOAT_ERROR,
    batched,
    converted,
    expected,
    float_tensors,
    graph_of,
    in_float,
    int8_tensors,
    normal,
    operators,
    parsed,
    quanta_apart,
    run_litert,
    worst_error,
)
from support.other_runtime import VARIABLE, run_other
from support.random_nets import Net, networks

from edge_agent.common.arrays import F32
from quantization.convert import Conversion, convert
from quantization.errors import UnsupportedOperatorError
from quantization.recipe import QuantRecipe
from quantization.scales.plan import int8_values

SAMPLES = 3

# How far a whole network may be from the QDQ model on ONNX Runtime: so many quanta of the
# coarsest value in it. One operator is within one; what it is off, the next ones pass on, and
# a finer output counts in quanta of its own.
LITERT_QUANTA = 3.0
REFERENCE_QUANTA = 4.0


def test_any_network_agrees_with_onnx_runtime_or_is_refused(tmp_path: Path) -> None:
    """Every network is full int8 and close on both runtimes, or is refused as unsupported."""
    accepted: list[tuple[Conversion, F32]] = []
    refused: list[str] = []

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(networks())
    def check(one: Net) -> None:
        try:
            made = converted(one.model)
        except UnsupportedOperatorError as error:
            assert not one.is_supported
            refused.append(str(error))
            return
        assert one.is_supported
        assert not float_tensors(made.tflite)
        x = normal(SAMPLES, *one.shape, seed=3)
        assert quanta_apart(made, x) <= _allowed(made, LITERT_QUANTA)
        accepted.append((made, x))

    check()
    assert len(accepted) > len(refused) > 0
    if VARIABLE in os.environ:
        _check_reference_kernels(accepted, tmp_path)


def test_any_network_in_float32_computes_what_onnx_runtime_does(tmp_path: Path) -> None:
    """What int8 takes, float32 takes, on both runtimes; what is refused, is refused."""
    accepted: list[tuple[Conversion, F32]] = []

    @settings(max_examples=100, deadline=None, database=None, derandomize=True)
    @given(networks())
    def check(one: Net) -> None:
        try:
            made = in_float(one.model)
        except UnsupportedOperatorError:
            assert not one.is_supported
            return
        assert one.is_supported
        assert not int8_tensors(made.tflite)
        x = normal(SAMPLES, *one.shape, seed=3)
        for found, wanted in zip(run_litert(made, x), expected(made, x), strict=True):
            assert worst_error(found, wanted) <= FLOAT_ERROR
        accepted.append((made, x))

    check()
    assert len(accepted) > 50
    if VARIABLE in os.environ:
        for (made, x), found in zip(accepted, run_other(accepted, tmp_path), strict=True):
            assert worst_error(found, batched(expected(made, x))) <= FLOAT_ERROR


def test_any_layers_may_stay_in_float(tmp_path: Path) -> None:
    """Whichever are chosen, the network is as close as in int8, and its ends are int8."""
    mixed: list[tuple[Conversion, F32]] = []

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(networks(), st.data())
    def check(one: Net, data: st.DataObject) -> None:
        assume(one.is_supported)
        chosen = data.draw(st.sets(st.sampled_from(layers(one.model)), min_size=1))
        recipe = QuantRecipe(float_layers=tuple(sorted(chosen)))
        made = convert(one.model, [normal(32, *one.shape, seed=1)], recipe)
        assert made.lowered.source.dtype == "int8"
        assert {port.dtype for port in made.lowered.results} <= {"int8", "int32"}
        assert bool(made.lowered.in_float) == ("DEQUANTIZE" in operators(made.tflite))
        x = normal(SAMPLES, *one.shape, seed=3)
        assert quanta_apart(made, x) <= _allowed(made, LITERT_QUANTA)
        mixed.append((made, x))

    check()
    assert sum(bool(made.lowered.in_float) for made, _ in mixed) > 40
    if VARIABLE in os.environ:
        _check_reference_kernels(mixed, tmp_path)


def layers(model: onnx.ModelProto) -> list[str]:
    """The layers of a network that could stay in float."""
    graph = graph_of(model)
    return [value for value in int8_values(graph) if value not in graph.inputs]


def _allowed(made: Conversion, quanta: float) -> float:
    """Quanta of the coarsest value, counted in those of the finest output."""
    tensors = parsed(made.tflite).subgraphs[0].tensors
    coarsest = max(
        float(t.quantization.scale[0])
        for t in tensors
        if t.quantization is not None and t.quantization.scale is not None and t.buffer == 0
    )
    finest = min(p.affine.scale for p in made.lowered.results if p.affine is not None)
    return 1 + quanta * coarsest / finest


def _check_reference_kernels(accepted: list[tuple[Conversion, F32]], folder: Path) -> None:
    """Every file loads in tflite-runtime, whose reference kernels are as close."""
    for (made, x), found in zip(accepted, run_other(accepted, folder), strict=True):
        for device, host in zip(found, batched(expected(made, x)), strict=True):
            apart = np.abs(device.astype(int) - host.astype(int)).max()
            assert apart <= _allowed(made, REFERENCE_QUANTA)
