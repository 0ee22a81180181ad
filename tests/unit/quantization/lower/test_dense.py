"""Dense layers behind flattened maps: their weights take the order in which the maps lie."""

import numpy as np
import onnx
import pytest
from support.onnx_nets import Array, converted, net, node, normal, operators, quanta_apart, run_onnx

from quantization.convert import convert

# Channels, rows and columns: all differ, and no weight is like another.
SHAPE = (2, 3, 5)
INPUTS, OUTPUTS = 30, 4


def pair(value: str, to: str, scale: str, zero: str, **axis: int) -> list[onnx.NodeProto]:
    return [
        node("QuantizeLinear", value, scale, zero, to=f"{to}:q", **axis),
        node("DequantizeLinear", f"{to}:q", scale, zero, to=to, **axis),
    ]


def imported(flatten: list[onnx.NodeProto], constants: dict[str, Array]) -> onnx.ModelProto:
    """A dense layer with a scale for each of its rows, as another quantiser writes it."""
    weight = normal(OUTPUTS, INPUTS, seed=3) * np.array([[0.1], [1], [3], [0.5]], np.float32)
    scales = np.abs(weight).max(1) / 127
    quantised = np.round(weight / scales[:, None]).astype(np.int8)
    everything: dict[str, Array] = {
        "v": quantised,
        "vs": scales.astype(np.float32),
        "vz": np.zeros(OUTPUTS, np.int8),
        "xs": np.array(0.03, np.float32),
        "xz": np.array(3, np.int8),
        "ys": np.array(0.2, np.float32),
        "yz": np.array(-2, np.int8),
        "b": normal(OUTPUTS, seed=5),
        **constants,
    }
    nodes = [
        *pair("input", "x", "xs", "xz"),
        *flatten,
        node("DequantizeLinear", "v", "vs", "vz", to="w", axis=0),
        node("Gemm", "f:in", "w", "b", to="y", transB=1),
        *pair("y", "output", "ys", "yz"),
    ]
    return net(nodes, (1, *SHAPE), everything)


FLATTENS: dict[str, tuple[list[onnx.NodeProto], dict[str, Array]]] = {
    "Flatten": ([node("Flatten", "x", to="f"), *pair("f", "f:in", "xs", "xz")], {}),
    "Reshape": (
        [node("Reshape", "x", "to", to="f"), *pair("f", "f:in", "xs", "xz")],
        {"to": np.array([1, INPUTS], np.int64)},
    ),
    "columns first": (
        [
            node("Transpose", "x", to="t", perm=[0, 3, 1, 2]),
            *pair("t", "u", "xs", "xz"),
            node("Flatten", "u", to="f"),
            *pair("f", "f:in", "xs", "xz"),
        ],
        {},
    ),
}


@pytest.mark.parametrize("name", FLATTENS)
def test_a_layer_with_scales_of_its_own_for_each_row_reads_a_map_as_it_lies(name: str) -> None:
    """The rows' scales stay, and each weight meets the element that it is for."""
    model = imported(*FLATTENS[name])
    made = convert(model)
    assert operators(made.tflite)[-1] in ("CONV_2D", "RESHAPE")
    assert "CONV_2D" in operators(made.tflite)
    x = normal(8, *SHAPE, seed=7)
    assert quanta_apart(made, x) <= 1
    for one in x:  # and what our QDQ model says is what the imported one does
        off = np.abs(run_onnx(model, one[None]) - run_onnx(made.qdq, one[None])).max()
        assert off <= 1.01 * made.output.scale


@pytest.mark.parametrize("perm", [[0, 1, 2, 3], [0, 3, 1, 2], [0, 2, 1, 3]])
def test_a_layer_with_one_scale_reads_a_map_as_it_lies(perm: list[int]) -> None:
    """Flattened by channels, by columns or by rows first; two layers may read it."""
    nodes = [
        node("Conv", "input", "k", to="m", pads=[1, 1, 1, 1]),
        node("Transpose", "m", to="t", perm=perm),
        node("Flatten", "t", to="f"),
        node("Gemm", "f", "w", "b", to="y", transB=1),
        node("Gemm", "f", "v", to="z"),
    ]
    constants = {
        "k": normal(2, 2, 3, 3, seed=1),
        "w": normal(OUTPUTS, INPUTS, seed=3),
        "b": normal(OUTPUTS, seed=5),
        "v": normal(INPUTS, 3, seed=6),
    }
    made = converted(net(nodes, (1, *SHAPE), constants, outputs=("y", "z")))
    assert quanta_apart(made, normal(8, *SHAPE, seed=7)) <= 1


@pytest.mark.parametrize(
    ("a", "b"), [((6, 3), (3, 4)), ((2, 6, 3), (2, 3, 4)), ((2, 6, 3), (3, 4)), ((3,), (3, 4))]
)
def test_products_of_matrices_that_are_not_square(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Rows by columns, of stacks as of single ones, the second of them constant."""
    nodes = [node("MatMul", "input", "w")]
    made = converted(net(nodes, (1, *a), {"w": normal(*b, seed=2)}))
    assert quanta_apart(made, normal(4, *a, seed=7)) <= 1
