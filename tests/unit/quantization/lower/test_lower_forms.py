"""Forms that layers and sums come in beside the usual one: ranks, versions, lower operands."""

import pytest
from support.onnx_nets import converted, net, node, normal, operators, parsed, quanta_apart


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("padded", [0, 1])
def test_a_convolution_along_one_side(groups: int, padded: int) -> None:
    """Sound and curves: a map of one row, with a layer's weights of three sides."""
    conv = node("Conv", "input", "w", group=groups, pads=[padded, padded], strides=[2])
    made = converted(net([conv], (1, 4, 11), {"w": normal(8, 4 // groups, 3)}))
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
