"""Nodes and forms of nodes that no TFLite operator computes, each refused by its name."""

import numpy as np
import onnx
import pytest
from support.onnx_nets import Array, converted, net, node, normal, quanta_apart

from quantization.errors import ModelError, UnsupportedOperatorError
from quantization.fold.fold import fold
from quantization.graph.graph import read
from quantization.lower.check import check_lowering

SUPPORTED = (
    "Add, ArgMax, AveragePool, Clip, Concat, Conv, ConvTranspose, DepthToSpace, Flatten, Gather, "
    "Gemm, GlobalAveragePool, GlobalMaxPool, HardSwish, Identity, LeakyRelu, LogSoftmax, MatMul, "
    "MaxPool, Mul, PRelu, Pad, ReduceMax, ReduceMean, Relu, Reshape, Resize, Sigmoid, Slice, "
    "Softmax, SpaceToDepth, Squeeze, Sub, Tanh, Transpose, Unsqueeze; and, where they fold into "
    "these: BatchNormalization, Constant, Div by a constant, Dropout, GRU, HardSigmoid, LSTM, Neg, "
    "ReduceSum, Split"
)


@pytest.mark.parametrize(
    ("nodes", "shape", "constants", "reason"),
    [
        ([node("Gelu", "input")], (3,), {}, "Gelu has no lowering"),
        (
            [node("Relu", "input", to="a"), node("Div", "input", "a")],
            (3,),
            {},
            "Div has no lowering",
        ),
        (
            [node("Conv", "input", "w")],
            (3, 2, 8, 8),
            {"w": normal(2, 3, 1, 3, 3)},
            "Conv with weights of shape (2, 3, 1, 3, 3) has no lowering, only 1-D and 2-D",
        ),
        (
            [node("Relu", "input", to="a"), node("Conv", "input", "a")],
            (1, 1, 1),
            {},
            "Conv needs its input 1 constant, not computed at run time",
        ),
        (
            [node("MaxPool", "input", kernel_shape=[2, 2], dilations=[2, 2])],
            (3, 6, 6),
            {},
            "MaxPool with dilations has no lowering",
        ),
        (
            [node("AveragePool", "input", kernel_shape=[3, 3], strides=[2, 2], pads=[2] * 4)],
            (2, 8, 8),
            {},
            "AveragePool with uncounted padding of more than half a window has no lowering",
        ),
        (
            [node("Pad", "input", "pads", mode="edge")],
            (2, 4, 4),
            {"pads": np.array([0, 0, 1, 1, 0, 0, 1, 1])},
            "Pad with mode 'edge' on rank 4 has no lowering",
        ),
        (
            [node("Pad", "input", "pads")],
            (2, 4, 4),
            {"pads": np.array([0, 0, -1, 0, 0, 0, 0, 0])},
            "Pad with the negative pads [0, 0, -1, 0, 0, 0, 0, 0] has no lowering",
        ),
        (
            [node("Slice", "input", "from", "to", "axes", "steps")],
            (6,),
            {
                "from": np.array([5]),
                "to": np.array([0]),
                "axes": np.array([1]),
                "steps": np.array([-1]),
            },
            "Slice with steps [-1] has no lowering, only forwards",
        ),
        (
            [node("Resize", "input", "", "", "sizes", mode="cubic")],
            (2, 4, 4),
            {"sizes": np.array([1, 2, 8, 8])},
            "Resize with mode 'cubic' and coordinates 'half_pixel' has no lowering",
        ),
        (
            [node("Resize", "input", "", "", "sizes", mode="linear")],
            (2, 4, 4),
            {"sizes": np.array([1, 4, 4, 4])},
            "Resize of shape (1, 2, 4, 4) to (1, 4, 4, 4) has no lowering, only height and width",
        ),
        (
            [node("ConvTranspose", "input", "w", group=2)],
            (2, 4, 4),
            {"w": normal(2, 1, 2, 2)},
            "ConvTranspose with groups, or of more than two dimensions, has no lowering",
        ),
        (
            [node("ReduceMean", "input", axes=[1])],
            (2, 2, 2, 2),
            {},
            "ReduceMean of rank 5 has no lowering, only up to 4",
        ),
        (
            [node("Gather", "input", "i", axis=1)],
            (3,),
            {"i": np.array([[0, 1]])},
            "Gather has no lowering except by a constant index or a constant list of them",
        ),
    ],
)
def test_what_has_no_lowering_is_refused(
    nodes: list[onnx.NodeProto], shape: tuple[int, ...], constants: dict[str, Array], reason: str
) -> None:
    """The error names the node, the operator, why, and what is supported."""
    model = net(nodes, (1, *shape), constants, opset=20 if "Gelu" in reason else 17)
    with pytest.raises(UnsupportedOperatorError) as raised:
        converted(model)
    op = reason.split()[0]
    assert str(raised.value) == f"node '{op} to output': operator {reason}; supported: {SUPPORTED}"


def test_indices_only_leave_the_network() -> None:
    """An index has no int8 value: nothing computes with it."""
    best = node("ArgMax", "input", to="a", axis=1)
    turn = onnx.helper.make_node("Transpose", ["a"], ["b"], name="turn")
    model = net([best, turn, node("Relu", "input")], (1, 3), outputs=("output", "b"))
    with pytest.raises(UnsupportedOperatorError) as raised:
        converted(model)
    assert str(raised.value).startswith(
        "node 'ArgMax to a': operator ArgMax has no lowering except as an output; "
        "node 'turn' reads it; supported: Add,"
    )


def test_an_operator_is_refused_before_its_shape() -> None:
    """An operator without lowering is the news, not that its output has no static shape."""
    nodes = [
        node("NonZero", "input", to="a"),
        node("Transpose", "a", to="b"),
        onnx.helper.make_node("Cast", ["b"], ["output"], to=onnx.TensorProto.FLOAT),
    ]
    with pytest.raises(UnsupportedOperatorError, match="node 'NonZero to a': operator NonZero"):
        converted(net(nodes, (1, 3)))


def test_a_shape_that_depends_on_the_values_is_refused() -> None:
    """A size that only the samples decide has no place in a TFLite file."""
    nodes = [
        node("Relu", "input", to="a"),
        onnx.helper.make_node("Relu", ["a"], ["output"], name="last"),
    ]
    model = fold(net(nodes, (1, 3)))
    model.graph.output[0].type.tensor_type.shape.dim[1].Clear()
    model.graph.input[0].type.tensor_type.shape.dim[1].Clear()
    with pytest.raises(ModelError) as raised:
        check_lowering(read(model))
    assert str(raised.value) == (
        "node 'Relu to a' (Relu): the shape of its output 'a' is not known before run time; "
        "a TFLite file needs static shapes"
    )


def test_a_network_without_operators_is_refused() -> None:
    """A model that returns its input computes nothing."""
    with pytest.raises(ModelError) as raised:
        converted(net([node("Identity", "input")], (1, 3)))
    assert str(raised.value) == ("model: expected at least one operator that computes, found none")


@pytest.mark.parametrize(("largest", "refused"), [(1e7, True), (1e5, False)])
def test_a_sum_that_would_end_a_runtimes_process_is_refused(largest: float, refused: bool) -> None:
    """Into a scale millions of times finer than its inputs' no kernel can add."""
    constants: dict[str, Array] = {
        "three": np.array([3], np.float32),
        "low": np.array(0, np.float32),
        "high": np.array(6, np.float32),
    }
    nodes = [node("Add", "input", "three", to="a"), node("Clip", "a", "low", "high")]
    model = net(nodes, (1, 4), constants)
    samples = np.array([[-1, 2, 3, largest]], np.float32)
    if not refused:
        assert quanta_apart(converted(model, samples), samples) <= 1
        return
    with pytest.raises(UnsupportedOperatorError) as raised:
        converted(model, samples)
    assert str(raised.value).startswith(
        "node 'Add to a': operator Add from a scale of 3.92e+04 into one of 0.0235 has no kernel: "
        "are there extreme values among the calibration samples?; supported: Add,"
    )
