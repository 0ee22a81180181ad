"""What the cases of every kernel draw from: scales, zero points, shapes and extreme values."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from hypothesis import strategies as st
from support.tflite_graphs import Array, File, T, constant

Draw: TypeAlias = st.DrawFn
# A file of one operator and the input to run it on, and what draws them.
Case: TypeAlias = tuple[bytes, Array]
Build: TypeAlias = Callable[[Draw, np.random.Generator], Case]

_FUSED = schema.ActivationFunctionType

zero_points = st.one_of(st.sampled_from([-128, -127, 0, 127]), st.integers(-128, 127))
ratios = st.floats(-3, 3)  # powers of 10 between two scales
activations = st.sampled_from([_FUSED.NONE, _FUSED.RELU, _FUSED.RELU6, _FUSED.RELU_N1_TO_1])
paddings = st.sampled_from([schema.Padding.SAME, schema.Padding.VALID])


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
