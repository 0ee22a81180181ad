"""Every operator, in random and extreme forms, against the runtimes' reference kernels."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tflite_graphs import OTHER_RUNTIME, Array, File, RefusedError, Runtime, T, constant, runtimes

from quantization.reference import KERNELS, UnsupportedKernelError, run
from quantization.reference.model import read

Draw: TypeAlias = st.DrawFn
Case: TypeAlias = tuple[bytes, Array]
Build: TypeAlias = Callable[[Draw, np.random.Generator], Case]
CASES: dict[str, Build] = {}
FUSED = schema.ActivationFunctionType

zero_points = st.one_of(st.sampled_from([-128, -127, 0, 127]), st.integers(-128, 127))
ratios = st.floats(-3, 3)  # powers of 10 between two scales
activations = st.sampled_from([FUSED.NONE, FUSED.RELU, FUSED.RELU6, FUSED.RELU_N1_TO_1])
paddings = st.sampled_from([schema.Padding.SAME, schema.Padding.VALID])


def case(name: str) -> Callable[[Build], Build]:
    def enter(build: Build) -> Build:
        CASES[name] = build
        return build

    return enter


@st.composite
def scales(draw: Draw) -> float:
    """A scale of 1e-6 to 1e2, in float32 as a file holds it."""
    return float(np.float32(10 ** draw(st.floats(-6, 2))))


def nearby(draw: Draw, scale: float) -> float:
    """Another scale, up to a factor of a thousand away."""
    return float(np.float32(np.clip(scale * 10 ** draw(ratios), 1e-6, 1e2)))


def int8(random: np.random.Generator, *shape: int) -> Array:
    """Values of which many are at the ends of the range."""
    values = random.integers(-128, 128, shape)
    extreme = random.choice([-128, 127], shape)
    return np.where(random.random(shape) < 0.2, extreme, values).astype(np.int8)


def shapes(least: int = 1, most: int = 4) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(1, 5), min_size=least, max_size=most)


def unary(
    draw: Draw,
    random: np.random.Generator,
    name: str,
    output: tuple[float, int] | None = None,
    **more: Any,
) -> Case:
    """An operator on every int8 value, with scales of its own on both sides."""
    x = np.arange(-128, 128).astype(np.int8).reshape(1, 16, 4, 4)
    scale = draw(scales())
    y_scale, zero = output or (nearby(draw, scale), draw(zero_points))
    a, y = T(x.shape, scale, draw(zero_points)), T(x.shape, y_scale, zero)
    return File().then(name, [a], [y], **more).bytes(a, y), x


def moved(
    draw: Draw,
    x: Array,
    shape: Any,
    name: str,
    constants: list[Any],
    options: dict[str, Any] | None = None,
    **more: Any,
) -> Case:
    """An operator from x to `shape`, both of one scale, with int32 constants behind x."""
    scale, zero = draw(scales()), draw(zero_points)
    a, y = T(x.shape, scale, zero), T(shape, scale, zero)
    others = [constant(np.array(c, np.int32)) for c in constants]
    return File().then(name, [a, *others], [y], options, **more).bytes(a, y), x


# Convolutions and dense layers.


def windows(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    if padding == schema.Padding.SAME:
        return -(-size // stride)
    return (size - (kernel - 1) * dilation - 1) // stride + 1


def convolution(draw: Draw, random: np.random.Generator, *, depthwise: bool) -> Case:
    groups = 1 if depthwise else draw(st.integers(1, 3))
    depth, per_group = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    strides = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    dilations = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 3), (2, 2)]))
    padding, fused = draw(paddings), draw(activations)
    sizes = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    out = [windows(*a, padding) for a in zip(sizes, kernel, strides, dilations, strict=True)]
    assume(min(out) >= 1)
    outputs = depth * per_group if depthwise else groups * per_group
    x = int8(random, draw(st.integers(1, 2)), *sizes, depth * groups)
    weights = int8(random, *((1, *kernel, outputs) if depthwise else (outputs, *kernel, depth)))
    scale = draw(scales())
    factors = np.float32(10 ** random.uniform(-6, 1, outputs if draw(st.booleans()) else 1))
    reach = np.sqrt(weights[..., 0].size * 73**2) * 73
    y_scale = float(np.float32(np.clip(scale * factors.max() * reach / 30, 1e-6, 1e2)))
    source = T(x.shape, scale, draw(zero_points))
    tensors: list[T | None] = [
        source,
        constant(weights, [float(f) for f in factors], axis=3 if depthwise else 0),
    ]
    # The runtimes demand a bias of CONV_2D.
    size = draw(st.sampled_from([0, 1e2, 1e4, 1e7, 1e9]))
    bias = (random.uniform(-1, 1, outputs) * size).astype(np.int32)
    if size or not depthwise:
        tensors.append(constant(bias, [float(scale * f) for f in factors]))
    y = T((x.shape[0], *out, outputs), y_scale, draw(zero_points))
    options = {
        "padding": padding,
        "strideH": strides[0],
        "strideW": strides[1],
        "dilationHFactor": dilations[0],
        "dilationWFactor": dilations[1],
        "fusedActivationFunction": fused,
    }
    if depthwise:
        options["depthMultiplier"] = per_group
    name, kind = (
        ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions")
        if depthwise
        else ("CONV_2D", "Conv2DOptions")
    )
    file = File().then(name, tensors, [y], options, version=3 if depthwise else 6, kind=kind)
    return file.bytes(source, y), x


@case("CONV_2D")
def conv_2d(draw: Draw, random: np.random.Generator) -> Case:
    return convolution(draw, random, depthwise=False)


@case("DEPTHWISE_CONV_2D")
def depthwise_conv_2d(draw: Draw, random: np.random.Generator) -> Case:
    return convolution(draw, random, depthwise=True)


@case("TRANSPOSE_CONV")
def transpose_conv(draw: Draw, random: np.random.Generator) -> Case:
    depth, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    strides = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    padding, sizes = draw(paddings), (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    same = padding == schema.Padding.SAME
    out = [
        n * s if same else (n - 1) * s + k for n, s, k in zip(sizes, strides, kernel, strict=True)
    ]
    x, weights = int8(random, 1, *sizes, depth), int8(random, outputs, *kernel, depth)
    scale, shape = draw(scales()), (1, *out, outputs)
    factors = [float(f) for f in np.float32(10 ** random.uniform(-4, 0, outputs))]
    source, y = T(x.shape, scale, draw(zero_points)), T(shape, nearby(draw, scale), 3)
    tensors: list[T | None] = [
        constant(np.array(shape, np.int32)),
        constant(weights, factors),
        source,
    ]
    if draw(st.booleans()):
        bias = (random.normal(size=outputs) * 1e4).astype(np.int32)
        tensors.append(constant(bias, [scale * f for f in factors]))
    options = {"padding": padding, "strideH": strides[0], "strideW": strides[1]}
    version = 3 if len(tensors) == 4 else 2
    file = File().then(
        "TRANSPOSE_CONV", tensors, [y], options, version=version, kind="TransposeConvOptions"
    )
    return file.bytes(source, y), x


@case("FULLY_CONNECTED")
def fully_connected(draw: Draw, random: np.random.Generator) -> Case:
    rows, inputs, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 70)), 5
    x, weights = int8(random, rows, inputs), int8(random, outputs, inputs)
    scale, factor = draw(scales()), float(np.float32(10 ** draw(st.floats(-5, 0))))
    y_scale = float(np.float32(np.clip(scale * factor * 73 * 73 * inputs**0.5 / 40, 1e-6, 1e2)))
    source, y = T(x.shape, scale, draw(zero_points)), T((rows, outputs), y_scale, draw(zero_points))
    tensors: list[T | None] = [source, constant(weights, factor), None]
    if draw(st.booleans()):
        bias = (random.normal(size=outputs) * 1e4).astype(np.int32)
        tensors[2] = constant(bias, float(np.float32(scale) * np.float32(factor)))
    options = {"fusedActivationFunction": draw(activations)}
    file = File().then(
        "FULLY_CONNECTED", tensors, [y], options, version=6, kind="FullyConnectedOptions"
    )
    return file.bytes(source, y), x


# Arithmetic and activations.


def binary(draw: Draw, random: np.random.Generator, name: str, kind: str) -> Case:
    shape = draw(shapes())
    other = [1 if draw(st.booleans()) else n for n in shape]
    a, b = int8(random, *shape), int8(random, *other)
    scale = draw(scales())
    second, result = nearby(draw, scale), nearby(draw, scale)
    if name == "MUL":
        result = nearby(draw, scale * second * 100)
    x, y = T(shape, scale, draw(zero_points)), T(shape, result, draw(zero_points))
    parts = [x, constant(b, second, zero=draw(zero_points))]
    if draw(st.booleans()):
        parts.reverse()
    options = {"fusedActivationFunction": draw(activations)}
    return File().then(name, parts, [y], options, version=2, kind=kind).bytes(x, y), a


@case("ADD")
def add(draw: Draw, random: np.random.Generator) -> Case:
    return binary(draw, random, "ADD", "AddOptions")


@case("SUB")
def sub(draw: Draw, random: np.random.Generator) -> Case:
    return binary(draw, random, "SUB", "SubOptions")


@case("MUL")
def mul(draw: Draw, random: np.random.Generator) -> Case:
    return binary(draw, random, "MUL", "MulOptions")


@case("RELU")
def relu(draw: Draw, random: np.random.Generator) -> Case:
    return unary(draw, random, "RELU", version=2)


@case("RELU6")
def relu6(draw: Draw, random: np.random.Generator) -> Case:
    return unary(draw, random, "RELU6", version=2)


@case("RELU_N1_TO_1")
def relu_n1_to_1(draw: Draw, random: np.random.Generator) -> Case:
    return unary(draw, random, "RELU_N1_TO_1")


@case("LEAKY_RELU")
def leaky_relu(draw: Draw, random: np.random.Generator) -> Case:
    options = {"alpha": float(np.float32(draw(st.floats(0, 2))))}
    return unary(draw, random, "LEAKY_RELU", options=options, version=2, kind="LeakyReluOptions")


@case("HARD_SWISH")
def hard_swish(draw: Draw, random: np.random.Generator) -> Case:
    return unary(draw, random, "HARD_SWISH", kind="HardSwishOptions")


@case("LOGISTIC")
def logistic(draw: Draw, random: np.random.Generator) -> Case:
    return unary(draw, random, "LOGISTIC", (1 / 256, -128), version=2)


@case("TANH")
def tanh(draw: Draw, random: np.random.Generator) -> Case:
    return unary(draw, random, "TANH", (1 / 128, 0), version=2)


@case("PRELU")
def prelu(draw: Draw, random: np.random.Generator) -> Case:
    shape = draw(shapes(4, 4))
    x, alpha = int8(random, *shape), int8(random, 1, 1, shape[3])
    scale = draw(scales())
    a, y = T(shape, scale, draw(zero_points)), T(shape, nearby(draw, scale), draw(zero_points))
    slope = constant(alpha, float(np.float32(10 ** draw(st.floats(-3, 0)))), zero=draw(zero_points))
    return File().then("PRELU", [a, slope], [y]).bytes(a, y), x


@case("SOFTMAX")
def softmax(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, draw(st.integers(1, 3)), draw(st.integers(1, 40)))
    beta = draw(st.sampled_from([1.0, 1.0, 0.5, 2.0]))
    a, y = T(x.shape, draw(scales()), draw(zero_points)), T(x.shape, 1 / 256, -128)
    file = File().then("SOFTMAX", [a], [y], {"beta": beta}, version=2, kind="SoftmaxOptions")
    return file.bytes(a, y), x


@case("LOG_SOFTMAX")
def log_softmax(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, draw(st.integers(1, 3)), draw(st.integers(1, 40)))
    a, y = T(x.shape, draw(scales()), draw(zero_points)), T(x.shape, 16 / 256, 127)
    file = File().then("LOG_SOFTMAX", [a], [y], version=2, kind="LogSoftmaxOptions")
    return file.bytes(a, y), x


@case("QUANTIZE")
def quantize(draw: Draw, random: np.random.Generator) -> Case:
    from_real = draw(st.booleans())
    scale = draw(scales())
    y = T((1, 256), nearby(draw, scale), draw(zero_points))
    if from_real:
        x: Array = (random.normal(size=(1, 256)) * y.scale * 60).astype(np.float32)  # type: ignore[operator]
        x[0, :64] = (np.arange(64) - 31.5).astype(np.float32) * np.float32(y.scale)
        a = T(x.shape, dtype=np.float32)
    else:
        kind = draw(st.sampled_from([np.int8, np.uint8]))
        x = np.arange(256).astype(np.uint8).view(kind).reshape(1, 256)
        a = T(x.shape, scale, draw(zero_points) + (128 if kind is np.uint8 else 0), kind)
    file = File().then("QUANTIZE", [a], [y], version=2, kind="QuantizeOptions")
    return file.bytes(a, y), x


@case("DEQUANTIZE")
def dequantize(draw: Draw, random: np.random.Generator) -> Case:
    x = np.arange(-128, 128).astype(np.int8)
    a, y = T(x.shape, draw(scales()), draw(zero_points)), T(x.shape, dtype=np.float32)
    return File().then("DEQUANTIZE", [a], [y], version=2).bytes(a, y), x


# Pooling, reductions and resizing.


def pool(draw: Draw, random: np.random.Generator, name: str) -> Case:
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    strides = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    padding, sizes = draw(paddings), (draw(st.integers(1, 8)), draw(st.integers(1, 8)))
    out = [windows(*a, 1, padding) for a in zip(sizes, kernel, strides, strict=True)]
    assume(min(out) >= 1)
    x = int8(random, 1, *sizes, draw(st.integers(1, 3)))
    options = {
        "padding": padding,
        "filterHeight": kernel[0],
        "filterWidth": kernel[1],
        "strideH": strides[0],
        "strideW": strides[1],
        "fusedActivationFunction": draw(activations),
    }
    shape = (1, *out, x.shape[3])
    return moved(draw, x, shape, name, [], options, version=2, kind="Pool2DOptions")


@case("MAX_POOL_2D")
def max_pool_2d(draw: Draw, random: np.random.Generator) -> Case:
    return pool(draw, random, "MAX_POOL_2D")


@case("AVERAGE_POOL_2D")
def average_pool_2d(draw: Draw, random: np.random.Generator) -> Case:
    return pool(draw, random, "AVERAGE_POOL_2D")


def reduction(draw: Draw, random: np.random.Generator, name: str, *, shared: bool) -> Case:
    x = int8(random, *draw(shapes(1, 4)))
    axes = draw(st.lists(st.integers(0, x.ndim - 1), min_size=1, max_size=x.ndim, unique=True))
    if x.ndim == 4 and draw(st.booleans()):
        axes = [1, 2]
    keep = draw(st.booleans())
    shape = [1 if i in axes else n for i, n in enumerate(x.shape) if keep or i not in axes]
    given_axes = [a - x.ndim if draw(st.booleans()) else a for a in axes]
    scale, zero = draw(scales()), draw(zero_points)
    a = T(x.shape, scale, zero)
    y = T(shape, scale, zero) if shared else T(shape, nearby(draw, scale), draw(zero_points))
    inputs = [a, constant(np.array(given_axes, np.int32))]
    file = File().then(name, inputs, [y], {"keepDims": keep}, version=2, kind="ReducerOptions")
    return file.bytes(a, y), x


@case("MEAN")
def mean(draw: Draw, random: np.random.Generator) -> Case:
    return reduction(draw, random, "MEAN", shared=draw(st.booleans()))


@case("SUM")
def sum_(draw: Draw, random: np.random.Generator) -> Case:
    return reduction(draw, random, "SUM", shared=draw(st.booleans()))


@case("REDUCE_MAX")
def reduce_max(draw: Draw, random: np.random.Generator) -> Case:
    return reduction(draw, random, "REDUCE_MAX", shared=True)


@case("ARG_MAX")
def arg_max(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, *draw(shapes(1, 4)))
    axis = draw(st.integers(-x.ndim, x.ndim - 1))
    shape = [n for i, n in enumerate(x.shape) if i != axis % x.ndim]
    dtype, code = draw(
        st.sampled_from([(np.int32, schema.TensorType.INT32), (np.int64, schema.TensorType.INT64)])
    )
    a, y = T(x.shape, 0.5, 3), T(shape, dtype=dtype)
    inputs = [a, constant(np.array([axis], np.int32))]
    options = {"outputType": code}
    file = File().then("ARG_MAX", inputs, [y], options, version=2, kind="ArgMaxOptions")
    return file.bytes(a, y), x


def resize(draw: Draw, random: np.random.Generator, name: str, kind: str) -> Case:
    x = int8(random, 1, draw(st.integers(1, 7)), draw(st.integers(1, 7)), draw(st.integers(1, 3)))
    size = [draw(st.integers(1, 15)), draw(st.integers(1, 15))]
    corners, half = draw(st.sampled_from([(False, False), (True, False), (False, True)]))
    options = {"alignCorners": corners, "halfPixelCenters": half}
    shape = (1, *size, x.shape[3])
    return moved(draw, x, shape, name, [size], options, version=3, kind=kind)


@case("RESIZE_NEAREST_NEIGHBOR")
def resize_nearest(draw: Draw, random: np.random.Generator) -> Case:
    return resize(draw, random, "RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions")


@case("RESIZE_BILINEAR")
def resize_bilinear(draw: Draw, random: np.random.Generator) -> Case:
    return resize(draw, random, "RESIZE_BILINEAR", "ResizeBilinearOptions")


# Operators that only move values.


@case("RESHAPE")
def reshape(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, *draw(shapes()))
    shape = draw(st.permutations(x.shape))
    return moved(draw, x, shape, "RESHAPE", [shape], {"newShape": shape}, kind="ReshapeOptions")


@case("SQUEEZE")
def squeeze(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, 1, 3, 1, 2)
    return moved(draw, x, (3, 2), "SQUEEZE", [], {"squeezeDims": [0, 2]}, kind="SqueezeOptions")


@case("EXPAND_DIMS")
def expand_dims(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, 2, 3)
    axis = draw(st.integers(0, 2))
    shape = np.expand_dims(x, axis).shape
    return moved(draw, x, shape, "EXPAND_DIMS", [[axis]], kind="ExpandDimsOptions")


@case("TRANSPOSE")
def transpose(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, *draw(shapes()))
    order = draw(st.permutations(range(x.ndim)))
    shape = [x.shape[i] for i in order]
    return moved(draw, x, shape, "TRANSPOSE", [order], version=2, kind="TransposeOptions")


@case("PAD")
def pad(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, *draw(shapes(4, 4)))
    pads = random.integers(0, 4, (4, 2))
    shape = np.array(x.shape) + pads.sum(axis=1)
    return moved(draw, x, shape, "PAD", [pads], version=2, kind="PadOptions")


@case("PADV2")
def pad_v2(draw: Draw, random: np.random.Generator) -> Case:
    x, pads = int8(random, *draw(shapes(4, 4))), random.integers(0, 4, (4, 2))
    a, y = T(x.shape, 0.5, 7), T(np.array(x.shape) + pads.sum(axis=1), 0.5, 7)
    value = constant(int8(random, 1), 0.5, zero=7)
    inputs = [a, constant(pads.astype(np.int32)), value]
    return File().then("PADV2", inputs, [y], version=2, kind="PadV2Options").bytes(a, y), x


@case("CONCATENATION")
def concatenation(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, *draw(shapes()))
    axis, scale, zero = draw(st.integers(-x.ndim, x.ndim - 1)), draw(scales()), draw(zero_points)
    a = T(x.shape, scale, zero)
    others = [constant(int8(random, *x.shape), scale, zero=zero) for _ in range(2)]
    y = T(np.concatenate([x] * 4, axis).shape, scale, zero)
    file = File().then(
        "CONCATENATION",
        [others[0], a, others[1], a],
        [y],
        {"axis": axis},
        version=2,
        kind="ConcatenationOptions",
    )
    return file.bytes(a, y), x


@case("SPLIT")
def split(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, 2, 6, 4)
    axis, parts = draw(st.sampled_from([(1, 2), (1, 3), (2, 2), (2, 4), (-1, 2), (0, 2)]))
    a = T(x.shape, 0.5, 3)
    shape = np.split(x, parts, axis)[0].shape
    outputs = [T(shape, 0.5, 3) for _ in range(parts)]
    inputs = [constant(np.array(axis, np.int32)), a]
    file = File().then(
        "SPLIT", inputs, outputs, {"numSplits": parts}, version=2, kind="SplitOptions"
    )
    return file.bytes(a, outputs[draw(st.integers(0, parts - 1))]), x


@case("SLICE")
def slice_(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, *draw(shapes(2, 4)))
    begin = [draw(st.integers(0, n - 1)) for n in x.shape]
    shape = [draw(st.integers(1, n - b)) for n, b in zip(x.shape, begin, strict=True)]
    size = [
        -1 if b + m == n and draw(st.booleans()) else m
        for b, m, n in zip(begin, shape, x.shape, strict=True)
    ]
    return moved(draw, x, shape, "SLICE", [begin, size], version=2, kind="SliceOptions")


@case("STRIDED_SLICE")
def strided_slice(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, *draw(st.lists(st.integers(2, 6), min_size=2, max_size=4)))
    begin = [draw(st.integers(-n, n - 1)) for n in x.shape]
    end = [draw(st.integers(-n, n + 2)) for n in x.shape]
    strides = [draw(st.sampled_from([1, 2, 3, -1, -2])) for _ in x.shape]
    masks = draw(st.integers(0, 15)), draw(st.integers(0, 15)), draw(st.sampled_from([0, 0, 1]))
    index: list[Any] = []
    for i, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
        if masks[2] >> i & 1:
            strides[i] = 1
            index.append(first)
            continue
        opened = None if masks[0] >> i & 1 else first
        index.append(slice(opened, None if masks[1] >> i & 1 else last, step))
    shape = x[tuple(index)].shape
    assume(0 not in shape)
    options = {"beginMask": masks[0], "endMask": masks[1], "shrinkAxisMask": masks[2]}
    return moved(
        draw,
        x,
        shape,
        "STRIDED_SLICE",
        [begin, end, strides],
        options,
        version=2,
        kind="StridedSliceOptions",
    )


@case("GATHER")
def gather(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, *draw(shapes()))
    axis = draw(st.integers(-x.ndim, x.ndim - 1))
    indices = random.integers(0, x.shape[axis], draw(st.integers(1, 6)))
    shape = np.take(x, indices, axis).shape
    return moved(
        draw, x, shape, "GATHER", [indices], {"axis": axis}, version=2, kind="GatherOptions"
    )


@case("DEPTH_TO_SPACE")
def depth_to_space(draw: Draw, random: np.random.Generator) -> Case:
    b, c, (h, w) = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(shapes(2, 2))
    x = int8(random, 1, h, w, b * b * c)
    options = {"blockSize": b}
    return moved(
        draw, x, (1, h * b, w * b, c), "DEPTH_TO_SPACE", [], options, kind="DepthToSpaceOptions"
    )


@case("SPACE_TO_DEPTH")
def space_to_depth(draw: Draw, random: np.random.Generator) -> Case:
    b, c, (h, w) = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(shapes(2, 2))
    x = int8(random, 1, h * b, w * b, c)
    options = {"blockSize": b}
    return moved(
        draw, x, (1, h, w, b * b * c), "SPACE_TO_DEPTH", [], options, kind="SpaceToDepthOptions"
    )


@st.composite
def cases(draw: Draw, name: str) -> Case:
    random = np.random.default_rng(draw(st.integers(0, 2**20)))
    return CASES[name](draw, random)


# Runtime -> operator -> how many quanta it is away from the reference at most; else 0.
APART = {"tflite-runtime": {}, "LiteRT": {"FULLY_CONNECTED": 1}}


@pytest.fixture(name="runtime", params=list(runtimes()), scope="module")
def _runtime(request: pytest.FixtureRequest) -> Iterator[tuple[str, Runtime]]:
    python = runtimes()[request.param]
    if python is None:
        pytest.skip(f"{OTHER_RUNTIME} names no Python that has tflite-runtime")
    with Runtime(python) as running:
        yield request.param, running


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
        ours = run(model, x)  # first: what it refuses of an ADD would end the runtime's process
        theirs = runtime[1].trace(model, x)[read(model).outputs[0].name]
    except (RefusedError, UnsupportedKernelError):
        assert name in ("ADD", "SUB", "HARD_SWISH")  # have scales they cannot go between
        return
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    apart = np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max()
    assert apart <= APART[runtime[0]].get(name, 0)


def test_every_kernel_has_a_case() -> None:
    """A kernel that no runtime has judged is not the definition of anything."""
    assert set(CASES) == set(KERNELS)
