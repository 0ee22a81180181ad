"""What the rules of moves, picks, joins and reductions allow, up to the last number, not beyond.

A kernel reads where the indices, begins and paddings of a file point.
"""

from typing import Any

import pytest
from support.tflite_calls import call, held, value

from edge_agent.bundle.tflite.call import MAX_STEP, KernelCall, Shape
from edge_agent.bundle.tflite.moves import REFLECT, SYMMETRIC
from edge_agent.bundle.tflite.shapes import given_shapes

X = value(2, 6, 10, 8)


def gather(numbers: Any, axis: int = 1, batch_dims: int = 0) -> KernelCall:
    return call(X, held(numbers), axis=axis, batch_dims=batch_dims)


def pads(*numbers: tuple[int, int], shape: Shape = (3, 5), mode: int = REFLECT) -> KernelCall:
    return call(value(*shape), held(numbers), mode=mode)


def part(begins: Any, sizes: Any) -> KernelCall:
    return call(value(3, 5), held(begins), held(sizes))


def steps(begins: Any, ends: Any, strides: Any, **masks: int) -> KernelCall:
    names = ("begin_mask", "end_mask", "shrink_axis_mask", "ellipsis_mask", "new_axis_mask")
    options: dict[str, Any] = dict.fromkeys((*names, "offset"), 0) | masks
    return call(value(4, 9), held(begins), held(ends), held(strides), **options)


def joined(*shapes: Shape, axis: int = 1) -> KernelCall:
    return call(*(value(*shape) for shape in shapes), axis=axis)


def reduced(*axes: int, keep: bool = False) -> KernelCall:
    return call(value(2, 3, 5), held(axes), keep_dims=keep)


SOUND: list[tuple[str, KernelCall, list[Shape]]] = [
    ("CONCATENATION", joined((2, 3, 5), (2, 4, 5), (2, 1, 5)), [(2, 8, 5)]),
    ("CONCATENATION", joined((2, 3), (2, 4), axis=-1), [(2, 7)]),
    ("SPLIT", call(held(1), X, num_splits=3), [(2, 2, 10, 8)] * 3),
    ("SPLIT", call(held(-1), X, num_splits=8), [(2, 6, 10, 1)] * 8),
    ("RESHAPE", call(X, held([5, -1, 4])), [(5, 48, 4)]),
    ("RESHAPE", call(X, held([960])), [(960,)]),
    ("RESHAPE", call(X, held([1, -1])), [(1, 960)]),
    ("RESHAPE", call(value(1, 1), held([-1])), [(1,)]),
    ("SQUEEZE", call(value(1, 3, 1, 5), squeeze_dims=[]), [(3, 5)]),
    ("SQUEEZE", call(value(1, 3, 1, 5), squeeze_dims=[-2]), [(1, 3, 5)]),
    ("SQUEEZE", call(value(2, 3), squeeze_dims=[]), [(2, 3)]),
    ("EXPAND_DIMS", call(value(3, 5), held(2)), [(3, 5, 1)]),
    ("EXPAND_DIMS", call(value(3, 5), held(-3)), [(1, 3, 5)]),
    ("RESIZE_BILINEAR", call(X, held([3, 7])), [(2, 3, 7, 8)]),
    ("RESIZE_NEAREST_NEIGHBOR", call(X, held([MAX_STEP, 1])), [(2, MAX_STEP, 1, 8)]),
    ("SPACE_TO_DEPTH", call(X, block_size=2), [(2, 3, 5, 32)]),
    ("DEPTH_TO_SPACE", call(X, block_size=2), [(2, 12, 20, 2)]),
    ("SPACE_TO_DEPTH", call(value(1, 6, 9, 2), block_size=3), [(1, 2, 3, 18)]),
    ("DEPTH_TO_SPACE", call(value(1, 2, 3, 18), block_size=3), [(1, 6, 9, 2)]),
    ("PAD", pads((0, 4), (MAX_STEP, 1)), [(7, MAX_STEP + 6)]),
    ("MIRROR_PAD", pads((2, 0), (4, 4)), [(5, 13)]),
    ("MIRROR_PAD", pads((3, 0), (5, 5), mode=SYMMETRIC), [(6, 15)]),
    ("GATHER", gather([0, 5, 5]), [(2, 3, 10, 8)]),
    ("GATHER", gather([[9], [0]], axis=-2), [(2, 6, 2, 1, 8)]),
    ("GATHER", gather(7, axis=3), [(2, 6, 10)]),
    ("TRANSPOSE", call(X, held([3, 0, 2, 1])), [(8, 2, 10, 6)]),
    ("MEAN", reduced(1), [(2, 5)]),
    ("SUM", reduced(-1, 0, keep=True), [(1, 3, 1)]),
    ("REDUCE_MAX", reduced(-3), [(3, 5)]),
    ("ARG_MAX", call(value(2, 3, 5), held(1)), [(2, 5)]),
    ("ARG_MAX", call(value(2, 3, 5), held(-1)), [(2, 3)]),
    ("SLICE", part([0, 1], [3, 4]), [(3, 4)]),
    ("SLICE", part([2, 4], [-1, 1]), [(1, 1)]),
    ("STRIDED_SLICE", steps([1, 0], [4, 9], [2, 4]), [(2, 3)]),
    ("STRIDED_SLICE", steps([0, 8], [4, 0], [MAX_STEP, -MAX_STEP]), [(1, 1)]),
    ("STRIDED_SLICE", steps([3, 8], [0, 0], [-1, -3]), [(3, 3)]),
    ("STRIDED_SLICE", steps([3, 5], [2, 7], [1, 1], begin_mask=1, end_mask=2), [(2, 4)]),
    ("STRIDED_SLICE", steps([3, -9], [0, 9], [1, 2], shrink_axis_mask=1), [(5,)]),
    ("ADD", call(value(2, 1, 5), value(3, 1)), [(2, 3, 5)]),
    ("RELU", call(value(2, 3)), [(2, 3)]),
]


@pytest.mark.parametrize(("name", "sound", "expected"), SOUND)
def test_what_fits_is_given_its_shape(name: str, sound: KernelCall, expected: list[Shape]) -> None:
    """Must not fire, up to the last number that fits; worked out by hand."""
    assert given_shapes(name, sound) == expected


UNSOUND: list[tuple[str, KernelCall, str]] = [
    ("CONCATENATION", joined((2, 3, 5), (2, 4, 6)), r"the other sides: \(2, 5\), found \(2, 6\)"),
    ("CONCATENATION", joined((2, 3, 5), (2, 4)), "expected sides: 3, found 2"),
    ("CONCATENATION", joined((2, 3), (2, 4), axis=2), "expected an axis of 2 sides, found 2"),
    ("CONCATENATION", joined((2, 3), (2, 4), axis=-3), "expected an axis of 2 sides, found -3"),
    ("SPLIT", call(held(1), X, num_splits=4), "expected a side to split in 4, found 6"),
    ("SPLIT", call(held(4), X, num_splits=1), "expected an axis of 4 sides, found 4"),
    ("SPLIT", call(held(1), X, num_splits=0), "expected num_splits of 1 to 8192, found 0"),
    ("SPLIT", call(held([1, 2]), X, num_splits=2), "one integer for input 0: 1, found 2"),
    ("RESHAPE", call(X, held([7, -1])), r"a shape of 960 values, found \[7, -1\]"),
    ("RESHAPE", call(X, held([961])), r"a shape of 960 values, found \[961\]"),
    ("RESHAPE", call(X, held([-1, -1, 960])), r"found \[-1, -1, 960\]"),
    ("RESHAPE", call(X, held([-2, -480])), r"found \[-2, -480\]"),
    ("RESHAPE", call(X, held([0, -1])), r"found \[0, -1\]"),
    ("SQUEEZE", call(value(1, 3), squeeze_dims=[1]), "sides to leave out of"),
    ("SQUEEZE", call(value(1, 3), squeeze_dims=[2]), "expected an axis of 2 sides, found 2"),
    ("EXPAND_DIMS", call(value(3, 5), held(3)), "expected an axis of 3 sides, found 3"),
    ("EXPAND_DIMS", call(value(3, 5), held(-4)), "expected an axis of 3 sides, found -4"),
    ("RESIZE_BILINEAR", call(X, held([0, 7])), "expected height of 1 to 8192, found 0"),
    ("RESIZE_BILINEAR", call(X, held([3, MAX_STEP + 1])), "width of 1 to 8192, found 8193"),
    ("RESIZE_NEAREST_NEIGHBOR", call(X, held([3])), "not enough values"),
    ("SPACE_TO_DEPTH", call(X, block_size=3), "whole blocks of 3, found 6x10"),
    ("SPACE_TO_DEPTH", call(X, block_size=5), "whole blocks of 5, found 6x10"),
    ("SPACE_TO_DEPTH", call(X, block_size=0), "expected block_size of 1 to 8192, found 0"),
    ("DEPTH_TO_SPACE", call(value(1, 2, 3, 18), block_size=2), "for blocks of 2, found 18"),
    ("DEPTH_TO_SPACE", call(X, block_size=4), "expected channels for blocks of 4, found 8"),
    ("DEPTH_TO_SPACE", call(value(6, 10, 8), block_size=2), "four sides of input 0: 4, found 3"),
    ("PAD", pads((0, 0), (-1, 0)), "expected paddings of 0 to 8192"),
    ("PAD", pads((0, MAX_STEP + 1), (0, 0)), "expected paddings of 0 to 8192"),
    ("PAD", pads((0, 0)), r"paddings of shape: \(2, 2\), found \(1, 2\)"),
    ("PAD", call(value(3, 5), held([0, 0, 0, 0])), r"paddings of shape: \(2, 2\), found \(4,\)"),
    ("MIRROR_PAD", pads((3, 0), (0, 0)), "expected paddings of at most 2, found 3"),
    ("MIRROR_PAD", pads((0, 0), (0, 5)), "expected paddings of at most 4, found 5"),
    ("MIRROR_PAD", pads((0, 0), (5, 0)), "expected paddings of at most 4, found 5"),
    ("MIRROR_PAD", pads((0, 3), (0, 0)), "expected paddings of at most 2, found 3"),
    ("MIRROR_PAD", pads((4, 0), (0, 0), mode=SYMMETRIC), "paddings of at most 3, found 4"),
    ("MIRROR_PAD", pads((0, 0), (0, 6), mode=SYMMETRIC), "paddings of at most 5, found 6"),
    ("MIRROR_PAD", pads((0, 0), (0, -1)), "expected paddings of 0 to 8192"),
    ("MIRROR_PAD", pads((0, 0), (0, 0), mode=2), "expected paddings of at most"),
    ("GATHER", gather([0, 6]), "expected indices of 0 to 5, found 6"),
    ("GATHER", gather([-1, 0]), "expected indices of 0 to 5, found -1"),
    ("GATHER", gather([10], axis=2), "expected indices of 0 to 9, found 10"),
    ("GATHER", gather([0], axis=4), "expected an axis of 4 sides, found 4"),
    ("GATHER", gather([0], batch_dims=1), "expected batch_dims: 0, found 1"),
    ("TRANSPOSE", call(X, held([0, 1, 2, 2])), "expected every axis once"),
    ("TRANSPOSE", call(X, held([0, 1, 2])), "expected every axis once"),
    ("TRANSPOSE", call(X, held([1, 2, 3, 4])), "expected every axis once"),
    ("MEAN", reduced(3), "expected an axis of 3 sides, found 3"),
    ("REDUCE_MIN", reduced(0, -4), "expected an axis of 3 sides, found -4"),
    ("ARG_MAX", call(value(2, 3), held(2)), "expected an axis of 2 sides, found 2"),
    ("SLICE", part([1, 0], [3, 5]), "expected a part of 3, found 3 from 1"),
    ("SLICE", part([0, 5], [3, -1]), "expected a part of 5, found -1 from 5"),
    ("SLICE", part([0, -1], [3, 5]), "expected a part of 5, found 5 from -1"),
    ("SLICE", part([0, 0], [3, 0]), "expected a part of 5, found 0 from 0"),
    ("SLICE", part([0, 0], [3, -2]), "expected a part of 5, found -2 from 0"),
    ("SLICE", part([0], [3]), r"a size for each side: \(2, 2\), found \(1, 1\)"),
    ("SLICE", part([0, 0], [3]), r"a size for each side: \(2, 2\), found \(2, 1\)"),
    ("STRIDED_SLICE", steps([0, 0], [4, 9], [1, 0]), "strides of 1 to 8192 either way, found 0"),
    ("STRIDED_SLICE", steps([0, 0], [4, 9], [1, -MAX_STEP - 1]), "either way, found -8193"),
    ("STRIDED_SLICE", steps([0, 0], [4, 9], [1, MAX_STEP + 1]), "either way, found 8193"),
    ("STRIDED_SLICE", steps([0], [4], [1]), r"for each side: \[2, 2, 2\], found \[1, 1, 1\]"),
    ("STRIDED_SLICE", steps([0, 0], [4, 9], [1]), r"\[2, 2, 2\], found \[2, 2, 1\]"),
    ("STRIDED_SLICE", steps([4, 0], [5, 9], [1, 1], shrink_axis_mask=1), "of 4 sides, found 4"),
    ("STRIDED_SLICE", steps([-5, 0], [5, 9], [1, 1], shrink_axis_mask=1), "4 sides, found -5"),
    ("STRIDED_SLICE", steps([1, 0], [2, 9], [2, 1], shrink_axis_mask=1), "by strides of: 1"),
    ("STRIDED_SLICE", steps([0, 0], [4, 9], [1, 1], ellipsis_mask=1), "expected no ellipsis"),
    ("STRIDED_SLICE", steps([0, 0], [4, 9], [1, 1], new_axis_mask=1), "no new axis"),
    ("STRIDED_SLICE", steps([0, 0], [4, 9], [1, 1], offset=1), "no offset"),
    ("ADD", call(value(2, 3), value(2)), r"shapes that fit, found \(2, 3\) and \(2,\)"),
    ("RELU", call(None), "expected input 0, found none"),
]


@pytest.mark.parametrize(("name", "unsound", "reason"), UNSOUND)
def test_one_beyond_what_fits_is_refused(name: str, unsound: KernelCall, reason: str) -> None:
    """Must fire, on the first number that a kernel would follow out of a tensor."""
    with pytest.raises(ValueError, match=reason):
        given_shapes(name, unsound)


@pytest.mark.parametrize("numbers", [value(2, dtype="int32"), held([3.0, 7.0], "float32")])
def test_what_decides_a_shape_stands_in_the_file_as_integers(numbers: Any) -> None:
    """A size that is computed, or none, is no size that can be looked at."""
    with pytest.raises(ValueError, match="expected integers in the file for input 1, found none"):
        given_shapes("RESIZE_BILINEAR", call(X, numbers))
