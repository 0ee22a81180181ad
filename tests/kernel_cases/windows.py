"""Kernels that slide a window or multiply by weights: convolutions, dense layers, pools."""

from functools import partial

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from hypothesis import assume
from hypothesis import strategies as st
from kernel_cases.draws import (
    Build,
    Case,
    Draw,
    activations,
    int8,
    moved,
    nearby,
    paddings,
    scales,
    zero_points,
)
from support.tflite_graphs import File, T, constant


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
    factors = (10 ** random.uniform(-6, 1, outputs if draw(st.booleans()) else 1)).astype(
        np.float32
    )
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
    factors = [float(f) for f in (10 ** random.uniform(-4, 0, outputs)).astype(np.float32)]
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


CASES: dict[str, Build] = {
    "CONV_2D": partial(convolution, depthwise=False),
    "DEPTHWISE_CONV_2D": partial(convolution, depthwise=True),
    "TRANSPOSE_CONV": transpose_conv,
    "FULLY_CONNECTED": fully_connected,
    "MAX_POOL_2D": partial(pool, name="MAX_POOL_2D"),
    "AVERAGE_POOL_2D": partial(pool, name="AVERAGE_POOL_2D"),
}
