"""Remedies on random networks: equalisation keeps every function, and none costs accuracy."""

from typing import Any

import numpy as np
import onnx
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.onnx_nets import (
    FLOAT_ERROR,
    Array,
    graph_of,
    net,
    node,
    normal,
    quanta_apart,
    run_onnx_all,
    worst_error,
)
from support.random_nets import Net, networks

from quantization.convert import convert
from quantization.recipe import QuantRecipe
from quantization.remedies.equalize import equalize
from quantization.remedies.layers import weighted_layers

EVERYTHING = QuantRecipe(equalize=True, correct_bias=True, rounding="learned")


class Chain:
    """Convolutions with unlike channels, and whatever may come between them, drawn at random."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.random = np.random.default_rng(draw(st.integers(0, 2**16)))
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        self.value, self.channels = "input", 3
        self.conv(draw(st.integers(2, 5)))
        for step in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=6)):
            if step == "conv":
                self.conv(draw(st.integers(2, 5)))
            elif step == "depthwise":
                self.conv(self.channels, group=self.channels)
            elif step == "residual":
                before = self.value
                self.conv(self.channels)
                self.then("Add", before)
            elif step == "concat":
                before, channels = self.value, self.channels
                self.conv(draw(st.integers(1, 3)))
                self.then("Concat", before, axis=1)
                self.channels += channels
            elif step == "silu":
                before = self.value
                self.then("Sigmoid")
                self.then("Mul", before)
            elif step == "clip":
                self.constants |= {"zero": np.array(0, np.float32), "six": np.array(6, np.float32)}
                self.then("Clip", "zero", "six")
            else:
                self.then(step, **ATTRIBUTES.get(step, {}))
        self.conv(2)
        constants = {name: np.asarray(array, np.float32) for name, array in self.constants.items()}
        self.model = graph_of(net(self.nodes, (1, 3, 5, 5), constants, outputs=(self.value,)))

    def conv(self, outputs: int, group: int = 1) -> None:
        """A convolution whose output channels are up to 100 times apart."""
        name = f"w{len(self.nodes)}"
        unlike = 10 ** self.random.uniform(-1, 1, (outputs, 1, 1, 1))
        shape = (outputs, self.channels // group, 1, 1)
        self.constants[name] = unlike * self.random.normal(size=shape)
        self.then("Conv", name, group=group)
        self.channels = outputs

    def then(self, op: str, *inputs: str, **attributes: Any) -> None:
        name = f"v{len(self.nodes)}"
        self.nodes.append(node(op, self.value, *inputs, to=name, **attributes))
        self.value = name


ATTRIBUTES: dict[str, dict[str, Any]] = {
    "LeakyRelu": {"alpha": 0.3},
    "MaxPool": {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1]},
    "AveragePool": {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]},
    "ReduceMax": {"axes": [3], "keepdims": 1},
    "Softmax": {"axis": 1},
}
STEPS = (*ATTRIBUTES, "Relu", "Tanh", "HardSwish", "GlobalAveragePool")
STEPS += ("conv", "depthwise", "residual", "concat", "silu", "clip", "conv", "Relu")
chains = st.composite(Chain)


def test_equalisation_keeps_the_function_of_any_network() -> None:
    """Whatever stands between layers, the outputs on the samples are the same."""
    scaled = total = 0

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(chains())
    def check(one: Chain) -> None:
        nonlocal scaled, total
        samples = normal(8, 3, 5, 5, seed=1)
        equal = equalize(one.model, [samples])
        for x in samples:
            wanted, found = run_onnx_all(one.model, x[None]), run_onnx_all(equal, x[None])
            assert worst_error(found, wanted) <= 5 * FLOAT_ERROR
        both = zip(*(weighted_layers(m) for m in (one.model, equal)), strict=True)
        scaled += any(not np.array_equal(a.weight, b.weight) for a, b in both)
        total += 1

    check()
    assert total > scaled > total / 2


def test_any_network_takes_every_remedy() -> None:
    """With all of them, the file is as close to the quantised network as without."""

    @settings(max_examples=80, deadline=None, database=None, derandomize=True)
    @given(networks())
    def check(one: Net) -> None:
        assume(one.is_supported)
        samples = normal(16, *one.shape, seed=1)
        plain, made = (
            convert(one.model, [samples], recipe) for recipe in (QuantRecipe(), EVERYTHING)
        )
        x = samples[:3]
        assert quanta_apart(made, x) <= quanta_apart(plain, x) + 2

    check()


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(
    scales=st.lists(st.floats(-1.2, 1.2), min_size=4, max_size=4),
    op=st.sampled_from(["Relu", "LeakyRelu", "Identity", "MaxPool"]),
)
def test_how_channels_were_scaled_leaves_no_trace(scales: list[float], op: str) -> None:
    """Networks that differ by the scales of their channels alone end as the same one."""
    factors = 10 ** np.array(scales)

    def weights(scale: np.ndarray) -> list[np.ndarray]:
        attributes = {"kernel_shape": [2, 2]} if op == "MaxPool" else {}
        nodes = [
            node("Conv", "input", "w1", to="a"),
            node(op, "a", to="b", **attributes),
            node("Conv", "b", "w2"),
        ]
        w1 = normal(4, 2, 3, 3) * scale[:, None, None, None]
        w2 = normal(3, 4, 1, 1, seed=1) / scale[:, None, None]
        constants = {"w1": w1.astype(np.float32), "w2": w2.astype(np.float32)}
        equal = equalize(graph_of(net(nodes, (1, 2, 6, 6), constants)), [normal(8, 2, 6, 6)])
        return [layer.weight for layer in weighted_layers(equal)]

    for one, two in zip(weights(np.ones(4)), weights(factors), strict=True):
        ratio = one / two
        np.testing.assert_allclose(ratio, ratio.flat[0], rtol=0.03)
