"""Chains that turn the batch away from the front, and what they are folded into."""

import numpy as np
import onnx
import pytest
from support.onnx_nets import Array, net, node, normal, run_onnx_all

from quantization.fold.fold import fold

T, K = 5, 3
FRONT = node("Transpose", "input", to="times", perm=[1, 0, 2])  # (T, 1, K)


def folded(
    nodes: list[onnx.NodeProto],
    constants: dict[str, Array] | None = None,
    shape: tuple[int, ...] = (1, T, K),
    outputs: tuple[str, ...] = ("output",),
) -> list[str]:
    """The operators that are left after folding, which changes no output."""
    model = net(nodes, shape, constants, outputs=outputs)
    after, x = fold(model), normal(*shape, seed=5)
    for found, wanted in zip(run_onnx_all(after, x), run_onnx_all(model, x), strict=True):
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
    return [n.op_type for n in after.graph.node]


def ints(*values: int) -> Array:
    return np.array(values, np.int64)


BACK = node("Transpose", "y", perm=[1, 0, 2])


def test_a_product_of_steps_is_one_of_rows() -> None:
    """MatMul and Add of (T, 1, K) are a convolution of size 1, and no time-first value is left."""
    product = [node("MatMul", "times", "w", to="p"), node("Add", "p", "b", to="y")]
    constants = {"w": normal(K, 4), "b": normal(4)}
    assert folded([FRONT, *product, BACK], constants) == ["Transpose", "Conv", "Transpose"]


def test_a_product_of_steps_may_end_the_network() -> None:
    """Time first is what such a network returns, so there it is turned back."""
    nodes = [FRONT, node("MatMul", "times", "w")]
    assert folded(nodes, {"w": normal(K, 4)}) == ["Transpose", "Conv", "Transpose", "Transpose"]


@pytest.mark.parametrize(
    ("add", "b"),
    [
        (node("Add", "p", "b", to="y"), normal(T, 1, 4)),
        (node("Add", "p", "p", to="y"), normal(4)),
        (node("Sub", "p", "b", to="y"), normal(4)),
    ],
)
def test_what_is_no_bias_stays_outside(add: onnx.NodeProto, b: Array) -> None:
    """An Add that is not of one number for each output is none of the product's."""
    nodes = [FRONT, node("MatMul", "times", "w", to="p"), add, BACK]
    left = folded(nodes, {"w": normal(K, 4), "b": b})
    assert left == ["Transpose", "Conv", "Transpose", "Transpose", add.op_type, "Transpose"]


@pytest.mark.parametrize(
    ("moves", "left"),
    [
        # There and back again is nothing at all.
        ([node("Transpose", "times", to="y", perm=[1, 0, 2])], []),
        ([node("Transpose", "times", to="y", perm=[1, 2, 0])], ["Transpose"]),
        (
            [
                node("Reshape", "times", "split", to="a"),
                node("Transpose", "a", to="b", perm=[1, 0, 2]),
                node("Reshape", "b", "join", to="y"),
            ],
            ["Flatten"],
        ),
        (
            [
                node("Transpose", "times", to="a", perm=[2, 0, 1]),
                node("Reshape", "a", "join", to="y"),
            ],
            ["Transpose", "Flatten"],
        ),
        ([node("Gather", "times", "last", to="y", axis=0)], ["Slice", "Flatten"]),
    ],
)
def test_a_batch_that_comes_back_never_left(moves: list[onnx.NodeProto], left: list[str]) -> None:
    """A chain from and to a first axis of the batch is the one move it amounts to."""
    constants = {"split": ints(T, 1, K), "join": ints(1, T * K), "last": np.array(-1)}
    assert folded([FRONT, *moves, node("Relu", "y")], constants) == [*left, "Relu"]


def test_one_of_two_directions_is_a_part_of_the_row() -> None:
    """Both readers of a value (2, 1, K) take their part of the row before it."""
    nodes = [
        node("Relu", "input", to="x"),
        node("Reshape", "x", "two", to="both"),
        node("Gather", "both", "first", to="a", axis=0),
        node("Gather", "both", "last", to="b", axis=0),
        node("Sub", "a", "b"),
    ]
    constants = {"two": ints(2, 1, K), "first": np.array(0), "last": np.array(1)}
    assert folded(nodes, constants, (1, 2 * K)) == ["Relu", "Slice", "Slice", "Sub"]


@pytest.mark.parametrize(
    "moves",
    [
        # (T, 1, K) read as (K, T) and turned: no Transpose of (1, T, K) orders it like that.
        [
            node("Reshape", "times", "split", to="a"),
            node("Transpose", "a", to="b", perm=[1, 0, 2]),
            node("Reshape", "b", "join", to="y"),
        ],
        # Two of the five steps, which do not lie together.
        [node("Gather", "times", "some", to="a", axis=0), node("Reshape", "a", "rest", to="y")],
    ],
)
def test_what_is_more_than_one_move_stays(moves: list[onnx.NodeProto]) -> None:
    """No order is invented that is not there."""
    constants = {
        "split": ints(K, T, 1),
        "join": ints(1, T * K),
        "some": ints(0, 3),
        "rest": ints(1, 2 * K),
    }
    left = folded([FRONT, *moves, node("Relu", "y")], constants)
    assert left == ["Transpose", *(n.op_type for n in moves), "Relu"]


def test_an_output_on_the_way_keeps_its_name() -> None:
    """What the network returns is not joined to what reads it."""
    nodes = [FRONT, node("Transpose", "times", to="y", perm=[1, 0, 2]), node("Relu", "y")]
    assert folded(nodes, outputs=("times", "output")) == ["Transpose", "Transpose", "Relu"]


def test_a_chain_that_leaves_the_batch_alone_is_left_alone() -> None:
    """The shuffle of channels of an image keeps the form its exporter gave it."""
    nodes = [
        node("Reshape", "input", "split", to="a"),
        node("Transpose", "a", to="b", perm=[0, 2, 1, 3]),
        node("Transpose", "b", to="y", perm=[0, 2, 1, 3]),
        node("Relu", "y"),
    ]
    left = folded(nodes, {"split": ints(1, 2, 2, 9)}, (1, 4, 9))
    assert left == ["Reshape", "Transpose", "Transpose", "Relu"]
