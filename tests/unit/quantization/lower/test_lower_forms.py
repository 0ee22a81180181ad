"""Forms that layers and sums come in beside the usual one: ranks, versions, lower operands."""

from typing import Any, cast

import numpy as np
import pytest
from support.onnx_nets import converted, net, node, normal, operators, parsed, quanta_apart

from quantization.errors import UnsupportedOperatorError
from quantization.graph.graph import Node
from quantization.lower.draft import TfliteDraft
from quantization.lower.graph import FLOAT32, Operation, TypedTensor
from quantization.lower.ops.dense import gemm, matmul


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("padded", [0, 1])
def test_a_convolution_along_one_side(groups: int, padded: int) -> None:
    """Sound and curves: a map of one row, with a layer's weights of three sides."""
    conv = node("Conv", "input", "w", group=groups, pads=[padded, padded], strides=[2])
    made = converted(net([conv], (1, 4, 11), {"w": normal(8, 4 // groups, 3)}))
    assert quanta_apart(made, normal(3, 4, 11, seed=7)) <= 1


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("more", [{}, {"pads": [1, 1]}, {"strides": [2], "pads": [0, 1]}])
def test_a_pool_along_one_side(op: str, more: dict[str, Any]) -> None:
    """With pads and without a word about them, which are none."""
    made = converted(net([node(op, "input", kernel_shape=[3], **more)], (1, 4, 11)))
    assert quanta_apart(made, normal(3, 4, 11, seed=7)) <= 1


@pytest.mark.parametrize(
    ("groups", "name", "version"),
    [(1, "CONV_2D", 3), (2, "CONV_2D", 6), (4, "DEPTHWISE_CONV_2D", 3)],
)
def test_a_layer_says_the_version_that_knows_it(groups: int, name: str, version: int) -> None:
    """int8 came with version 3, groups with version 6; a device may refuse what is newer."""
    conv = node("Conv", "input", "w", group=groups)
    made = converted(net([conv], (1, 4, 5, 7), {"w": normal(4, 4 // groups, 3, 3)}))
    versions = dict(
        zip(
            operators(made.tflite),
            [code.version for code in parsed(made.tflite).operatorCodes],
            strict=False,
        )
    )
    assert versions[name] == version


@pytest.mark.parametrize("shape", [(7,), (3, 7)])
def test_a_sum_of_a_value_with_fewer_sides_than_the_other(shape: tuple[int, ...]) -> None:
    """The value is repeated along the sides that it lacks."""
    nodes = [node("Relu", "input", to="x"), node("Add", "x", "c")]
    made = converted(net(nodes, (1, *shape), {"c": normal(1, 5, 3, 7)}))
    assert quanta_apart(made, normal(3, *shape, seed=7)) <= 1


def bare(op: str, *shapes: tuple[int, ...], **attributes: int) -> Operation:
    """An operation as it stands in a graph; of a layer all inputs but the first are constants."""
    tensors = tuple(
        TypedTensor(
            f"t{number}",
            shape,
            FLOAT32,
            data=np.zeros(shape, np.float32) if op == "Gemm" and number in (1, 2) else None,
        )
        for number, shape in enumerate(shapes)
    )
    inputs = tuple(tensor.name for tensor in tensors[:-1])
    node = Node(op, op.lower(), inputs, (tensors[-1].name,), dict(attributes))
    return Operation(node, tensors[:-1], (None,) * len(inputs), tensors[-1])


@pytest.mark.parametrize(
    "operation",
    [
        bare("Gemm", (1, 3), (5, 3), (5,), (1, 5), transA=1, transB=1),
        bare("Gemm", (1, 3), (3, 5), (5,), (1, 5)),
    ],
)
def test_a_layer_whose_sides_are_turned_is_refused(operation: Operation) -> None:
    """Folding turns them; what comes here otherwise would be computed wrong."""
    with pytest.raises(UnsupportedOperatorError, match="with transA, or without transB, has no"):
        gemm(operation, cast("TfliteDraft", None))


@pytest.mark.parametrize(
    "operation",
    [
        bare("MatMul", (3,), (3, 5), (5,)),
        bare("MatMul", (2, 3), (3,), (2,)),
        bare("MatMul", (2, 2, 2, 2, 3), (3, 5), (2, 2, 2, 2, 5)),
    ],
)
def test_a_product_of_less_than_matrices_or_of_too_many_is_refused(operation: Operation) -> None:
    """Of a row and a matrix, and of more than four sides."""
    with pytest.raises(UnsupportedOperatorError, match=r"of shapes .* has no lowering"):
        matmul(operation, cast("TfliteDraft", None))


REDUCED: list[tuple[dict[str, Any], list[int] | None]] = [
    ({}, [2]),
    ({"keepdims": 0}, [-1, 1]),
    ({"keepdims": 1}, [3, 2]),
    ({"noop_with_empty_axes": 1}, [1]),
    ({}, None),
]


@pytest.mark.parametrize("op", ["ReduceMean", "ReduceMax"])
@pytest.mark.parametrize(("attributes", "axes"), REDUCED)
def test_a_reduction_by_axes_that_are_an_input(
    op: str, attributes: dict[str, Any], axes: list[int] | None
) -> None:
    """As opset 18 has them; without any all are meant, unless the node says none."""
    inputs = ["input"] if axes is None else ["input", "axes"]
    constants = {} if axes is None else {"axes": np.array(axes, np.int64)}
    made = converted(net([node(op, *inputs, **attributes)], (1, 5, 3, 7), constants, opset=18))
    assert quanta_apart(made, normal(3, 5, 3, 7, seed=7)) <= 1


def test_a_reduction_over_no_axes_at_all_is_refused() -> None:
    """It would be its input, which nobody exports."""
    idle = node("ReduceMean", "input", noop_with_empty_axes=1)
    with pytest.raises(UnsupportedOperatorError, match="over no axes has no lowering"):
        converted(net([idle], (1, 5, 3, 7), opset=18))


def test_the_place_of_the_largest_keeps_its_axis_unless_told_otherwise() -> None:
    """By ONNX's default; the indices are exact."""
    nodes = [node("ArgMax", "input", axis=axis, to=f"y{axis}") for axis in (1, 2, 3)]
    made = converted(net(nodes, (1, 5, 3, 7), outputs=[one.output[0] for one in nodes]))
    assert quanta_apart(made, normal(3, 5, 3, 7, seed=7)) == 0
    shapes = {tuple(one.shape) for one in parsed(made.tflite).subgraphs[0].tensors}
    assert {(1, 3, 7, 1), (1, 1, 7, 5), (1, 3, 1, 5)} <= shapes
