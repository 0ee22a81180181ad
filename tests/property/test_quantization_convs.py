"""Convolutions of random windows, converted and run."""

import numpy as np
import onnx
from hypothesis import given, settings
from hypothesis import strategies as st
from support.onnx_nets import (
    Array,
    converted,
    float_tensors,
    net,
    node,
    normal,
    operators,
    quanta_apart,
)


class Stack:
    """A network built layer by layer; weights are drawn from its own generator."""

    def __init__(self, seed: int, channels: int, size: int) -> None:
        self.random = np.random.default_rng(seed)
        self.shape = (channels, size, size)
        self.input_shape = self.shape
        self.value = "input"
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}

    def weights(self, *shape: int) -> str:
        name = f"w{len(self.constants)}"
        fan_in = max(1, int(np.prod(shape[1:])))
        spread = self.random.uniform(0.05, 5, (shape[0], *(1,) * (len(shape) - 1)))
        values = self.random.normal(size=shape) * spread / np.sqrt(fan_in)
        self.constants[name] = values.astype(np.float32)
        return name

    def then(self, op: str, *inputs: str, **attributes: object) -> None:
        name = f"v{len(self.nodes)}"
        self.nodes.append(node(op, self.value, *inputs, to=name, **attributes))
        self.value = name

    def conv(
        self, outputs: int, kernel: int, stride: int, pads: list[int], depthwise: bool
    ) -> None:
        channels, height, width = self.shape
        groups = channels if depthwise else 1
        outputs = channels if depthwise else outputs
        weight = self.weights(outputs, channels // groups, kernel, kernel)
        strides = [stride, stride]
        self.then("Conv", weight, self.weights(outputs), group=groups, strides=strides, pads=pads)
        height = (height + pads[0] + pads[2] - kernel) // stride + 1
        width = (width + pads[1] + pads[3] - kernel) // stride + 1
        self.shape = (outputs, height, width)

    def activation(self, op: str) -> None:
        if op == "Clip":
            self.constants |= {"zero": np.array(0, np.float32), "six": np.array(6, np.float32)}
            self.then("Clip", "zero", "six")
        elif op:
            self.then(op)

    def residual(self) -> None:
        before = self.value
        self.conv(self.shape[0], 3, 1, [1, 1, 1, 1], depthwise=False)
        self.then("Add", before)

    def head(self, classes: int, *, average: bool) -> None:
        if average:
            self.then("GlobalAveragePool")
            self.shape = (self.shape[0], 1, 1)
        self.then("Flatten")
        self.then("Gemm", self.weights(classes, int(np.prod(self.shape))), transB=1)

    def model(self) -> onnx.ModelProto:
        self.nodes[-1].output[0] = "output"
        return net(self.nodes, (1, *self.input_shape), self.constants)


@st.composite
def stacks(draw: st.DrawFn) -> Stack:
    """One to four layers on a small map, with or without a classifier behind them."""
    stack = Stack(draw(st.integers(0, 2**16)), draw(st.integers(1, 4)), draw(st.integers(5, 9)))
    for _ in range(draw(st.integers(1, 4))):
        smallest = min(stack.shape[1:])
        kind = draw(st.sampled_from(["conv", "depthwise", "residual", "MaxPool"]))
        if kind == "residual":
            stack.residual()
        elif kind == "MaxPool" and smallest >= 2:
            stack.then("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
            stack.shape = (stack.shape[0], stack.shape[1] // 2, stack.shape[2] // 2)
        else:
            kernel = draw(st.integers(1, min(3, smallest)))
            pads = draw(st.lists(st.integers(0, kernel - 1), min_size=4, max_size=4))
            stride = draw(st.integers(1, 2))
            stack.conv(draw(st.integers(1, 6)), kernel, stride, pads, kind == "depthwise")
        stack.activation(draw(st.sampled_from(["", "Relu", "Clip"])))
    if draw(st.booleans()):
        stack.head(draw(st.integers(1, 5)), average=draw(st.booleans()))
    return stack


@settings(max_examples=40, deadline=None)
@given(stacks())
def test_any_stack_of_convolutions_agrees_with_onnx_runtime(stack: Stack) -> None:
    """Whatever its strides, pads and channels, it is full int8 and within one quantum."""
    made = converted(stack.model())
    assert not float_tensors(made.tflite)
    assert "TRANSPOSE" not in operators(made.tflite)
    assert quanta_apart(made, normal(4, *stack.input_shape, seed=3)) <= 1
