"""Scales and values chosen so that the last bits of a factor show in the int8 result.

Random values almost never do: whether a factor was computed in float32 or in double changes
about one result in a million.
"""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from support.tflite_graphs import Array, File, Runtime, T, constant, runtimes

from quantization.reference import run
from quantization.reference.fixed_point import quantize_multiplier
from quantization.reference.model import read

EVERY = np.arange(-128, 128).astype(np.int8)
# Scales of an input and of the output between which float32 and double give another value.
RATIOS = [
    (0.1044212356209755, 0.6870331764221191),
    (1.117785930633545, 2.6013927459716797),
    (0.09105191379785538, 0.10179717093706131),
]
# Scales of two inputs and of the output, for which a product of them depends on the order.
PRODUCTS = [
    (0.0035584806464612484, 1.1002545356750488, 0.3729102909564972),
    (0.004786571487784386, 0.0012070565717294812, 0.00033174551208503544),
    (2.0097947120666504, 0.18612371385097504, 20.709909439086914),
]
# Scales of input, weights and output, and sums at which the factor's last bits show.
SUMS = [
    (0.003334568114951253, 0.008897548541426659, 33.489933013916016, [-96509579]),
    (0.0011971892090514302, 0.004552039783447981, 12.835490226745605, [102454933, -220219230]),
    (0.0038759023882448673, 0.0016741942381486297, 13.718457221984863, [-56023788]),
    (0.003891368629410863, 0.009800195693969727, 60.27056884765625, [-54523942, 157250210]),
    (0.0033250285778194666, 0.002759921597316861, 21.311559677124023, [124244422]),
]


def result(runtime: tuple[str, Runtime], file: bytes, x: Array) -> Array:
    return runtime[1].trace(file, x)[read(file).outputs[0].name]


def unary(name: str, scale: float, other: float) -> bytes:
    a, y = T((1, 1, 1, 256), scale, -128), T((1, 1, 1, 256), other, -100)
    inputs = [a]
    if name == "PRELU":
        inputs.append(constant(np.full((1, 1, 256), 90, np.int8), 0.01))
    kind = {"QUANTIZE": "QuantizeOptions", "LEAKY_RELU": "LeakyReluOptions"}.get(name, "")
    options = {"alpha": 0.1} if name == "LEAKY_RELU" else None
    return File().then(name, inputs, [y], options, version=1, kind=kind).bytes(a, y)


@pytest.mark.parametrize("scales", RATIOS)
@pytest.mark.parametrize("name", ["RELU", "RELU6", "LEAKY_RELU", "PRELU", "QUANTIZE"])
def test_a_ratio_of_scales_has_the_kernels_precision(
    runtime: tuple[str, Runtime], name: str, scales: tuple[float, float]
) -> None:
    """Float32 in the activations, double in QUANTIZE."""
    file, x = unary(name, *scales), EVERY.reshape(1, 1, 1, 256)
    np.testing.assert_array_equal(run(file, x), result(runtime, file, x))


@pytest.mark.parametrize("scales", PRODUCTS)
@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL"])
def test_every_pair_of_values_is_equal(
    runtime: tuple[str, Runtime], name: str, scales: tuple[float, float, float]
) -> None:
    """All 65,536, with the factors of a product in float32."""
    a, b = T((256, 1), scales[0]), constant(EVERY.reshape(1, 256), scales[1])
    y = T((256, 256), scales[2])
    kind = f"{name.title()}Options"
    file = File().then(name, [a, b], [y], version=2, kind=kind).bytes(a, y)
    x = EVERY.reshape(256, 1)
    np.testing.assert_array_equal(run(file, x), result(runtime, file, x))


def layer(name: str, scale: float, weight: float, output: float, sums: list[int]) -> bytes:
    """A layer whose weights meet a zero, so that its sums are its biases."""
    outputs = len(sums)
    bias = constant(np.array(sums, np.int32), float(np.float32(scale) * np.float32(weight)))
    if name == "CONV_2D":
        a, y = T((1, 1, 1, 1), scale), T((1, 1, 1, outputs), output)
        weights = constant(np.ones((outputs, 1, 1, 1), np.int8), weight)
        options = {"strideH": 1, "strideW": 1, "padding": schema.Padding.VALID}
        file = File().then(name, [a, weights, bias], [y], options, version=3, kind="Conv2DOptions")
        return file.bytes(a, y)
    a, y = T((1, 1), scale), T((1, outputs), output)
    weights = constant(np.ones((outputs, 1), np.int8), weight)
    kind = "FullyConnectedOptions"
    return File().then(name, [a, weights, bias], [y], version=4, kind=kind).bytes(a, y)


@pytest.mark.parametrize("numbers", SUMS)
@pytest.mark.parametrize("name", ["CONV_2D", "FULLY_CONNECTED"])
def test_a_layers_factor_has_the_kernels_precision(
    runtime: tuple[str, Runtime], name: str, numbers: tuple[float, float, float, list[int]]
) -> None:
    """Double in a convolution; in a dense layer a float32 product, but for LiteRT's."""
    file = layer(name, *numbers)
    x = np.zeros(read(file).inputs[0].shape, np.int8)
    found = result(runtime, file, x).ravel()
    if (runtime[0], name) == ("LiteRT", "FULLY_CONNECTED"):
        np.testing.assert_array_equal(found, rounded_once(*numbers))
    else:
        np.testing.assert_array_equal(found, run(file, x).ravel())


def test_litert_rounds_a_dense_layer_once() -> None:
    """The one place where LiteRT 2.3's reference kernels leave tflite-runtime 2.14's."""
    half = [k * 2**20 + 2**19 + d for k in range(-3, 3) for d in (-1, 0, 1)]
    sums = [*half, *(s // 2 for s in half)]
    numbers = (2.0**-10, 2.0**-10, 1.0, sums)  # a factor of 2**-20: every tie is exact
    file = layer("FULLY_CONNECTED", *numbers)
    python = runtimes()["LiteRT"]
    assert python is not None
    with Runtime(python) as litert:
        found = result(("LiteRT", litert), file, np.zeros((1, 1), np.int8)).ravel()
    np.testing.assert_array_equal(found, rounded_once(*numbers))
    ours = run(file, np.zeros((1, 1), np.int8)).ravel()
    assert np.abs(found.astype(int) - ours).max() == 1


def rounded_once(scale: float, weight: float, output: float, sums: list[int]) -> Array:
    """What LiteRT's FULLY_CONNECTED makes of its sums: factor in double, halves away from 0."""
    factor = quantize_multiplier(scale * weight / output)
    shift = 31 - factor.exponent
    sums_64 = np.array(sums, np.int64)
    magnitude = (np.abs(sums_64) * factor.mantissa + (1 << (shift - 1))) >> shift
    return np.asarray(np.sign(sums_64) * magnitude)
