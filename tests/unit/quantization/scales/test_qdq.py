"""The quantised network in ONNX: which values share a scale, and what weights become."""

import numpy as np
import onnx
import pytest
from support.onnx_nets import graph_of, net, node, normal, run_onnx

from edge_agent.bundle.affine import Affine
from edge_agent.common.arrays import F32
from quantization.errors import QuantizationError
from quantization.graph.graph import Graph, read
from quantization.operators.rules import Weights
from quantization.recipe import QuantRecipe
from quantization.scales.calibrate import Ranges, calibrate
from quantization.scales.qdq import (
    activation_affines,
    constant_ranges,
    insert_qdq,
    weight_scales,
)
from quantization.scales.ranges import Range, affine_of


def ranged(model: onnx.ModelProto, samples: F32 | None = None) -> tuple[Graph, Ranges]:
    folded = graph_of(model)
    shape = folded.shapes["input"]
    samples = normal(16, *shape[1:]) if samples is None else samples
    return folded, calibrate(folded, [samples], QuantRecipe())


@pytest.mark.parametrize(
    ("low", "high", "scale", "zero_point"),
    [
        (-1.28, 1.27, 0.01, 0),
        (0.0, 2.55, 0.01, -128),
        (-2.55, 0.0, 0.01, 127),
        (1.0, 2.55, 0.01, -128),  # 0 must be in the range
        (-2.55, -1.0, 0.01, 127),
        (0.0, 0.0, 1 / 255, -128),  # always 0: any scale
        (0.0, 1e-42, 1 / 255, -128),  # below what a float32 scale can say
    ],
)
def test_a_range_is_spread_over_int8(
    low: float, high: float, scale: float, zero_point: int
) -> None:
    """The ends of a range that includes 0 are -128 and 127, and 0 is an int8 value."""
    affine = affine_of(Range(low, high))
    assert affine.scale == pytest.approx(scale, rel=1e-6)
    assert affine.zero_point == zero_point
    assert affine.dequantize(np.array([zero_point], np.int8)).item() == 0


def test_weights_have_a_scale_per_output_channel() -> None:
    """The largest weight of each channel becomes 127."""
    weight = np.array([[1.27, -0.5], [0.1, -2.54]], np.float32)
    scales = weight_scales(weight, np.zeros(2, np.float32), 1.0, Weights.PER_CHANNEL)
    np.testing.assert_allclose(scales, [0.01, 0.02], rtol=1e-6)
    assert weight_scales(weight, np.zeros(2), 1.0, Weights.PER_TENSOR) == pytest.approx([0.02])


def test_a_bias_far_above_its_weights_fits_into_int32() -> None:
    """Where the weights' own scale would overflow the bias, the scale is the bias's."""
    weight, bias = np.full((1, 1), 1e-12, np.float32), np.array([5.0], np.float32)
    (scale,) = weight_scales(weight, bias, 0.5, Weights.PER_CHANNEL)
    assert bias[0] / (0.5 * scale) == pytest.approx(2**30)


def test_a_channel_of_zeros_has_a_scale() -> None:
    """A dead channel, without weights and bias, has the scale 1."""
    zeros = np.zeros((2, 3), np.float32)
    scales = weight_scales(zeros, np.zeros(2, np.float32), 0.5, Weights.PER_CHANNEL)
    assert scales.tolist() == [1, 1]


def test_constants_that_share_a_scale_are_in_its_range() -> None:
    """A Concat puts its constant into its output's scale; an Add brings its own."""
    graph = read(
        net(
            [
                node("Concat", "input", "far", to="joined", axis=1),
                node("Add", "joined", "near"),
            ],
            (1, 2, 3, 3),
            {"far": np.array([-7.0, 9.0] * 9, np.float32).reshape(1, 2, 3, 3), "near": normal(1)},
        )
    )
    assert list(constant_ranges(graph, ("input", "joined", "output"))) == [Range(-7.0, 9.0)]


def test_a_layer_that_stays_in_float_keeps_its_weights() -> None:
    """Its activation too; it reads what lies on the int8 grid, and the layer behind it is int8."""
    first = normal(4, 2, 1, 1)
    model = net(
        [
            node("Conv", "input", "w", to="y"),
            node("Relu", "y", to="z"),
            node("Conv", "z", "v"),
        ],
        (1, 2, 3, 3),
        {"w": first, "v": normal(3, 4, 1, 1)},
    )
    graph = insert_qdq(*ranged(model), float_layers=("z",))
    plain, quantised = (one for one in graph.nodes if one.op == "Conv")
    np.testing.assert_array_equal(graph.constants[plain.inputs[1]], first)
    source = graph.producer(plain.inputs[0])
    assert source is not None
    assert source.op == "DequantizeLinear"
    weights = graph.producer(quantised.inputs[1])
    assert weights is not None
    assert weights.op == "DequantizeLinear"
    assert graph.constants[weights.inputs[0]].dtype == np.int8


@pytest.mark.parametrize("per_channel", [True, False])
def test_one_scale_for_all_weights_is_a_number_without_an_axis(per_channel: bool) -> None:
    """A row of one would be one for each of as many channels; several have theirs."""
    if per_channel:
        model = net([node("Conv", "input", "w")], (1, 3, 4, 5), {"w": normal(6, 3, 1, 1)})
    else:
        model = net([node("Gemm", "input", "w", transB=1)], (1, 3), {"w": normal(6, 3)})
    graph = insert_qdq(*ranged(model))
    (layer,) = (one for one in graph.nodes if one.op in ("Conv", "Gemm"))
    weights = graph.producer(layer.inputs[1])
    assert weights is not None
    scale = graph.constants[weights.inputs[1]]
    assert (scale.shape, "axis" in weights.attributes) == (
        ((6,), True) if per_channel else ((), False)
    )


def test_nothing_stands_between_a_layer_and_its_activation() -> None:
    """Conv, Relu has quantise/dequantise pairs before and after, and none inside."""
    model = net(
        [node("Conv", "input", "w", to="y"), node("Relu", "y")],
        (1, 2, 3, 3),
        {"w": normal(4, 2, 1, 1)},
    )
    ops = [n.op for n in insert_qdq(*ranged(model)).nodes]
    pair = ["QuantizeLinear", "DequantizeLinear"]
    assert ops == [*pair, "DequantizeLinear", "DequantizeLinear", "Conv", "Relu", *pair]


def test_an_activation_of_a_value_read_elsewhere_is_not_fused() -> None:
    """Where the plain result is read as well, it becomes int8 before the activation."""
    model = net(
        [
            node("Conv", "input", "w", to="y"),
            node("Relu", "y", to="z"),
            node("Add", "y", "z"),
        ],
        (1, 2, 3, 3),
        {"w": normal(2, 2, 1, 1)},
    )
    _, ranges = ranged(model)
    assert set(ranges.values) == {"input", "y", "z", "output"}


def test_weights_are_narrow_and_biases_have_the_scale_of_the_product() -> None:
    """int8 weights in [-127, 127] along axis 0; int32 bias at input scale times weight scale."""
    model = net(
        [node("Conv", "input", "w", "b")],
        (1, 2, 3, 3),
        {"w": -np.abs(normal(4, 2, 1, 1)), "b": normal(4)},
    )
    folded, ranges = ranged(model)
    constants = insert_qdq(folded, ranges).constants
    weight, bias = constants["output:weight:q"], constants["output:bias:q"]
    assert weight.min(axis=(1, 2, 3)).tolist() == [-127] * 4
    input_scale = affine_of(ranges.values["input"]).scale
    np.testing.assert_allclose(
        constants["output:bias:scale"],
        np.float32(input_scale) * constants["output:weight:scale"],
        rtol=1e-7,
    )
    assert bias.dtype == np.int32
    assert constants["output:weight:q"].dtype == np.int8


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
def test_pooling_keeps_the_scale(op: str) -> None:
    """Input and output of a pooling have one scale: it only moves or averages int8 values."""
    model = net([node(op, "input", kernel_shape=[2, 2])], (1, 2, 4, 4))
    affines = activation_affines(graph_of(model), ranged(model)[1])
    assert affines["input"] == affines["output"]


def test_concatenation_joins_the_ranges() -> None:
    """What is concatenated has the scale of the union, upstream through a pooling too."""
    model = net(
        [
            node("Conv", "input", "w", to="a"),
            node("MaxPool", "input", to="b", kernel_shape=[1, 1]),
            node("Concat", "a", "b", axis=1),
        ],
        (1, 2, 4, 4),
        {"w": 10 * normal(2, 2, 1, 1)},
    )
    folded, ranges = ranged(model)
    affines = activation_affines(folded, ranges)
    joined = affine_of(*(ranges.values[v] for v in ("input", "a", "b", "output")))
    assert set(affines.values()) == {joined}


def test_softmax_has_the_scale_tflite_fixes() -> None:
    """Its output is [0, 255/256] whatever was seen, and a Flatten after it keeps that."""
    model = net([node("Softmax", "input", to="y", axis=1), node("Flatten", "y")], (1, 3, 1, 1))
    affines = activation_affines(graph_of(model), ranged(model)[1])
    assert affines["y"] == affines["output"] == Affine(1 / 256, -128)


def test_a_fixed_scale_is_not_shared_with_another_range() -> None:
    """Softmax concatenated with plain values keeps its scale, and the others have theirs."""
    model = net(
        [node("Softmax", "input", to="y", axis=1), node("Concat", "y", "input", axis=1)], (1, 3)
    )
    affines = activation_affines(graph_of(model), ranged(model)[1])
    assert affines["y"] == Affine(1 / 256, -128)
    assert affines["input"] == affines["output"] != affines["y"]


def test_the_quantised_model_is_close_to_the_float_one() -> None:
    """ONNX Runtime runs it, within two quanta of one layer's output."""
    model = net(
        [node("Conv", "input", "w", "b", pads=[1, 1, 1, 1])],
        (1, 3, 8, 8),
        {"w": normal(4, 3, 3, 3), "b": normal(4)},
    )
    samples = normal(16, 3, 8, 8)
    folded, ranges = ranged(model, samples)
    worst = np.abs(
        run_onnx(insert_qdq(folded, ranges), samples[:1]) - run_onnx(model, samples[:1])
    ).max()
    assert worst <= 2 * affine_of(ranges.values["output"]).scale


def test_ranges_of_another_model_are_refused() -> None:
    """A value without a range is named."""
    folded, ranges = ranged(net([node("Relu", "input")], (1, 3)))
    with pytest.raises(QuantizationError) as raised:
        insert_qdq(folded, Ranges({"input": ranges.values["input"]}, samples=1))
    assert str(raised.value) == (
        "ranges: expected one for value 'output', found none; "
        "were they calibrated on another model?"
    )
