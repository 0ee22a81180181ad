"""Average pools whose padding is not counted: windows of every size, wherever they may lie.

Values, not shapes: a window that is off by one has the right shape.
"""

from typing import Any

import numpy as np
import pytest
from support.onnx_nets import converted, net, node, normal, operators, quanta_apart

from quantization.errors import UnsupportedOperatorError

SHAPE = (2, 9, 12)


def pool(kernel: tuple[int, int], pads: tuple[int, ...], **more: Any) -> Any:
    made = node("AveragePool", "input", kernel_shape=kernel, pads=pads, **more)
    return net([made], (1, *SHAPE))


@pytest.mark.parametrize(
    ("kernel", "pads", "strides"),
    [
        ((2, 2), (0, 0, 1, 1), (2, 2)),
        ((2, 2), (0, 0, 1, 0), (1, 1)),
        ((4, 4), (1, 1, 1, 1), (1, 1)),
        ((4, 4), (1, 1, 1, 1), (2, 2)),
        ((4, 4), (0, 1, 2, 0), (1, 3)),
        ((4, 2), (1, 0, 2, 1), (3, 2)),
        ((2, 4), (0, 1, 1, 2), (2, 3)),
        ((3, 4), (1, 0, 0, 2), (2, 1)),
        ((5, 2), (1, 0, 2, 0), (1, 3)),
        ((6, 3), (2, 1, 3, 0), (2, 2)),
        ((1, 4), (0, 1, 0, 1), (2, 1)),
    ],
)
def test_a_window_covers_what_it_covers_in_onnx(
    kernel: tuple[int, int], pads: tuple[int, ...], strides: tuple[int, int]
) -> None:
    """Even and odd, other down than across, by every step: each mean is of the same elements."""
    made = converted(pool(kernel, pads, strides=strides))
    assert "AVERAGE_POOL_2D" in operators(made.tflite)
    # A ramp down and another across: every mean says where its window lies.
    down, across = np.mgrid[0:9, 0:12].astype(np.float32)
    ramps = np.stack([down, across])[None] / 4 - 1
    assert quanta_apart(made, np.concatenate([ramps, normal(3, *SHAPE, seed=7)])) <= 1


def test_padding_of_up_to_half_a_window_has_a_lowering_and_more_has_none() -> None:
    """Of four, one before and two behind; the same down and across."""
    for pads in ((1, 1, 2, 2), (1, 1, 1, 1)):
        assert quanta_apart(converted(pool((4, 4), pads)), normal(3, *SHAPE, seed=7)) <= 1
    for pads in ((2, 1, 1, 1), (1, 2, 1, 1), (1, 1, 3, 1), (1, 1, 1, 3)):
        with pytest.raises(UnsupportedOperatorError, match="more than half a window"):
            converted(pool((4, 4), pads))


@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
@pytest.mark.parametrize("pads", [(1, 0, 2, 1), (0, 1, 1, 2), (1, 1, 1, 1)])
def test_counted_padding_is_counted_and_a_maximum_sees_none(
    pads: tuple[int, ...], strides: tuple[int, int]
) -> None:
    """Zeros lower a mean, and never win a comparison, even where every element is negative."""
    both = [
        node("AveragePool", "low", to="m", count_include_pad=1, kernel_shape=(4, 3), pads=pads,
             strides=strides),
        node("MaxPool", "low", to="x", kernel_shape=(4, 3), pads=pads, strides=strides),
    ]  # fmt: skip
    shift = node("Sub", "input", "four", to="low")
    constants = {"four": np.array(4, np.float32)}
    made = converted(net([shift, *both], (1, *SHAPE), constants, outputs=("m", "x")))
    assert quanta_apart(made, normal(3, *SHAPE, seed=7)) <= 1
