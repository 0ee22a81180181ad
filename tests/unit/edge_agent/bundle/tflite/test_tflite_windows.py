"""What the rules of convolutions, pools and products allow, up to the last number and not beyond.

A kernel reads as many biases, filters and pixels as its options say, whatever there is.
"""

from typing import Any

import pytest
from support.tflite_calls import call, held, value

from edge_agent.bundle.tflite.call import MAX_STEP, KernelCall, Shape
from edge_agent.bundle.tflite.shapes import given_shapes
from edge_agent.bundle.tflite.windows import SAME, VALID

ONES = {"stride_h": 1, "stride_w": 1}
X = value(2, 7, 10, 6)


def bias(channels: int) -> Any:
    return value(channels, dtype="int32")


def conv(weights: Shape, biases: Any = None, **options: Any) -> KernelCall:
    return call(X, value(*weights), biases, **{"padding": VALID, **ONES, **options})


def depthwise(weights: Shape, biases: Any = None, **options: Any) -> KernelCall:
    options = {"padding": VALID, "depth_multiplier": 2, **ONES, **options}
    return call(X, value(*weights), biases, **options)


def pool(height: int, width: int, **options: Any) -> KernelCall:
    sizes: dict[str, Any] = {"filter_h": height, "filter_w": width}
    return call(X, **{"padding": VALID, **ONES, **sizes, **options})


def wider(output: Any, weights: Shape, x: Shape, *biases: Any, **options: Any) -> KernelCall:
    """A TRANSPOSE_CONV; `output` are the numbers that the file holds."""
    options = {"padding": VALID, "stride_h": 2, "stride_w": 3, **options}
    return call(output, value(*weights), value(*x), *biases, **options)


def shape(*numbers: int) -> Any:
    return held(numbers)


def dense(x: Shape, weights: Shape, *biases: Any, keep: bool = False, form: int = 0) -> KernelCall:
    return call(value(*x), value(*weights), *biases, keep_num_dims=keep, weights_format=form)


def product(a: Shape, b: Shape, adj_x: bool = False, adj_y: bool = False) -> KernelCall:
    return call(value(*a), value(*b), adj_x=adj_x, adj_y=adj_y)


# A transposed convolution of 3 x 4 pixels by steps of 2 and 3, its windows 2 x 5: 6 x 14.
SMALL, FILTERS, LARGE = (2, 3, 4, 6), (9, 2, 5, 6), (2, 6, 14, 9)

SOUND: list[tuple[str, KernelCall, Shape]] = [
    ("CONV_2D", conv((8, 3, 5, 6), bias(8)), (2, 5, 6, 8)),
    ("CONV_2D", conv((8, 3, 5, 6)), (2, 5, 6, 8)),
    ("CONV_2D", conv((8, 7, 10, 6)), (2, 1, 1, 8)),
    ("CONV_2D", conv((9, 3, 5, 2)), (2, 5, 6, 9)),  # three groups
    ("CONV_2D", conv((8, 3, 5, 6), padding=SAME, stride_h=2, stride_w=3), (2, 4, 4, 8)),
    ("CONV_2D", conv((8, 3, 5, 6), stride_h=2, stride_w=3), (2, 3, 2, 8)),
    ("CONV_2D", conv((8, 3, 4, 6), dilation_h=3, dilation_w=2), (2, 1, 4, 8)),
    ("DEPTHWISE_CONV_2D", depthwise((1, 3, 5, 12), bias(12)), (2, 5, 6, 12)),
    ("DEPTHWISE_CONV_2D", depthwise((1, 3, 4, 12), dilation_h=3, dilation_w=2), (2, 1, 4, 12)),
    ("MAX_POOL_2D", pool(7, 10), (2, 1, 1, 6)),
    ("AVERAGE_POOL_2D", pool(2, 3, stride_h=2, stride_w=3), (2, 3, 3, 6)),
    ("AVERAGE_POOL_2D", pool(99, 2, padding=SAME), (2, 7, 10, 6)),
    ("TRANSPOSE_CONV", wider(shape(*LARGE), FILTERS, SMALL, bias(9)), LARGE),
    ("TRANSPOSE_CONV", wider(shape(*LARGE), FILTERS, SMALL), LARGE),
    ("TRANSPOSE_CONV", wider(shape(2, 7, 16, 9), FILTERS, SMALL), (2, 7, 16, 9)),
    ("TRANSPOSE_CONV", wider(shape(2, 5, 10, 9), FILTERS, SMALL, padding=SAME), (2, 5, 10, 9)),
    ("TRANSPOSE_CONV", wider(shape(1, 1, 1, 9), FILTERS, (1, 1, 1, 6), padding=SAME), (1, 1, 1, 9)),
    ("FULLY_CONNECTED", dense((2, 5), (3, 5), bias(3)), (2, 3)),
    ("FULLY_CONNECTED", dense((2, 5), (3, 5)), (2, 3)),
    ("FULLY_CONNECTED", dense((2, 4, 5), (3, 10)), (4, 3)),
    ("FULLY_CONNECTED", dense((2, 4, 5), (3, 5), keep=True), (2, 4, 3)),
    ("FULLY_CONNECTED", dense((), (3, 1), keep=True), (3,)),
    ("BATCH_MATMUL", product((4, 2, 3), (4, 3, 5)), (4, 2, 5)),
    ("BATCH_MATMUL", product((4, 3, 2), (4, 3, 5), adj_x=True), (4, 2, 5)),
    ("BATCH_MATMUL", product((4, 2, 3), (4, 5, 3), adj_y=True), (4, 2, 5)),
    ("BATCH_MATMUL", product((3, 2), (5, 3), adj_x=True, adj_y=True), (2, 5)),
    ("BATCH_MATMUL", product((6, 1, 2, 3), (4, 3, 5)), (6, 4, 2, 5)),
]


@pytest.mark.parametrize(("name", "sound", "expected"), SOUND)
def test_what_fits_is_given_its_shape(name: str, sound: KernelCall, expected: Shape) -> None:
    """Must not fire, up to the last number that fits; worked out by hand."""
    assert given_shapes(name, sound) == [expected]


UNSOUND: list[tuple[str, KernelCall, str]] = [
    ("CONV_2D", conv((8, 3, 5, 6), bias(7)), "expected biases: 8, found 7"),
    ("CONV_2D", conv((8, 3, 5, 6), bias(9)), "expected biases: 8, found 9"),
    ("CONV_2D", conv((8, 8, 5, 6)), "expected 8 or more pixels for a window, found 7"),
    ("CONV_2D", conv((8, 3, 11, 6)), "expected 11 or more pixels for a window, found 10"),
    ("CONV_2D", conv((8, 3, 5, 4)), r"expected filters for 6 channels, found \(8, 3, 5, 4\)"),
    ("CONV_2D", conv((8, 3, 5, 12)), r"expected filters for 6 channels, found"),
    ("CONV_2D", conv((8, 3, 5, 2)), "expected filters for 6 channels"),  # 8 for three groups
    ("CONV_2D", conv((8, 3, 6)), "expected four sides of input 1: 4, found 3"),
    ("CONV_2D", conv((8, 3, 5, 6), padding=2), "expected padding 0 or 1, found 2"),
    ("CONV_2D", conv((8, 3, 5, 6), padding=-1), "expected padding 0 or 1, found -1"),
    ("CONV_2D", conv((8, 3, 5, 6), stride_h=0), "expected stride_h of 1 to 8192, found 0"),
    ("CONV_2D", conv((8, 3, 5, 6), stride_w=-1), "expected stride_w of 1 to 8192, found -1"),
    ("CONV_2D", conv((8, 3, 5, 6), dilation_h=0), "expected dilation_h of 1 to 8192, found 0"),
    ("CONV_2D", conv((8, 3, 5, 6), dilation_w=0), "expected dilation_w of 1 to 8192, found 0"),
    ("CONV_2D", conv((8, 3, 4, 6), dilation_h=4), "expected 9 or more pixels"),
    ("CONV_2D", conv((8, 3, 4, 6), dilation_w=4), "expected 13 or more pixels"),
    ("CONV_2D", conv((8, MAX_STEP + 1, 5, 6), padding=SAME), "expected height of 1 to 8192"),
    ("CONV_2D", conv((8, 3, MAX_STEP + 1, 6), padding=SAME), "expected width of 1 to 8192"),
    ("DEPTHWISE_CONV_2D", depthwise((1, 3, 5, 12), bias(6)), "expected biases: 12, found 6"),
    ("DEPTHWISE_CONV_2D", depthwise((2, 3, 5, 12)), "expected one filter a channel.*: 1, found 2"),
    ("DEPTHWISE_CONV_2D", depthwise((1, 3, 5, 6)), "expected filters: 12, found 6"),
    ("DEPTHWISE_CONV_2D", depthwise((1, 3, 5, 0), depth_multiplier=0), "depth_multiplier of 1"),
    ("DEPTHWISE_CONV_2D", depthwise((1, 8, 5, 12)), "expected 8 or more pixels"),
    ("DEPTHWISE_CONV_2D", depthwise((1, 3, 11, 12)), "expected 11 or more pixels"),
    (
        "DEPTHWISE_CONV_2D",
        depthwise((1, MAX_STEP + 1, 5, 12), padding=SAME),
        "expected height of 1 to 8192",
    ),
    (
        "DEPTHWISE_CONV_2D",
        depthwise((1, 3, MAX_STEP + 1, 12), padding=SAME),
        "expected width of 1 to 8192",
    ),
    ("MAX_POOL_2D", pool(8, 10), "expected 8 or more pixels for a window, found 7"),
    ("MAX_POOL_2D", pool(7, 11), "expected 11 or more pixels for a window, found 10"),
    ("MAX_POOL_2D", pool(0, 1), "expected filter_h of 1 to 8192, found 0"),
    ("AVERAGE_POOL_2D", pool(1, 0), "expected filter_w of 1 to 8192, found 0"),
    ("AVERAGE_POOL_2D", pool(1, MAX_STEP + 1, padding=SAME), "filter_w of 1 to 8192, found 8193"),
    ("TRANSPOSE_CONV", wider(shape(*LARGE), FILTERS, SMALL, bias(6)), "biases: 9, found 6"),
    ("TRANSPOSE_CONV", wider(shape(2, 5, 14, 9), FILTERS, SMALL), r"\(2, 4\), found \(3, 4\)"),
    ("TRANSPOSE_CONV", wider(shape(2, 8, 14, 9), FILTERS, SMALL), r"\(4, 4\), found \(3, 4\)"),
    ("TRANSPOSE_CONV", wider(shape(2, 6, 13, 9), FILTERS, SMALL), r"\(3, 3\), found \(3, 4\)"),
    ("TRANSPOSE_CONV", wider(shape(2, 6, 17, 9), FILTERS, SMALL), r"\(3, 5\), found \(3, 4\)"),
    ("TRANSPOSE_CONV", wider(shape(3, 6, 14, 9), FILTERS, SMALL), r"\(2, 9\), found \(3, 9\)"),
    ("TRANSPOSE_CONV", wider(shape(2, 6, 14, 8), FILTERS, SMALL), r"\(2, 9\), found \(2, 8\)"),
    ("TRANSPOSE_CONV", wider(shape(*LARGE), (9, 2, 5, 3), SMALL), "channels: 6, found 3"),
    ("TRANSPOSE_CONV", wider(shape(2, 6, 14), FILTERS, SMALL), "sides: 4, found 3"),
    (
        "TRANSPOSE_CONV",
        wider(shape(2, 0, 14, 9), FILTERS, SMALL, padding=SAME),
        "expected an output with sides of 1 or more",
    ),
    ("TRANSPOSE_CONV", wider(shape(*LARGE), FILTERS, SMALL, stride_h=0), "stride_h of 1 to"),
    ("TRANSPOSE_CONV", wider(shape(*LARGE), FILTERS, SMALL, stride_w=0), "stride_w of 1 to"),
    ("TRANSPOSE_CONV", wider(value(4, dtype="int32"), FILTERS, SMALL), "integers in the file"),
    ("FULLY_CONNECTED", dense((2, 5), (3, 5), bias(2)), "expected biases: 3, found 2"),
    ("FULLY_CONNECTED", dense((2, 5), (3, 5), bias(5)), "expected biases: 3, found 5"),
    ("FULLY_CONNECTED", dense((2, 5), (3, 4)), "expected a multiple of 4 values, found 10"),
    ("FULLY_CONNECTED", dense((2, 4, 5), (3, 10), keep=True), "each weight: 10, found 5"),
    ("FULLY_CONNECTED", dense((), (3, 2), keep=True), "each weight: 2, found 1"),
    ("FULLY_CONNECTED", dense((2, 5), (3, 5, 1)), "expected weights of sides: 2, found 3"),
    ("FULLY_CONNECTED", dense((2, 5), (3, 5), form=1), "in the plain format: 0, found 1"),
    ("BATCH_MATMUL", product((4, 2, 3), (4, 5, 3)), "expected matrices that fit, of: 3, found 5"),
    ("BATCH_MATMUL", product((2, 3), (2, 5), adj_y=True), "matrices that fit, of: 3, found 5"),
    ("BATCH_MATMUL", product((2, 3), (3, 5), adj_x=True), "matrices that fit, of: 2, found 3"),
    ("BATCH_MATMUL", product((3,), (3, 5)), r"expected matrices, found \(3,\) and \(3, 5\)"),
    ("BATCH_MATMUL", product((4, 2, 3), (2, 3, 5)), r"expected shapes that fit"),
]


@pytest.mark.parametrize(("name", "unsound", "reason"), UNSOUND)
def test_one_beyond_what_fits_is_refused(name: str, unsound: KernelCall, reason: str) -> None:
    """Must fire, on the first number that is out of range."""
    with pytest.raises(ValueError, match=reason):
        given_shapes(name, unsound)
