"""Every axis of every operator that has one, on maps whose sides all differ.

On a square map, or with as many channels as rows, a wrong axis gives the right shape.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import onnx
import pytest
from support.onnx_nets import Array, converted, float_tensors, net, node, normal, quanta_apart

CHANNELS, HEIGHT, WIDTH = SHAPE = (5, 3, 7)
AXES = (1, 2, 3)
SUBSETS = [axes for count in (1, 2, 3) for axes in combinations(AXES, count)]


def ints(*values: int) -> Array:
    return np.array(values, np.int64)


def worst(
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, Array] | None = None,
    shape: tuple[int, ...] = SHAPE,
) -> int:
    """How far LiteRT is from ONNX Runtime; the outputs are all that nobody reads."""
    read = {name for one in nodes for name in one.input}
    outputs = [name for one in nodes for name in one.output if name not in read]
    made = converted(net(nodes, (1, *shape), constants, outputs=outputs))
    assert not float_tensors(made.tflite)
    return quanta_apart(made, normal(3, *shape, seed=7))


def behind(source: str) -> list[onnx.NodeProto]:
    """What makes a value that lies as a convolution's maps do, or with its axes turned."""
    if source == "maps":
        return [node("Conv", "input", "w", to="x", pads=[1, 1, 1, 1])]
    return [node("Transpose", "input", to="t", perm=[0, 3, 1, 2]), node("Relu", "t", to="x")]


KERNEL = {"w": normal(CHANNELS, CHANNELS, 3, 3, seed=4)}


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("source", ["maps", "turned"])
def test_the_best_of_each_axis(source: str, keep: int) -> None:
    """ArgMax over channels, rows and columns, counted from either end: the very indices."""
    nodes = [
        node("ArgMax", "x", to=f"y{axis}", axis=axis, keepdims=keep)
        for axis in (*AXES, *(axis - 4 for axis in AXES))
    ]
    assert worst([*behind(source), *nodes], KERNEL) == 0


@pytest.mark.parametrize("op", ["ReduceMean", "ReduceMax"])
@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("source", ["maps", "turned"])
def test_reductions_over_every_choice_of_axes(source: str, op: str, keep: int) -> None:
    """One axis, two or all three; with the axes in any order."""
    nodes = [
        node(op, "x", to=f"y{number}", axes=list(axes[::-1]), keepdims=keep)
        for number, axes in enumerate([*SUBSETS, (-3, 2), (-1,)])
    ]
    assert worst([*behind(source), *nodes], KERNEL) <= 1


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("source", ["maps", "turned"])
def test_softmax_over_each_axis(source: str, op: str) -> None:
    """What sums up to 1 are channels, rows or columns, as asked."""
    nodes = [node(op, "x", to=f"y{axis}", axis=axis) for axis in (*AXES, -1, -2, -3)]
    assert worst([*behind(source), *nodes], KERNEL) <= 1


@pytest.mark.parametrize("source", ["maps", "turned"])
def test_concatenations_along_each_axis(source: str) -> None:
    """A value, its negative and a constant, in this order."""
    shape = (CHANNELS, HEIGHT, WIDTH) if source == "maps" else (WIDTH, CHANNELS, HEIGHT)
    nodes, constants = [node("Neg", "x", to="n")], dict(KERNEL)
    for axis in AXES:
        sides = [2 if axis == place else n for place, n in enumerate(shape, 1)]
        constants[f"c{axis}"] = normal(1, *sides, seed=axis)
        names = ("x", f"c{axis}", "n")
        nodes.append(node("Concat", *names, to=f"y{axis}", axis=axis if axis < 3 else -1))
    assert worst([*behind(source), *nodes], constants) <= 2


@pytest.mark.parametrize("source", ["maps", "turned"])
def test_slices_and_picks_along_each_axis(source: str) -> None:
    """From either end, by steps of 1 and 2, beyond the end; one index, and several of them."""
    constants: dict[str, Array] = {
        **KERNEL,
        "one": ints(1),
        "two": ints(2),
        "end": ints(99),
        "last": ints(-2),
        "picks": ints(2, 0, -1, 2),
        "pick": np.array(-2, np.int64),
    }
    nodes = []
    for axis in AXES:
        constants[f"a{axis}"], constants[f"b{axis}"] = ints(axis), ints(axis - 4)
        nodes += [
            node("Slice", "x", "one", "end", f"a{axis}", to=f"s{axis}"),
            node("Slice", "x", "last", "end", f"b{axis}", to=f"l{axis}"),
            node("Slice", "x", "one", "end", f"b{axis}", "two", to=f"e{axis}"),
            node("Gather", "x", "picks", to=f"g{axis}", axis=axis),
            node("Gather", "x", "pick", to=f"o{axis}", axis=axis - 4),
        ]
    assert worst([*behind(source), *nodes], constants) <= 1


@pytest.mark.parametrize("mode", ["constant", "reflect"])
@pytest.mark.parametrize("source", ["maps", "turned"])
def test_pads_before_and_behind_each_axis(source: str, mode: str) -> None:
    """Two before and one behind, and the other way round, of each axis by itself."""
    constants: dict[str, Array] = dict(KERNEL)
    nodes = []
    for axis in AXES:
        for name, before, after in (("p", 2, 1), ("q", 0, 2)):
            pads = np.zeros((2, 4), np.int64)
            pads[:, axis] = before, after
            constants[f"{name}{axis}"] = pads.reshape(-1)
            nodes.append(node("Pad", "x", f"{name}{axis}", to=f"y{name}{axis}", mode=mode))
    assert worst([*behind(source), *nodes], constants) <= 1


@pytest.mark.parametrize("source", ["maps", "turned"])
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "PRelu"])
def test_constants_along_every_choice_of_axes(source: str, op: str) -> None:
    """A constant for each channel, row or column, for two of them or for each element."""
    shape = (CHANNELS, HEIGHT, WIDTH) if source == "maps" else (WIDTH, CHANNELS, HEIGHT)
    nodes, constants = [], dict(KERNEL)
    for number, axes in enumerate(SUBSETS):
        sides = [n if axis in axes else 1 for axis, n in enumerate(shape, 1)]
        constants[f"c{number}"] = normal(*sides, seed=number)
        nodes.append(node(op, "x", f"c{number}", to=f"y{number}"))
    assert worst([*behind(source), *nodes], constants) <= 1


@pytest.mark.parametrize("source", ["maps", "turned"])
def test_sides_of_one_are_left_out_and_put_in_at_each_place(source: str) -> None:
    """Squeeze and Unsqueeze at each axis, and a Flatten at each."""
    nodes, constants = [], dict(KERNEL)
    for axis in AXES:
        constants[f"a{axis}"] = ints(axis)
        nodes += [
            node("ReduceMean", "x", to=f"m{axis}", axes=[axis]),
            node("Squeeze", f"m{axis}", f"a{axis}", to=f"s{axis}"),
            node("Unsqueeze", f"s{axis}", f"a{(axis % 3) + 1}", to=f"u{axis}"),
            node("Flatten", "x", to=f"f{axis}", axis=axis),
        ]
    assert worst([*behind(source), *nodes], constants) <= 1


@pytest.mark.parametrize(
    ("op", "shape", "attributes"),
    [
        ("DepthToSpace", (8, 3, 5), {"blocksize": 2, "mode": "DCR"}),
        ("DepthToSpace", (8, 3, 5), {"blocksize": 2, "mode": "CRD"}),
        ("DepthToSpace", (18, 2, 3), {"blocksize": 3, "mode": "CRD"}),
        ("SpaceToDepth", (2, 6, 9), {"blocksize": 3}),
        ("SpaceToDepth", (3, 4, 2), {"blocksize": 2}),
    ],
)
def test_blocks_of_maps_that_are_not_square(
    op: str, shape: tuple[int, ...], attributes: dict[str, Any]
) -> None:
    """Which channel goes to which row and column of a block."""
    assert worst([node(op, "input", to="y", **attributes)], shape=shape) == 0


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_resizes_by_other_factors_down_than_across(mode: str) -> None:
    """Height and width each by its own factor, up and down."""
    constants = {
        "up": np.array([1, 1, 2, 3], np.float32),
        "tall": np.array([1, 1, 3, 1], np.float32),
        "size": ints(1, 2, 2, 9),
    }
    rule = {"coordinate_transformation_mode": "asymmetric", "mode": mode, "nearest_mode": "floor"}
    nodes = [
        node("Resize", "input", "", "up", to="a", **rule),
        node("Resize", "input", "", "tall", to="b", **rule),
        node("Resize", "input", "", "", "size", to="c", **rule),
    ]
    assert worst(nodes, constants, (2, 4, 3)) <= 1
