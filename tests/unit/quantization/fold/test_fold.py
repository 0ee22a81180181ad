"""The forms that exporters write, and the one that each is folded into."""

import numpy as np
import onnx
import pytest
from support.onnx_nets import net, node, normal, run_onnx

from quantization.errors import ModelError
from quantization.fold.fold import fold


def operators(model: onnx.ModelProto) -> list[str]:
    return [n.op_type for n in model.graph.node]


def weights(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}


def assert_same_function(model: onnx.ModelProto, folded: onnx.ModelProto, *shape: int) -> None:
    x = normal(*shape, seed=5)
    np.testing.assert_allclose(run_onnx(folded, x), run_onnx(model, x), rtol=1e-4, atol=1e-5)


def test_batch_norm_becomes_the_convolutions_weights() -> None:
    """With gamma 2, variance 4, mean 3 and beta 5, y = x - 3 + 5: weight 1 and bias 0.5 - 3 + 5."""
    statistics = {"gamma": 2, "beta": 5, "mean": 3, "var": 4}
    model = net(
        [
            node("Conv", "input", "w", "b", to="y"),
            node("BatchNormalization", "y", *statistics, epsilon=0.0),
        ],
        (1, 1, 2, 2),
        {
            "w": np.ones((1, 1, 1, 1), np.float32),
            "b": np.array([0.5], np.float32),
            **{name: np.array([value], np.float32) for name, value in statistics.items()},
        },
    )
    folded = fold(model)
    assert operators(folded) == ["Conv"]
    assert {a.item() for a in weights(folded).values()} == {1.0, 2.5}


def test_batch_norm_scales_each_output_channel_by_its_own() -> None:
    """Folding channels with different statistics leaves the function as it was."""
    statistics = {name: np.abs(normal(4, seed=i)) + 0.1 for i, name in enumerate("abcd")}
    model = net(
        [
            node("Conv", "input", "w", to="y", pads=[1, 1, 1, 1]),
            node("BatchNormalization", "y", *"abcd"),
        ],
        (1, 3, 5, 5),
        {"w": normal(4, 3, 3, 3), **statistics},
    )
    folded = fold(model)
    assert operators(folded) == ["Conv"]
    assert_same_function(model, folded, 1, 3, 5, 5)


def test_batch_norm_stays_where_its_input_is_read_elsewhere() -> None:
    """A convolution whose plain output is read as well keeps it; the rest is Mul and Add."""
    model = net(
        [
            node("Conv", "input", "w", to="y"),
            node("BatchNormalization", "y", *"abcd", to="z"),
            node("Add", "y", "z"),
        ],
        (1, 2, 3, 3),
        {"w": normal(2, 2, 1, 1), **dict.fromkeys("abcd", np.ones(2, np.float32))},
    )
    assert operators(fold(model)) == ["Conv", "Mul", "Add", "Add"]


def test_padding_moves_into_the_convolution() -> None:
    """A Pad of height and width by zeros adds to the convolution's own pads."""
    model = net(
        [
            node("Pad", "input", "pads", to="y"),
            node("Conv", "y", "w", pads=[1, 0, 0, 0], strides=[2, 2]),
        ],
        (1, 2, 7, 7),
        {"w": normal(3, 2, 3, 3), "pads": np.array([0, 0, 0, 1, 0, 0, 1, 2])},
    )
    folded = fold(model)
    assert operators(folded) == ["Conv"]
    pads = {a.name: list(a.ints) for a in folded.graph.node[0].attribute}["pads"]
    assert pads == [1, 1, 1, 2]
    assert_same_function(model, folded, 1, 2, 7, 7)


@pytest.mark.parametrize(
    ("pads", "value"),
    [
        ([0, 1, 0, 0, 0, 0, 0, 0], 0.0),
        ([0, 0, 1, 1, 0, 0, 1, 1], 3.0),
        ([0, 0, -1, 0, 0, 0, 0, 0], 0.0),
    ],
)
def test_other_padding_stays(pads: list[int], value: float) -> None:
    """A Pad of channels, by another value than 0, or that crops, is no convolution's padding."""
    model = net(
        [node("Pad", "input", "pads", "value", to="y"), node("Conv", "y", "w")],
        (1, 1, 4, 4),
        {
            "w": normal(1, 1 + pads[1], 1, 1),
            "pads": np.array(pads),
            "value": np.array(value, np.float32),
        },
    )
    assert operators(fold(model)) == ["Pad", "Conv"]


def test_matmul_and_add_are_a_dense_layer() -> None:
    """MatMul by (K, N) and the Add of a bias become one Gemm with W (N, K)."""
    model = net(
        [node("MatMul", "input", "w", to="y"), node("Add", "b", "y")],
        (1, 5),
        {"w": normal(5, 3), "b": normal(3)},
    )
    folded = fold(model)
    assert operators(folded) == ["Gemm"]
    assert sorted(a.shape for a in weights(folded).values()) == [(3,), (3, 5)]
    assert_same_function(model, folded, 1, 5)


def test_a_doubled_matmul_is_not_a_bias() -> None:
    """An Add of a value to itself has no constant to take up."""
    model = net(
        [node("MatMul", "input", "w", to="y"), node("Add", "y", "y")], (1, 2), {"w": normal(2, 2)}
    )
    folded = fold(model)
    assert operators(folded) == ["Gemm", "Add"]
    assert_same_function(model, folded, 1, 2)


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("bias", [(), (1,), (3,), (1, 3)])
def test_gemm_has_one_form(transposed: int, bias: tuple[int, ...]) -> None:
    """alpha, beta, transB and a broadcast bias go into the weights."""
    model = net(
        [node("Gemm", "input", "w", "b", alpha=0.5, beta=2.0, transB=transposed)],
        (1, 5),
        {"w": normal(3, 5) if transposed else normal(5, 3), "b": normal(*bias).reshape(bias)},
    )
    folded = fold(model)
    assert sorted(a.shape for a in weights(folded).values()) == [(3,), (3, 5)]
    assert [a.name for a in folded.graph.node[0].attribute] == ["transB"]
    assert_same_function(model, folded, 1, 5)


def test_what_does_nothing_is_gone() -> None:
    """Identity, Dropout and a Pad by nothing leave the graph; the output keeps its name."""
    model = net(
        [
            node("Identity", "input", to="a"),
            node("Relu", "a", to="b"),
            node("Dropout", "b", to="c"),
            node("Pad", "c", "pads", to="d"),
            node("Identity", "d"),
        ],
        (1, 2, 3, 3),
        {"pads": np.zeros(8, np.int64)},
    )
    folded = fold(model)
    assert operators(folded) == ["Relu"]
    assert folded.graph.output[0].name == "output"


def test_a_computed_shape_is_a_constant() -> None:
    """The Shape, Gather, Concat before a Reshape are known, and (1, K) makes it a Flatten."""
    model = net(
        [
            node("Shape", "input", to="shape"),
            node("Gather", "shape", "zero", to="batch", axis=0),
            node("Unsqueeze", "batch", "axes", to="first"),
            node("Concat", "first", "rest", to="target", axis=0),
            node("Reshape", "input", "target"),
        ],
        (1, 2, 3, 3),
        {"zero": np.array(0), "axes": np.array([0]), "rest": np.array([-1])},
    )
    folded = fold(model)
    assert operators(folded) == ["Flatten"]
    assert_same_function(model, folded, 1, 2, 3, 3)


def test_reshapes_one_after_the_other_are_one() -> None:
    """Squeezing the height and then the width of (1, C, 1, 1) flattens it."""
    nodes = [node("Squeeze", "input", "axes", to="a"), node("Squeeze", "a", "axes")]
    folded = fold(net(nodes, (1, 5, 1, 1), {"axes": np.array([2])}))
    assert operators(folded) == ["Flatten"]
    assert_same_function(net(nodes, (1, 5, 1, 1), {"axes": np.array([2])}), folded, 1, 5, 1, 1)


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_automatic_padding_is_spelt_out(mode: str) -> None:
    """auto_pad becomes the pads it stands for."""
    model = net(
        [node("Conv", "input", "w", auto_pad=mode, strides=[2, 1])],
        (1, 1, 6, 6),
        {"w": normal(1, 1, 3, 2)},
    )
    folded = fold(model)
    assert "auto_pad" not in [a.name for a in folded.graph.node[0].attribute]
    assert_same_function(model, folded, 1, 1, 6, 6)


def test_a_branch_nobody_reads_is_gone() -> None:
    """Nodes that no output depends on are dropped."""
    model = net([node("Relu", "input"), node("Tanh", "input", to="unread")], (1, 2))
    assert operators(fold(model)) == ["Relu"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            net([node("Relu", "input")], ("N", 3, 4, 4)),
            "input 'input': expected a static shape (1, ...), found (?, 3, 4, 4); "
            "export the model with a batch of 1 and no dynamic axes",
        ),
        (
            net([node("Relu", "input")], (2, 3)),
            "input 'input': expected a static shape (1, ...), found (2, 3); "
            "export the model with a batch of 1 and no dynamic axes",
        ),
        (
            net([onnx.helper.make_node("Cast", ["input"], ["output"], to=1)], (1, 3),
                dtype=onnx.TensorProto.INT64),
            "input 'input': expected float, found int64",
        ),
        (
            net([node("Relu", "input"), node("Relu", "c", to="b")], (1, 3),
                {"c": normal(3)}, outputs=("output", "b")),
            "output 'b': expected to be computed from the input, but is not",
        ),
        (
            net([node("Relu", "input")], (1, 3), opset=12),
            "opset: expected 13 or newer, found 12",
        ),
        (
            net([node("Gemm", "input", "w")], (1, 2),
                {"w": np.array([[1, np.nan], [np.inf, 2]], np.float32)}),
            "weight 'w': 2 of 4 values are not finite",
        ),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_read_is_refused(model: onnx.ModelProto, message: str) -> None:
    """Each says the place, what was expected and what was found."""
    with pytest.raises(ModelError) as raised:
        fold(model)
    assert str(raised.value) == message


def test_a_damaged_model_is_refused() -> None:
    """A graph that reads a value nobody makes is not valid ONNX."""
    model = net([node("Relu", "input", to="a"), node("Relu", "a")], (1, 3))
    del model.graph.node[0]
    with pytest.raises(ModelError, match=r"not a valid ONNX model: .*\ba\b"):
        fold(model)
