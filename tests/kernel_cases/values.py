"""Kernels that make a value of a value or of two: arithmetic, activations, new scales."""

from functools import partial

import numpy as np
from hypothesis import strategies as st
from kernel_cases.draws import (
    Build,
    Case,
    Draw,
    activations,
    int8,
    nearby,
    scales,
    shapes,
    unary,
    zero_points,
)
from support.tflite_graphs import Array, File, T, constant


def binary(draw: Draw, random: np.random.Generator, name: str, kind: str) -> Case:
    shape = draw(shapes())
    other = [1 if draw(st.booleans()) else n for n in shape]
    a, b = int8(random, *shape), int8(random, *other)
    scale = draw(scales())
    second, result = nearby(draw, scale), nearby(draw, scale)
    if name == "MUL":
        result = nearby(draw, scale * second * 100)
    if name in ("ADD", "SUB"):  # what is finer is refused; its bound has tests of its own
        result = max(result, float(np.float32(max(scale, second) * 2**-18)))
    x, y = T(shape, scale, draw(zero_points)), T(shape, result, draw(zero_points))
    parts = [x, constant(b, second, zero=draw(zero_points))]
    if draw(st.booleans()):
        parts.reverse()
    options = {"fusedActivationFunction": draw(activations)}
    return File().then(name, parts, [y], options, version=2, kind=kind).bytes(x, y), a


def leaky_relu(draw: Draw, random: np.random.Generator) -> Case:
    options = {"alpha": float(np.float32(draw(st.floats(0, 2))))}
    return unary(draw, random, "LEAKY_RELU", options=options, version=2, kind="LeakyReluOptions")


def prelu(draw: Draw, random: np.random.Generator) -> Case:
    shape = draw(shapes(4, 4))
    x, alpha = int8(random, *shape), int8(random, 1, 1, shape[3])
    scale = draw(scales())
    a, y = T(shape, scale, draw(zero_points)), T(shape, nearby(draw, scale), draw(zero_points))
    slope = constant(alpha, float(np.float32(10 ** draw(st.floats(-3, 0)))), zero=draw(zero_points))
    return File().then("PRELU", [a, slope], [y]).bytes(a, y), x


def softmax(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, draw(st.integers(1, 3)), draw(st.integers(1, 40)))
    beta = draw(st.sampled_from([1.0, 1.0, 0.5, 2.0]))
    a, y = T(x.shape, draw(scales()), draw(zero_points)), T(x.shape, 1 / 256, -128)
    file = File().then("SOFTMAX", [a], [y], {"beta": beta}, version=2, kind="SoftmaxOptions")
    return file.bytes(a, y), x


def log_softmax(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, draw(st.integers(1, 3)), draw(st.integers(1, 40)))
    a, y = T(x.shape, draw(scales()), draw(zero_points)), T(x.shape, 16 / 256, 127)
    file = File().then("LOG_SOFTMAX", [a], [y], version=2, kind="LogSoftmaxOptions")
    return file.bytes(a, y), x


def quantize(draw: Draw, random: np.random.Generator) -> Case:
    from_real = draw(st.booleans())
    scale = draw(scales())
    y_scale = nearby(draw, scale)
    y = T((1, 256), y_scale, draw(zero_points))
    if from_real:
        x: Array = (random.normal(size=(1, 256)) * y_scale * 60).astype(np.float32)
        x[0, :64] = (np.arange(64) - 31.5).astype(np.float32) * np.float32(y_scale)
        a = T(x.shape, dtype=np.float32)
    else:
        kind = draw(st.sampled_from([np.int8, np.uint8]))
        x = np.arange(256).astype(np.uint8).view(kind).reshape(1, 256)
        a = T(x.shape, scale, draw(zero_points) + (128 if kind is np.uint8 else 0), kind)
    file = File().then("QUANTIZE", [a], [y], version=2, kind="QuantizeOptions")
    return file.bytes(a, y), x


def dequantize(draw: Draw, random: np.random.Generator) -> Case:
    x = np.arange(-128, 128).astype(np.int8)
    a, y = T(x.shape, draw(scales()), draw(zero_points)), T(x.shape, dtype=np.float32)
    return File().then("DEQUANTIZE", [a], [y], version=2).bytes(a, y), x


CASES: dict[str, Build] = {
    "ADD": partial(binary, name="ADD", kind="AddOptions"),
    "SUB": partial(binary, name="SUB", kind="SubOptions"),
    "MUL": partial(binary, name="MUL", kind="MulOptions"),
    "RELU": partial(unary, name="RELU", version=2),
    "RELU6": partial(unary, name="RELU6", version=2),
    "RELU_N1_TO_1": partial(unary, name="RELU_N1_TO_1"),
    "LEAKY_RELU": leaky_relu,
    "HARD_SWISH": partial(unary, name="HARD_SWISH", kind="HardSwishOptions"),
    "LOGISTIC": partial(unary, name="LOGISTIC", output=(1 / 256, -128), version=2),
    "TANH": partial(unary, name="TANH", output=(1 / 128, 0), version=2),
    "PRELU": prelu,
    "SOFTMAX": softmax,
    "LOG_SOFTMAX": log_softmax,
    "QUANTIZE": quantize,
    "DEQUANTIZE": dequantize,
}
