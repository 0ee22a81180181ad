"""The lowering of convolutions, poolings and fused activations, where forms differ."""

from typing import Any

import numpy as np
import onnx
import pytest
from support.onnx_nets import (
    Array,
    converted,
    float_tensors,
    graph_of,
    net,
    node,
    normal,
    operators,
    parsed,
    quanta_apart,
    run_tflite,
)

from edge_agent.inference.runtime import Interpreter
from quantization.lower import lower_graph
from quantization.scales.calibrate import Ranges
from quantization.scales.qdq import insert_qdq
from quantization.scales.ranges import Range

SAMPLES = 6


def assert_agrees(
    nodes: list[onnx.NodeProto], shape: tuple[int, ...], expected: list[str], **constants: Array
) -> None:
    """The lowered network has these operators and is within one quantum of ONNX Runtime."""
    made = converted(net(nodes, (1, *shape), constants))
    assert operators(made.tflite) == expected
    assert not float_tensors(made.tflite)
    assert quanta_apart(made, normal(SAMPLES, *shape, seed=7)) <= 1


def test_a_convolution_worked_out_on_paper() -> None:
    """0.5 * 1.27 - 0.2 * -0.64 + 0.05 = 0.813, which is 40.65 quanta of 0.02: 41."""
    weight = np.array([1.27, -0.64], np.float32).reshape(1, 2, 1, 1)
    bias = np.array([0.05], np.float32)
    model = graph_of(net([node("Conv", "input", "w", "b")], (1, 2, 1, 1), {"w": weight, "b": bias}))
    ranges = Ranges({"input": Range(-1.28, 1.27), "output": Range(-2.56, 2.54)}, samples=1)
    lowered = lower_graph(insert_qdq(model, ranges))
    assert (lowered.input.zero_point, lowered.output.zero_point) == (0, 0)
    (graph,) = parsed(lowered.tflite).subgraphs
    data = [parsed(lowered.tflite).buffers[t.buffer].data for t in graph.tensors]
    assert np.array([127, -64], np.int8).tobytes() in [bytes(d) for d in data if d is not None]
    assert np.array([500], "<i4").tobytes() in [bytes(d) for d in data if d is not None]
    with Interpreter(lowered.tflite) as interpreter:
        q = np.array([50, -20], np.int8).reshape(1, 1, 1, 2)
        assert interpreter.infer(q)[0].item() == 41


@pytest.mark.parametrize(
    ("size", "stride", "pads", "padded"),
    [
        (8, 1, [1, 1, 1, 1], False),
        (8, 1, [0, 0, 0, 0], False),
        (8, 2, [1, 1, 1, 1], True),
        (9, 2, [1, 1, 1, 1], False),
        (8, 2, [0, 0, 1, 1], False),
        (9, 2, [0, 0, 1, 1], False),  # no window reaches the padding
        (8, 1, [2, 0, 0, 1], True),
        (8, 2, [2, 1, 3, 0], True),
    ],
)
def test_convolution_strides_and_pads(
    size: int, stride: int, pads: list[int], padded: bool
) -> None:
    """A PAD appears exactly where the pads are not what TFLite's SAME or VALID computes."""
    conv = node("Conv", "input", "w", pads=pads, strides=[stride, stride])
    expected = ["PAD", "CONV_2D"] if padded else ["CONV_2D"]
    assert_agrees([conv], (3, size, size), expected, w=normal(4, 3, 3, 3))


@pytest.mark.parametrize("multiplier", [1, 3])
@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_convolution(multiplier: int, stride: int) -> None:
    """A group for every input channel is DEPTHWISE_CONV_2D, with its scales on its last axis."""
    channels = 4
    weight = normal(channels * multiplier, 1, 3, 3)
    weight *= np.float32(10.0) ** np.arange(-2, len(weight) - 2).clip(-2, 2).reshape(-1, 1, 1, 1)
    conv = node("Conv", "input", "w", group=channels, pads=[0, 0, 1, 1], strides=[stride, stride])
    nodes, shape = [conv], (channels, 8, 8)
    made = converted(net(nodes, (1, *shape), {"w": weight}))
    # SAME of stride 1 puts padding on both sides, so these pads are SAME for stride 2 only.
    assert operators(made.tflite)[-1] == "DEPTHWISE_CONV_2D"
    assert ("PAD" in operators(made.tflite)) == (stride == 1)
    filters = next(
        t for t in parsed(made.tflite).subgraphs[0].tensors if list(t.shape[:3]) == [1, 3, 3]
    )
    assert filters.shape[3] == len(weight)
    assert filters.quantization.quantizedDimension == 3
    assert len(filters.quantization.scale) == len(weight)
    assert quanta_apart(made, normal(SAMPLES, *shape, seed=7)) <= 1


def test_grouped_convolution() -> None:
    """Two groups of two channels each are one CONV_2D, of the version that knows groups."""
    conv = node("Conv", "input", "w", group=2, pads=[1, 1, 1, 1])
    made = converted(net([conv], (1, 4, 5, 5), {"w": normal(6, 2, 3, 3)}))
    assert operators(made.tflite) == ["CONV_2D"]
    assert [c.version for c in parsed(made.tflite).operatorCodes] == [6]
    assert quanta_apart(made, normal(SAMPLES, 4, 5, 5, seed=7)) <= 1


def test_dilated_convolution() -> None:
    """Dilation widens the window that the padding is computed from."""
    conv = node("Conv", "input", "w", dilations=[2, 2], pads=[2, 2, 2, 2])
    assert_agrees([conv], (3, 7, 7), ["CONV_2D"], w=normal(4, 3, 3, 3))


def test_a_kernel_that_is_not_square() -> None:
    """Height and width are not mixed up: 10 x 4 with stride 2 x 1 on 20 x 9."""
    conv = node("Conv", "input", "w", strides=[2, 1], pads=[4, 1, 4, 2])
    assert_agrees([conv], (1, 20, 9), ["CONV_2D"], w=normal(4, 1, 10, 4))


@pytest.mark.parametrize("activation", ["Relu", "Clip"])
def test_activations_become_part_of_the_layer(activation: str) -> None:
    """Relu and Clip(0, 6) after a convolution, an addition or a dense layer add no operator."""
    bounds = ("zero", "six") if activation == "Clip" else ()
    nodes = [
        node("Conv", "input", "w", to="a"),
        node(activation, "a", *bounds, to="b"),
        node("Add", "b", "input", to="c"),
        node(activation, "c", *bounds, to="d"),
        node("Flatten", "d", to="e"),
        node("Gemm", "e", "v", to="f"),
        node(activation, "f", *bounds),
    ]
    assert_agrees(
        nodes,
        (2, 3, 3),
        ["CONV_2D", "ADD", "RESHAPE", "FULLY_CONNECTED"],
        w=4 * normal(2, 2, 1, 1),
        v=normal(18, 5),
        zero=np.array(0, np.float32),
        six=np.array(6, np.float32),
    )


@pytest.mark.parametrize("op", ["Conv", "Add", "Gemm"])
@pytest.mark.parametrize("activation", ["Relu", "Clip"])
def test_activations_clip_where_the_scale_does_not(op: str, activation: str) -> None:
    """With a scale shared with values beyond the activation's bounds, it still cuts there."""
    bounds = ("zero", "six") if activation == "Clip" else ()
    second = {"Conv": ("w",), "Gemm": ("v",), "Add": ("input",)}[op]
    nodes = [
        node(op, "input", *second, to="a"),
        node(activation, "a", *bounds, to="b"),
        node("Add", "input", "input", to="c"),
        node("Concat", "b", "c", axis=1),
    ]
    made = converted(
        net(
            nodes,
            (1, 2) if op == "Gemm" else (1, 2, 3, 3),
            {
                "w": normal(2, 2, 1, 1),
                "v": normal(2, 2),
                "zero": np.array(0, np.float32),
                "six": np.array(6, np.float32),
            },
        ),
        10 * normal(32, *((2,) if op == "Gemm" else (2, 3, 3))),
    )
    x = 10 * normal(SAMPLES, *((2,) if op == "Gemm" else (2, 3, 3)), seed=7)
    assert quanta_apart(made, x) <= 1


@pytest.mark.parametrize(("activation", "name"), [("Relu", "RELU"), ("Clip", "RELU6")])
def test_activations_stand_alone_where_they_must(activation: str, name: str) -> None:
    """A value read both before and after its activation keeps the activation an operator."""
    bounds = ("zero", "six") if activation == "Clip" else ()
    nodes = [
        node("Conv", "input", "w", to="a"),
        node(activation, "a", *bounds, to="b"),
        node("Add", "a", "b"),
    ]
    assert_agrees(
        nodes,
        (2, 3, 3),
        ["CONV_2D", name, "ADD"],
        w=normal(2, 2, 1, 1),
        zero=np.array(0, np.float32),
        six=np.array(6, np.float32),
    )


def test_a_residual_block_whose_input_has_two_readers() -> None:
    """No float islands: both branches and their sum stay int8."""
    nodes = [
        node("Conv", "input", "v", to="x"),
        node("Relu", "x", to="y"),
        node("Conv", "y", "w", to="a", pads=[1, 1, 1, 1]),
        node("Add", "a", "y", to="s"),
        node("Relu", "s", to="t"),
        node("Conv", "t", "w", to="b", pads=[1, 1, 1, 1]),
        node("Add", "b", "t"),
    ]
    expected = ["CONV_2D", "CONV_2D", "ADD", "CONV_2D", "ADD"]
    assert_agrees(nodes, (3, 6, 6), expected, v=normal(4, 3, 1, 1), w=normal(4, 4, 3, 3))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"kernel_shape": [2, 2], "strides": [2, 2]}, ["MAX_POOL_2D"]),
        ({"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}, ["MAX_POOL_2D"]),
        ({"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, ["MAX_POOL_2D"]),
        (
            {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 0, 1, 0]},
            ["PADV2", "MAX_POOL_2D"],
        ),
    ],
)
def test_max_pooling(attributes: dict[str, object], expected: list[str]) -> None:
    """Padding loses to every value, also to negative ones."""
    nodes = [node("MaxPool", "input", to="y", **attributes), node("Conv", "y", "w")]
    assert_agrees(nodes, (2, 7, 7), [*expected, "CONV_2D"], w=normal(2, 2, 1, 1))


def test_max_pooling_after_relu_needs_no_fill() -> None:
    """After Relu the zero point is the lowest int8 value, and a plain PAD does."""
    nodes = [
        node("Conv", "input", "w", to="a"),
        node("Relu", "a", to="b"),
        node("MaxPool", "b", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    ]
    expected = ["CONV_2D", "PAD", "MAX_POOL_2D"]
    assert_agrees(nodes, (2, 8, 8), expected, w=normal(2, 2, 1, 1))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"kernel_shape": [2, 3], "strides": [2, 1]}, ["AVERAGE_POOL_2D"]),
        ({"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, ["AVERAGE_POOL_2D"]),
        (
            {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
            ["PAD", "AVERAGE_POOL_2D"],
        ),
    ],
)
def test_average_pooling(attributes: dict[str, Any], expected: list[str]) -> None:
    """Padding is counted where ONNX counts it and left out where ONNX leaves it out."""
    assert_agrees([node("AveragePool", "input", **attributes)], (2, 6, 6), expected)


@pytest.mark.parametrize("keep", [0, 1])
def test_the_mean_of_height_and_width(keep: int) -> None:
    """ReduceMean over the spatial axes, counted from the end, is MEAN over NHWC's axes 1, 2."""
    mean = node("ReduceMean", "input", axes=[-1, -2], keepdims=keep)
    assert_agrees([mean], (5, 4, 3), ["MEAN"])


def test_a_global_average_flattened_needs_no_transpose() -> None:
    """A 1 x 1 map flattens by RESHAPE alone."""
    nodes = [
        node("GlobalAveragePool", "input", to="a"),
        node("Flatten", "a", to="b"),
        node("Gemm", "b", "w", "bias", transB=1),
    ]
    expected = ["MEAN", "RESHAPE", "FULLY_CONNECTED"]
    assert_agrees(nodes, (6, 4, 4), expected, w=normal(3, 6), bias=normal(3))


def test_a_map_flattened_into_a_dense_layer_permutes_its_weights() -> None:
    """The dense layer reads the elements in NHWC order: no TRANSPOSE."""
    nodes = [node("Flatten", "input", to="a"), node("Gemm", "a", "w", transB=1)]
    assert_agrees(nodes, (3, 4, 5), ["RESHAPE", "FULLY_CONNECTED"], w=normal(7, 60))


def test_a_map_flattened_as_the_output_is_transposed() -> None:
    """What leaves the network has ONNX's order, which here takes the model's own transpose."""
    assert_agrees([node("Flatten", "input")], (3, 4, 5), ["TRANSPOSE", "RESHAPE"])


@pytest.mark.parametrize("axis", [1, -2])
def test_concatenation(axis: int) -> None:
    """ONNX's axis 1 is TFLite's 3, and -2 is its 1."""
    nodes = [
        node("Conv", "input", "v", to="a"),
        node("Conv", "input", "w", to="b"),
        node("Concat", "a", "b", axis=axis),
    ]
    expected = ["CONV_2D", "CONV_2D", "CONCATENATION"]
    constants = {"v": normal(2, 3, 1, 1), "w": 3 * normal(2, 3, 1, 1, seed=3)}
    assert_agrees(nodes, (3, 4, 4), expected, **constants)


def test_padding_by_itself() -> None:
    """A Pad that no convolution takes up is PAD, of the right axes, with real 0."""
    nodes = [node("Pad", "input", "pads")]
    assert_agrees(nodes, (2, 3, 3), ["PAD"], pads=np.array([0, 1, 2, 0, 0, 0, 0, 3]))


@pytest.mark.parametrize("shape", [(6,), (6, 2, 2)])
def test_softmax_over_classes(shape: tuple[int, ...]) -> None:
    """Over a row, and over the channels of a map, which are TFLite's last axis."""
    assert_agrees([node("Softmax", "input", axis=1)], shape, ["SOFTMAX"])


def test_a_constant_input_is_exact() -> None:
    """A network whose input was always 0 in calibration still runs, and gives its bias."""
    model = net(
        [node("Conv", "input", "w", "b")],
        (1, 1, 2, 2),
        {"w": np.zeros((2, 1, 1, 1), np.float32), "b": np.array([-1, 3], np.float32)},
    )
    zeros = np.zeros((1, 1, 2, 2), np.float32)
    made = converted(model, zeros)
    found = made.output.dequantize(run_tflite(made, zeros))
    np.testing.assert_allclose(found[0, 0, 0], [-1, 3], atol=made.output.scale)
