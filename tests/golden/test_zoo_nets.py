"""The whole zoo through the quantiser: int8 throughout, every tensor as the runtimes make it."""

import functools
from typing import get_args

import pytest
from support.onnx_nets import converted, float_tensors, normal, operators, to_device
from support.tflite_graphs import Runtime
from support.torch_nets import exported, randomised

from edge_agent.bundle.manifest import InputSpec
from pipeline.models import ModelSpec, build
from pipeline.recipe import Arch
from quantization.convert import Conversion
from quantization.reference import exposed, first_difference

SIDE = 32
NAMES = get_args(Arch)
# LiteRT rounds the product of a FULLY_CONNECTED once: a quantum away where that differs.
TOLERANCE = {"tflite-runtime": 0, "LiteRT": 1}


@functools.cache
def made(name: str) -> Conversion:
    """A narrow network of that architecture, through this project's quantiser.

    By torch's older exporter, which takes a third of the time; scripts/sweep_zoo.py has them all
    through the product's, at their published size.
    """
    spec = InputSpec(height=SIDE, width=SIDE, colour="rgb", mean=(0.0,) * 3, std=(1.0,) * 3)
    module = build(ModelSpec(arch=name, classes=5, input=spec, width=0.25))
    model = exported(randomised(module), (3, SIDE, SIDE), dynamo=False)
    return converted(model, normal(8, 3, SIDE, SIDE, seed=1))


@pytest.mark.parametrize("name", NAMES)
def test_every_network_is_int8_throughout(name: str) -> None:
    """No tensor is float, and nothing is left of a padding that a convolution can do itself."""
    tflite = made(name).tflite
    assert float_tensors(tflite) == []
    assert not {"QUANTIZE", "DEQUANTIZE", "PAD", "PADV2"} & set(operators(tflite))


@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_of_the_zoo_is_the_runtimes(runtime: tuple[str, Runtime], name: str) -> None:
    """Bit for bit on tflite-runtime's reference kernels, on a sample that it has not seen."""
    title, running = runtime
    (sample,) = normal(1, 3, SIDE, SIDE, seed=2)
    model, x = made(name).tflite, made(name).input.quantize(to_device(sample[None]))
    found = running.trace(exposed(model), x)
    difference = first_difference(model, x, found, tolerance=TOLERANCE[title])
    assert difference is None, str(difference)
