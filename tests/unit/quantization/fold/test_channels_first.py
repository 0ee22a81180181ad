"""Networks with their channels last, and the same with channels first."""

import numpy as np
import onnx
import pytest
from support.onnx_nets import net, node, normal, run_onnx

from quantization.fold.channels_first import channels_first
from quantization.fold.fold import fold_graph
from quantization.graph.graph import Graph, read, write

LAST, FIRST = {"perm": [0, 3, 1, 2]}, {"perm": [0, 2, 3, 1]}  # to channels first, and back
PICTURE = (1, 8, 8, 3)


def turned(model: onnx.ModelProto, *shape: int, scales: bool = True) -> Graph:
    """The network channels first, which has to be the same function."""
    graph = fold_graph(channels_first(fold_graph(read(model)), scales=scales))
    x = normal(*shape, seed=5)
    wanted = run_onnx(model, x)
    np.testing.assert_allclose(run_onnx(write(graph), x), wanted, rtol=1e-4, atol=1e-5)
    return graph


def operators(graph: Graph) -> list[str]:
    return [n.op for n in graph.nodes]


def keras_like(middle: list[onnx.NodeProto], constants: dict[str, np.ndarray]) -> onnx.ModelProto:
    """A convolution, `middle` from "last" to "done", channels last, and a dense layer."""
    return net(
        [
            node("Transpose", "input", to="first", **LAST),
            node("Conv", "first", "w", to="y", pads=[1, 1, 1, 1]),
            node("Transpose", "y", to="last", **FIRST),
            *middle,
            node("Flatten", "done", to="flat"),
            node("MatMul", "flat", "d"),
        ],
        PICTURE,
        {"w": normal(4, 3, 3, 3), "d": normal(256, 2), **constants},
    )


def test_biases_and_norms_between_transposes_become_weights() -> None:
    """Sub, Mul and Add of each channel leave no operator of their own."""
    vectors = {name: normal(4, seed=i) for i, name in enumerate("abc")}
    model = keras_like(
        [
            node("Sub", "last", "a", to="s"),
            node("Mul", "s", "b", to="m"),
            node("Add", "c", "m", to="n"),
            node("Relu", "n", to="done"),
        ],
        vectors,
    )
    assert operators(turned(model, *PICTURE)) == ["Transpose", "Conv", "Relu", "Flatten", "Gemm"]


def test_what_is_taken_from_a_constant_turns_the_weights_round() -> None:
    """``c - y`` is ``-y + c``, and a factor may be one for all."""
    model = keras_like(
        [node("Sub", "c", "last", to="s"), node("Mul", "s", "two", to="done")],
        {"c": normal(4), "two": np.array(2, np.float32)},
    )
    assert operators(turned(model, *PICTURE)) == ["Transpose", "Conv", "Flatten", "Gemm"]


def test_a_whole_block_is_turned() -> None:
    """Padding, a branch, joined channels, a sum and a mean over places: one Transpose is left."""
    nodes = [
        node("Transpose", "input", to="first", **LAST),
        node("Conv", "first", "w", to="y"),
        node("Transpose", "y", to="last", **FIRST),
        node("HardSwish", "last", to="a"),
        node("Pad", "a", "pads", to="p"),
        node("Transpose", "p", to="pf", **LAST),
        node("Conv", "pf", "v", to="z"),
        node("Transpose", "z", to="zl", **FIRST),
        node("Concat", "zl", "a", to="j", axis=-1),
        node("Transpose", "j", to="jf", **LAST),
        node("MaxPool", "jf", to="q", kernel_shape=[2, 2], strides=[2, 2]),
        node("Transpose", "q", to="ql", **FIRST),
        node("Add", "ql", "ql", to="sum"),
        node("ReduceMean", "sum", to="mean", axes=[1, 2], keepdims=0),
        node("MatMul", "mean", "d"),
    ]
    constants = {
        "w": normal(4, 3, 3, 3),
        "v": normal(4, 4, 3, 3, seed=1),
        "pads": np.array([0, 1, 1, 0, 0, 1, 1, 0]),
        "d": normal(8, 2),
    }
    graph = turned(net(nodes, PICTURE, constants), *PICTURE)
    assert operators(graph).count("Transpose") == 1
    assert "Pad" not in operators(graph)  # it is the convolution's own


def test_copies_of_the_edge_before_a_maximum_are_its_padding() -> None:
    """As Keras pads a MaxPooling2D of an even map; what reaches beyond a window stays."""

    def pooled(pads: list[int]) -> list[str]:
        nodes = [
            node("Relu", "input", to="a"),
            node("Pad", "a", "pads", to="p", mode="edge"),
            node("MaxPool", "p", kernel_shape=[3, 3], strides=[2, 2]),
        ]
        model = net(nodes, (1, 2, 8, 8), {"pads": np.array(pads)})
        return operators(turned(model, 1, 2, 8, 8))

    assert pooled([0, 0, 0, 1, 0, 0, 1, 1]) == ["Relu", "MaxPool"]
    assert pooled([0, 0, 3, 3, 0, 0, 0, 0]) == ["Relu", "Pad", "MaxPool"]


@pytest.mark.parametrize(("scales", "expected"), [(True, ["Conv"]), (False, ["Mul", "Conv"])])
def test_what_scales_a_picture_becomes_part_of_the_weights(
    scales: bool, expected: list[str]
) -> None:
    """A rescaling before the first convolution; to add 0 to it is nothing at all."""
    nodes = [
        node("Mul", "input", "f", to="a"),
        node("Add", "a", "o", to="b"),
        node("Conv", "b", "w", pads=[1, 1, 1, 1]),
    ]
    constants = {
        "f": np.array(1 / 255, np.float32),
        "o": np.array(0, np.float32),
        "w": normal(2, 3, 3, 3),
    }
    model = net(nodes, (1, 3, 4, 4), constants)
    assert operators(turned(model, 1, 3, 4, 4, scales=scales)) == expected


@pytest.mark.parametrize(
    "nodes",
    [
        # Its mean is over the channels, of which the places have one each.
        [
            node("Transpose", "input", to="a", **LAST),
            node("ReduceMean", "a", to="output", axes=[1], keepdims=0),
        ],
        # Each place has a value of its own.
        [node("Conv", "input", "w", to="a"), node("Add", "a", "map")],
        # The sum of the layer's output is read elsewhere, too.
        [
            node("Conv", "input", "w", to="a"),
            node("Add", "a", "c", to="b"),
            node("Mul", "a", "b"),
        ],
        # Two orders meet.
        [
            node("Transpose", "input", to="a", perm=[0, 1, 3, 2]),
            node("Transpose", "input", to="b", perm=[0, 3, 2, 1]),
            node("Add", "a", "b"),
        ],
    ],
)
def test_what_looks_alike_and_is_not_stays_the_same_function(nodes: list[onnx.NodeProto]) -> None:
    """Must not fire."""
    constants = {
        "w": normal(4, 4, 1, 1),
        "map": normal(1, 4, 4, 4, seed=1),
        "c": normal(4, 1, 1, seed=2),
    }
    turned(net(nodes, (1, 4, 4, 4), constants), 1, 4, 4, 4)
