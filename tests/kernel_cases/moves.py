"""Kernels that only move values."""

from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from kernel_cases.draws import Build, Case, Draw, int8, moved, scales, shapes, zero_points
from support.tflite_graphs import File, T, constant


def reshape(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, *draw(shapes()))
    shape = draw(st.permutations(x.shape))
    return moved(draw, x, shape, "RESHAPE", [shape], {"newShape": shape}, kind="ReshapeOptions")


def squeeze(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, 1, 3, 1, 2)
    return moved(draw, x, (3, 2), "SQUEEZE", [], {"squeezeDims": [0, 2]}, kind="SqueezeOptions")


def expand_dims(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, 2, 3)
    axis = draw(st.integers(0, 2))
    shape = np.expand_dims(x, axis).shape
    return moved(draw, x, shape, "EXPAND_DIMS", [[axis]], kind="ExpandDimsOptions")


def transpose(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, *draw(shapes()))
    order = draw(st.permutations(range(x.ndim)))
    shape = [x.shape[i] for i in order]
    return moved(draw, x, shape, "TRANSPOSE", [order], version=2, kind="TransposeOptions")


def pad(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, *draw(shapes(4, 4)))
    pads = random.integers(0, 4, (4, 2))
    shape = np.array(x.shape) + pads.sum(axis=1)
    return moved(draw, x, shape, "PAD", [pads], version=2, kind="PadOptions")


def pad_v2(draw: Draw, random: np.random.Generator) -> Case:
    x, pads = int8(random, *draw(shapes(4, 4))), random.integers(0, 4, (4, 2))
    a, y = T(x.shape, 0.5, 7), T(np.array(x.shape) + pads.sum(axis=1), 0.5, 7)
    value = constant(int8(random, 1), 0.5, zero=7)
    inputs = [a, constant(pads.astype(np.int32)), value]
    return File().then("PADV2", inputs, [y], version=2, kind="PadV2Options").bytes(a, y), x


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


def slice_(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, *draw(shapes(2, 4)))
    begin = [draw(st.integers(0, n - 1)) for n in x.shape]
    shape = [draw(st.integers(1, n - b)) for n, b in zip(x.shape, begin, strict=True)]
    size = [
        -1 if b + m == n and draw(st.booleans()) else m
        for b, m, n in zip(begin, shape, x.shape, strict=True)
    ]
    return moved(draw, x, shape, "SLICE", [begin, size], version=2, kind="SliceOptions")


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


def gather(draw: Draw, random: np.random.Generator) -> Case:
    x = int8(random, *draw(shapes()))
    axis = draw(st.integers(-x.ndim, x.ndim - 1))
    indices = random.integers(0, x.shape[axis], draw(st.integers(1, 6)))
    shape = np.take(x, indices, axis).shape
    return moved(
        draw, x, shape, "GATHER", [indices], {"axis": axis}, version=2, kind="GatherOptions"
    )


def depth_to_space(draw: Draw, random: np.random.Generator) -> Case:
    b, c, (h, w) = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(shapes(2, 2))
    x = int8(random, 1, h, w, b * b * c)
    options = {"blockSize": b}
    return moved(
        draw, x, (1, h * b, w * b, c), "DEPTH_TO_SPACE", [], options, kind="DepthToSpaceOptions"
    )


def space_to_depth(draw: Draw, random: np.random.Generator) -> Case:
    b, c, (h, w) = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(shapes(2, 2))
    x = int8(random, 1, h * b, w * b, c)
    options = {"blockSize": b}
    return moved(
        draw, x, (1, h, w, b * b * c), "SPACE_TO_DEPTH", [], options, kind="SpaceToDepthOptions"
    )


CASES: dict[str, Build] = {
    "RESHAPE": reshape,
    "SQUEEZE": squeeze,
    "EXPAND_DIMS": expand_dims,
    "TRANSPOSE": transpose,
    "PAD": pad,
    "PADV2": pad_v2,
    "CONCATENATION": concatenation,
    "SPLIT": split,
    "SLICE": slice_,
    "STRIDED_SLICE": strided_slice,
    "GATHER": gather,
    "DEPTH_TO_SPACE": depth_to_space,
    "SPACE_TO_DEPTH": space_to_depth,
}
