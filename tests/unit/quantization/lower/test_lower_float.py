"""Layers that stay in float32 among int8 ones: casts, names, and weights to the bit."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from support.onnx_nets import (
    FLOAT_ERROR,
    Array,
    batched,
    converted,
    expected,
    float_tensors,
    graph_of,
    in_float,
    int8_tensors,
    net,
    node,
    normal,
    operators,
    parsed,
    quanta_apart,
    run_litert,
    worst_error,
)
from support.other_runtime import run_other

from edge_agent.common.arrays import F32
from quantization.convert import Conversion, convert
from quantization.errors import ModelError, UnsupportedOperatorError
from quantization.graph.graph import Graph, read, write
from quantization.lower import lower_graph
from quantization.recipe import QuantRecipe
from quantization.scales.calibrate import Ranges
from quantization.scales.qdq import insert_qdq
from quantization.scales.ranges import Range

SHAPE = (3, 6, 6)
WEIGHTS: dict[str, Array] = {name: normal(4, 4, 3, 3, seed=i) / 3 for i, name in enumerate("abcd")}
WEIGHTS["first"] = normal(4, 3, 1, 1)


def lowered_as(made: Conversion, qdq: Graph) -> Conversion:
    """A conversion as if it had written another QDQ model."""
    return Conversion(lower_graph(qdq), replace(made.quantized, qdq=qdq))


def conv(source: str, weight: str, to: str = "output") -> onnx.NodeProto:
    return node("Conv", source, weight, to=to, pads=[1 if weight != "first" else 0] * 4)


def mixed(
    nodes: list[onnx.NodeProto],
    *float_layers: str,
    shape: tuple[int, ...] = SHAPE,
    outputs: tuple[str, ...] = ("output",),
    **constants: Array,
) -> Conversion:
    """A network with some layers in float, close to its own QDQ model."""
    model = net(nodes, (1, *shape), {**WEIGHTS, **constants}, outputs=outputs)
    recipe = QuantRecipe(float_layers=float_layers)
    made = convert(model, [normal(32, *shape, seed=1)], recipe)
    assert quanta_apart(made, normal(4, *shape, seed=7)) <= 2
    return made


def names(made: Conversion) -> str:
    """The operators, in order."""
    return " ".join(operators(made.tflite))


def types(made: Conversion) -> list[str]:
    """Each operator with the type of what it writes, as CONV_2D:int8."""
    model = parsed(made.tflite)
    names = {0: "float32", 2: "int32", 9: "int8"}
    (graph,) = model.subgraphs
    written = [names[graph.tensors[o.outputs[0]].type] for o in graph.operators]
    return [f"{name}:{kind}" for name, kind in zip(operators(made.tflite), written, strict=True)]


CHAIN = [conv("input", "first", "x"), conv("x", "a", "y"), conv("y", "b", "z"), conv("z", "c")]


def test_one_layer_in_float_costs_one_cast_on_either_side() -> None:
    """Its input is dequantised, its result quantised, and nothing else is touched."""
    made = mixed(CHAIN, "y")
    assert types(made) == [
        "CONV_2D:int8",
        "DEQUANTIZE:float32",
        "CONV_2D:float32",
        "QUANTIZE:int8",
        "CONV_2D:int8",
        "CONV_2D:int8",
    ]
    assert made.lowered.in_float == ("Conv to y",)


def test_a_float_layer_has_the_weights_of_the_model() -> None:
    """To the bit, in TFLite's order of axes, and a float bias beside them."""
    made = mixed(CHAIN, "y")
    model = parsed(made.tflite)
    (graph,) = model.subgraphs
    layer = graph.operators[2]
    filters, bias = (graph.tensors[i] for i in layer.inputs[1:])
    wanted = WEIGHTS["a"].transpose(0, 2, 3, 1)
    found = np.frombuffer(bytes(model.buffers[filters.buffer].data), "<f4")
    np.testing.assert_array_equal(found.reshape(filters.shape), wanted)
    assert filters.quantization is None
    assert bytes(model.buffers[bias.buffer].data) == bytes(4 * 4)


def test_neighbours_in_float_hand_over_floats() -> None:
    """No cast between two of them."""
    made = mixed(CHAIN, "y", "z")
    assert names(made) == "CONV_2D DEQUANTIZE CONV_2D CONV_2D QUANTIZE CONV_2D"


def test_all_layers_in_float_keep_int8_ends() -> None:
    """One cast after the input, one before the output."""
    made = mixed(CHAIN, "x", "y", "z", "output")
    assert operators(made.tflite) == ["DEQUANTIZE", *["CONV_2D"] * 4, "QUANTIZE"]
    assert (made.lowered.source.dtype, made.lowered.results[0].dtype) == ("int8", "int8")
    assert set(int8_tensors(made.tflite)) == {"input", "output"}


def test_a_value_is_dequantised_once() -> None:
    """However many float layers read it, beside an int8 one."""
    nodes = [
        conv("input", "first", "x"),
        conv("x", "a", "p"),
        conv("x", "b", "q"),
        conv("x", "c", "r"),
        node("Add", "p", "q", to="s"),
        node("Add", "s", "r"),
    ]
    made = mixed(nodes, "p", "q")
    assert names(made) == "CONV_2D DEQUANTIZE CONV_2D QUANTIZE CONV_2D QUANTIZE CONV_2D ADD ADD"
    assert set(made.lowered.in_float) == {"Conv to p", "Conv to q"}


def test_a_float_value_is_read_as_it_is_and_quantised_for_the_others() -> None:
    """A float layer reads its neighbour's float value; the int8 one its quantised value."""
    nodes = [
        conv("input", "first", "x"),
        conv("x", "a", "y"),
        conv("y", "b", "p"),
        conv("y", "c", "q"),
        node("Add", "p", "q"),
    ]
    made = mixed(nodes, "y", "p")
    assert names(made) == "CONV_2D DEQUANTIZE CONV_2D QUANTIZE CONV_2D QUANTIZE CONV_2D ADD"
    tensors = [t for t in parsed(made.tflite).subgraphs[0].tensors if t.buffer == 0]
    written = [t.name.decode() for t in tensors]
    assert len(written) == len(set(written))
    assert {"y", "y:float"} <= set(written)


def test_an_output_in_float_is_quantised_for_the_outside_only() -> None:
    """A float layer behind it reads the float value."""
    nodes = [conv("input", "first", "x"), conv("x", "a", "seen"), conv("seen", "b")]
    made = mixed(nodes, "seen", "output", outputs=("seen", "output"))
    assert names(made) == "CONV_2D DEQUANTIZE CONV_2D QUANTIZE CONV_2D QUANTIZE"
    assert [port.name for port in made.lowered.results] == ["seen", "output"]


def test_an_activation_stays_part_of_its_layer() -> None:
    """The layer goes by the value of its activation, and still has it fused."""
    nodes = [conv("input", "first", "x"), node("Relu", "x", to="y"), conv("y", "a")]
    made = mixed(nodes, "y")
    assert names(made) == "DEQUANTIZE CONV_2D QUANTIZE CONV_2D"
    with pytest.raises(ModelError, match="float layers: expected layers of the network"):
        mixed(nodes, "x")


@pytest.mark.parametrize("layer", ["s", "g"])
def test_a_float_layer_without_constants_between_int8_ones_is_int8(layer: str) -> None:
    """Its neighbours' values are on the int8 grid either way, so float would gain nothing."""
    nodes = [
        conv("input", "first", "x"),
        conv("x", "a", "y"),
        node("Add", "x", "y", to="s"),
        node("Sigmoid", "s", to="g"),
        conv("g", "b"),
    ]
    made = mixed(nodes, layer)
    assert names(made) == "CONV_2D CONV_2D ADD LOGISTIC CONV_2D"
    assert made.lowered.in_float == ()
    assert not float_tensors(made.tflite)


def test_a_layer_with_a_constant_operand_stays_in_float() -> None:
    """A product by constants has constants to lose: they stay float32."""
    nodes = [conv("input", "first", "x"), node("Mul", "x", "k", to="y"), conv("y", "a")]
    made = mixed(nodes, "y", k=np.array([1, 0.01, 0.0001, 3], np.float32).reshape(4, 1, 1))
    assert names(made) == "CONV_2D DEQUANTIZE MUL QUANTIZE CONV_2D"
    assert made.lowered.in_float == ("Mul to y",)


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("AveragePool", {"kernel_shape": [2, 2]}),
        ("Resize", {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}),
    ],
)
def test_an_average_is_taken_before_its_range_is_cut(op: str, attributes: dict[str, Any]) -> None:
    """Where it shares no scale with its input, whose range is wider, no value is cut first."""
    inputs = ("", "", "sizes") if op == "Resize" else ()
    sizes = {"sizes": np.array([1, 2, 4, 4])}
    model = graph_of(net([node(op, "input", *inputs, **attributes)], (1, 2, 6, 6), sizes))
    ranges = Ranges({"input": Range(-4.0, 4.0), "output": Range(-0.5, 0.5)}, samples=1)
    made = lowered_as(converted(write(model)), insert_qdq(model, ranges, float_layers=("output",)))
    signs = np.where(np.indices((6, 6)).sum(axis=0) % 2, 4.0, -3.8)
    x = np.broadcast_to(signs, (1, 2, 6, 6)).astype(np.float32)
    assert quanta_apart(made, x) <= 1
    assert operators(made.tflite)[-1] == "QUANTIZE"


def test_a_flattened_map_reaches_a_float_dense_layer_without_a_transpose() -> None:
    """The weights take the map's order, also through the cast between."""
    nodes = [conv("input", "first", "x"), node("Flatten", "x", to="y"), node("Gemm", "y", "v")]
    made = mixed(nodes, "output", v=normal(144, 5))
    assert names(made) == "CONV_2D RESHAPE DEQUANTIZE FULLY_CONNECTED QUANTIZE"


def test_a_flattened_map_is_transposed_where_more_than_dense_layers_read_it() -> None:
    """Also if the others read it through the cast only."""
    nodes = [
        conv("input", "first", "x"),
        node("Flatten", "x", to="y"),
        node("Mul", "y", "k", to="z"),
        node("Gemm", "z", "v"),
    ]
    made = mixed(nodes, "z", v=normal(144, 5), k=np.linspace(0, 2, 144, dtype=np.float32))
    assert names(made) == "CONV_2D TRANSPOSE RESHAPE DEQUANTIZE MUL QUANTIZE FULLY_CONNECTED"


def test_an_input_lies_as_a_float_layer_wants_it() -> None:
    """The wish of a convolution over a sequence is heard through the cast before it."""
    made = mixed([node("Conv", "input", "v")], "output", shape=(3, 9), v=normal(4, 3, 3))
    assert made.lowered.source.shape == (1, 9, 3)
    assert names(made) == "DEQUANTIZE RESHAPE CONV_2D RESHAPE QUANTIZE TRANSPOSE"


def test_indices_are_found_among_int8_values() -> None:
    """An ArgMax is no layer: beside float layers it reads the quantised value."""
    nodes = [node("Gemm", "input", "v", to="scores"), node("ArgMax", "scores", axis=1)]
    made = mixed(nodes, "scores", shape=(5,), v=normal(5, 4))
    assert names(made) == "DEQUANTIZE FULLY_CONNECTED QUANTIZE ARG_MAX RESHAPE"
    assert made.lowered.results[0].dtype == "int32"


def test_quantised_weights_of_a_float_operation_are_dequantised() -> None:
    """A QDQ model whose layer has int8 weights, but no pair behind it, computes it in float."""
    model = graph_of(net([conv("input", "first")], (1, *SHAPE), WEIGHTS))
    ranges = Ranges({v: Range(-9.0, 9.0) for v in ("input", "output")}, 1)
    qdq = write(insert_qdq(model, ranges))
    end = next(n for n in qdq.graph.node if n.output[0] == "output")
    last = next(n for n in qdq.graph.node if n.op_type == "QuantizeLinear" and "output" in n.name)
    computed = next(n for n in qdq.graph.node if n.op_type == "Conv")
    computed.output[0] = "output"
    for pair in (end, last):
        qdq.graph.node.remove(pair)
    made = lowered_as(converted(write(model)), read(qdq))
    assert names(made) == "DEQUANTIZE CONV_2D"
    assert made.lowered.results[0].dtype == "float32"
    x = normal(1, *SHAPE)
    assert worst_error(run_litert(made, x)[0], expected(made, x)[0]) <= FLOAT_ERROR


def test_a_mixed_model_that_brings_its_scales_converts_to_the_same_file() -> None:
    """Named again, its float layers need no scale, and no sample is asked for."""
    made = mixed(CHAIN, "y", "z")
    again = convert(made.qdq, recipe=QuantRecipe(float_layers=("y", "z")))
    assert again.tflite == made.tflite
    with pytest.raises(ModelError) as raised:
        convert(made.qdq)
    assert str(raised.value) == (
        "value 'y': the model brings no scale for it; give calibration samples"
    )


def unread() -> Iterator[F32]:
    """Samples that must not be asked for."""
    raise AssertionError("a sample was read")
    yield


def test_a_layer_that_does_not_exist_is_refused() -> None:
    """Before any sample is read, with those that do."""
    model = net(CHAIN, (1, *SHAPE), WEIGHTS)
    with pytest.raises(ModelError) as raised:
        convert(model, unread(), QuantRecipe(float_layers=("y", "conv3")))
    assert str(raised.value) == (
        "float layers: expected layers of the network, found 'conv3'; it has x, y, z, output"
    )


def test_a_float_network_needs_no_samples_and_has_float_ends() -> None:
    """Nothing is calibrated, nothing is cast, and its ends have no scale to ask for."""
    made = convert(net(CHAIN, (1, *SHAPE), WEIGHTS), unread(), QuantRecipe(precision="float32"))
    assert types(made) == ["CONV_2D:float32"] * 4
    source, (result,) = made.lowered.source, made.lowered.results
    assert (source.dtype, source.affine, source.shape) == ("float32", None, (1, 6, 6, 3))
    assert (result.dtype, result.affine, result.shape) == ("float32", None, (1, 6, 6, 4))
    assert made.lowered.in_float == tuple(n.name for n in CHAIN)
    assert made.quantized.ranges.samples == 0
    with pytest.raises(ModelError) as raised:
        _ = made.input
    assert str(raised.value) == "input 'input': expected int8 and its scale, found float32"
    with pytest.raises(ModelError) as raised:
        _ = made.output
    assert str(raised.value) == "output 'output': expected int8 and its scale, found float32"


def test_a_quantised_model_does_not_become_a_float_one() -> None:
    """Its scales would be lost without a word."""
    qdq = converted(net(CHAIN, (1, *SHAPE), WEIGHTS)).qdq
    with pytest.raises(ModelError) as raised:
        in_float(qdq)
    assert str(raised.value) == (
        "model: expected a float network for float32, found a quantised one"
    )


def test_what_has_no_lowering_is_refused_in_float_too() -> None:
    """In the same words as in int8, and wherever indices are computed with."""
    with pytest.raises(UnsupportedOperatorError, match="operator Erf has no lowering; supported"):
        in_float(net([node("Erf", "input")], (1, 3)))
    best = node("ArgMax", "input", to="a", axis=1)
    turn = onnx.helper.make_node("Transpose", ["a"], ["b"], name="turn")
    with pytest.raises(UnsupportedOperatorError, match="except as an output; node 'turn' reads it"):
        in_float(net([best, turn, node("Relu", "input")], (1, 3), outputs=("output", "b")))


INFINITY = {"low": np.array(-np.inf, np.float32), "high": np.array(np.inf, np.float32)}
FORMS = [
    ([node("Conv", "input", "w", group=2, strides=[2, 2])], (4, 6, 5), "CONV_2D"),
    ([node("Conv", "input", "w", group=2, dilations=[2, 2])], (4, 7, 7), "CONV_2D"),
    ([node("Conv", "input", "v", group=4, dilations=[2, 2])], (4, 7, 7), "DEPTHWISE_CONV_2D"),
    ([node("MaxPool", "input", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 0, 1, 0])],
     (2, 7, 7), "PADV2 MAX_POOL_2D"),
    ([node("AveragePool", "input", kernel_shape=[3, 3], pads=[1] * 4, count_include_pad=1)],
     (2, 7, 7), "PAD AVERAGE_POOL_2D"),
    ([node("Clip", "input", "low", "high")], (2, 3, 4), "RESHAPE"),
    ([node("Clip", "input")], (2, 3, 4), "RESHAPE"),
    ([node("Pad", "input", "pads")], (2, 3, 4, 5), "PAD"),
    ([node("Softmax", "input", axis=2)], (2, 3, 4, 5), "TRANSPOSE SOFTMAX TRANSPOSE"),
    ([node("Relu", "input", to="a"), node("Identity", "a")], (2, 3, 4), "RELU RESHAPE"),
]  # fmt: skip


@pytest.mark.parametrize("kernels", ["LiteRT", "BUILTIN_REF", "AUTO"])
def test_further_float_forms(kernels: str, tmp_path: Path) -> None:
    """Groups, dilation, padding that must lose, bounds that do not bound, five axes, two names."""
    constants = {"w": normal(6, 2, 3, 3), "v": normal(12, 1, 3, 3), **INFINITY,
                 "pads": np.array([0, 1, 0, 2, 0, 0, 0, 1, 0, 3])}  # fmt: skip
    files = []
    for nodes, shape, wanted in FORMS:
        outputs = ("a", "output") if nodes[-1].op_type == "Identity" else ("output",)
        made = in_float(net(nodes, (1, *shape), constants, outputs=outputs))
        assert operators(made.tflite) == wanted.split()
        # Far below 0, so that padding by 0 would win a maximum.
        files.append((made, normal(3, *shape, seed=7) - np.float32(9)))
    if kernels == "LiteRT":
        found = [batched(run_litert(made, x)) for made, x in files]
    else:
        found = run_other(files, tmp_path, kernels)
    for (made, x), arrays in zip(files, found, strict=True):
        assert worst_error(arrays, batched(expected(made, x))) <= FLOAT_ERROR
