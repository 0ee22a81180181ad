"""Kernels that take an axis together or stretch it: reductions and resizing."""

from functools import partial

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from hypothesis import strategies as st
from kernel_cases.draws import Build, Case, Draw, int8, moved, nearby, scales, shapes, zero_points
from support.tflite_graphs import File, T, constant


def reduction(
    draw: Draw, random: np.random.Generator, name: str, *, shared: bool | None = None
) -> Case:
    """Input and output of one scale if `shared`; either way if None."""
    if shared is None:
        shared = draw(st.booleans())
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


CASES: dict[str, Build] = {
    "MEAN": partial(reduction, name="MEAN"),
    "SUM": partial(reduction, name="SUM"),
    "REDUCE_MAX": partial(reduction, name="REDUCE_MAX", shared=True),
    "ARG_MAX": arg_max,
    "RESIZE_NEAREST_NEIGHBOR": partial(
        resize, name="RESIZE_NEAREST_NEIGHBOR", kind="ResizeNearestNeighborOptions"
    ),
    "RESIZE_BILINEAR": partial(resize, name="RESIZE_BILINEAR", kind="ResizeBilinearOptions"),
}
