"""Random small networks of every supported operator, and of some that are not, for Hypothesis."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from hypothesis import strategies as st

from support.onnx_nets import Array, net, node

UNARY = ("Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Neg")
UNSUPPORTED = ("Erf", "Abs", "Floor")


class Drawn:
    """A network of random operators, each drawn to fit the value before it."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.random = np.random.default_rng(draw(st.integers(0, 2**16)))
        rank = draw(st.sampled_from([4, 4, 4, 3, 2]))
        sides = [draw(st.integers(2, 7)) for _ in range(rank - 2)]
        self.input_shape = (draw(st.integers(1, 4)), *sides)
        self.value, self.shape = "input", (1, *self.input_shape)
        self.values = [(self.value, self.shape)]
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        for _ in range(draw(st.integers(1, 5))):
            self.choose()()
        self.is_supported = not any(
            n.op_type in UNSUPPORTED
            or any(a.name == "mode" and a.s == b"cubic" for a in n.attribute)
            for n in self.nodes
        )

    def model(self) -> onnx.ModelProto:
        """The network, its last value an output and perhaps another one beside it."""
        names = {self.value}
        if self.draw(st.booleans()):
            names.add(self.nodes[self.draw(st.integers(0, len(self.nodes) - 1))].output[0])
        outputs = [n.output[0] for n in self.nodes if n.output[0] in names]
        return net(self.nodes, (1, *self.input_shape), self.constants, outputs=outputs)

    def choose(self) -> Callable[[], None]:
        steps = [self.unary, self.unary, self.unsupported, self.clip, self.constant,
                 self.earlier, self.transpose, self.mean,
                 self.join, self.slice, self.pad, self.softmax, self.reshape]  # fmt: skip
        if len(self.shape) in (3, 4):
            steps += [self.conv, self.conv, self.pool]
        if len(self.shape) == 4:
            steps += [self.resize, self.upscale, self.space]
        if len(self.shape) in (2, 3):
            steps += [self.dense, self.dense]
        return self.draw(st.sampled_from(steps))

    def then(self, op: str, shape: tuple[int, ...], *inputs: str, **attributes: Any) -> None:
        name = f"v{len(self.nodes)}"
        self.nodes.append(node(op, self.value, *inputs, to=name, **attributes))
        self.value, self.shape = name, shape
        self.values.append((name, shape))

    def store(self, array: Array) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = array
        return name

    def weights(self, *shape: int) -> str:
        fan_in = max(1, int(np.prod(shape[1:])))
        return self.store((self.random.normal(size=shape) / np.sqrt(fan_in)).astype(np.float32))

    def axis(self) -> int:
        return self.draw(st.integers(1, len(self.shape) - 1))

    def unary(self) -> None:
        self.then(self.draw(st.sampled_from(UNARY)), self.shape)

    def unsupported(self) -> None:
        self.then(self.draw(st.sampled_from(UNSUPPORTED)), self.shape)

    def clip(self) -> None:
        low = self.draw(st.sampled_from([-1.0, -0.5, 0.0, 0.25]))
        high = self.draw(st.sampled_from([0.5, 1.0, 6.0]))
        self.then("Clip", self.shape, *(self.store(np.array(v, np.float32)) for v in (low, high)))

    def constant(self) -> None:
        axis = self.axis()
        shape = tuple(n if i == axis else 1 for i, n in enumerate(self.shape))
        array = self.random.uniform(0.2, 1.5, shape).astype(np.float32)
        op = self.draw(st.sampled_from(["Add", "Sub", "Mul", "Div", "PRelu"]))
        self.then(op, self.shape, self.store(array))

    def earlier(self) -> None:
        fit = [name for name, shape in self.values if shape == self.shape]
        op = self.draw(st.sampled_from(["Add", "Sub", "Mul"]))
        self.then(op, self.shape, self.draw(st.sampled_from(fit)))

    def join(self) -> None:
        axis = self.axis()
        fit = [
            (name, shape)
            for name, shape in self.values
            if len(shape) == len(self.shape)
            and all(i == axis or n == m for i, (n, m) in enumerate(zip(shape, self.shape)))  # noqa: B905
        ]
        name, shape = self.draw(st.sampled_from(fit))
        size = self.shape[axis] + shape[axis]
        joined = (*self.shape[:axis], size, *self.shape[axis + 1 :])
        self.then("Concat", joined, name, axis=axis)

    def transpose(self) -> None:
        rest = self.draw(st.permutations(range(1, len(self.shape))))
        permutation = (0, *rest)
        self.then("Transpose", tuple(self.shape[a] for a in permutation), perm=permutation)

    def mean(self) -> None:
        axis, keep = self.axis(), self.draw(st.booleans()) or len(self.shape) == 2
        shape = [1 if i == axis else n for i, n in enumerate(self.shape)]
        if not keep:
            del shape[axis]
        op = self.draw(st.sampled_from(["ReduceMean", "ReduceMax"]))
        self.then(op, tuple(shape), axes=[axis], keepdims=int(keep))

    def slice(self) -> None:
        axis = self.axis()
        size = self.shape[axis]
        start, step = self.draw(st.integers(0, size - 1)), self.draw(st.integers(1, 2))
        bounds = [np.array([v]) for v in (start, size, axis, step)]
        left = -(-(size - start) // step)
        shape = (*self.shape[:axis], left, *self.shape[axis + 1 :])
        self.then("Slice", shape, *(self.store(b) for b in bounds))

    def pad(self) -> None:
        axis, more = self.axis(), self.draw(st.integers(1, 2))
        pads = np.zeros(2 * len(self.shape), np.int64)
        pads[axis] = more
        shape = tuple(n + more if i == axis else n for i, n in enumerate(self.shape))
        self.then("Pad", shape, self.store(pads))

    def softmax(self) -> None:
        self.then(self.draw(st.sampled_from(["Softmax", "LogSoftmax"])), self.shape,
                  axis=self.axis())  # fmt: skip

    def reshape(self) -> None:
        count = int(np.prod(self.shape))
        first = self.shape[1]
        shapes = [(1, count), (1, first, count // first), (1, count // first, first),
                  (1, first, 1, count // first), (1, 1, *self.shape[1:])[:4]]  # fmt: skip
        shape = self.draw(st.sampled_from([s for s in shapes if int(np.prod(s)) == count]))
        self.then("Reshape", shape, self.store(np.array(shape)))

    def conv(self) -> None:
        channels, *sides = self.shape[1:]
        kernel = [self.draw(st.integers(1, min(3, side))) for side in sides]
        stride = self.draw(st.integers(1, 2))
        begin, end = ([self.draw(st.integers(0, k - 1)) for k in kernel] for _ in range(2))
        groups = channels if self.draw(st.booleans()) else 1
        outputs = channels if groups > 1 else self.draw(st.integers(1, 5))
        made = ((s + b + e - k) // stride + 1
                for s, b, e, k in zip(sides, begin, end, kernel, strict=True))  # fmt: skip
        weight = self.weights(outputs, channels // groups, *kernel)
        self.then("Conv", (1, outputs, *made), weight, self.weights(outputs), group=groups,
                  strides=[stride] * len(sides), pads=[*begin, *end])  # fmt: skip

    def pool(self) -> None:
        channels, *sides = self.shape[1:]
        kernel = [min(2, side) for side in sides]
        op = self.draw(st.sampled_from(["MaxPool", "AveragePool"]))
        made = (s - k + 1 for s, k in zip(sides, kernel, strict=True))
        self.then(op, (1, channels, *made), kernel_shape=kernel)

    def dense(self) -> None:
        outputs = self.draw(st.integers(1, 5))
        self.then("MatMul", (*self.shape[:-1], outputs), self.weights(self.shape[-1], outputs))

    def resize(self) -> None:
        mode, transform = self.draw(st.sampled_from([
            ("nearest", "asymmetric"), ("linear", "half_pixel"), ("linear", "align_corners"),
            ("cubic", "half_pixel")]))  # fmt: skip
        n, channels, height, width = self.shape
        shape = (n, channels, 2 * height, width + 1)
        extra = {"nearest_mode": "floor"} if mode == "nearest" else {}
        self.then("Resize", shape, "", "", self.store(np.array(shape)), mode=mode,
                  coordinate_transformation_mode=transform, **extra)  # fmt: skip

    def upscale(self) -> None:
        _, channels, height, width = self.shape
        outputs = self.draw(st.integers(1, 3))
        self.then("ConvTranspose", (1, outputs, 2 * height, 2 * width),
                  self.weights(channels, outputs, 2, 2), strides=[2, 2])  # fmt: skip

    def space(self) -> None:
        _, channels, height, width = self.shape
        if channels % 4 == 0:
            mode = self.draw(st.sampled_from(["DCR", "CRD"]))
            shape = (1, channels // 4, 2 * height, 2 * width)
            self.then("DepthToSpace", shape, blocksize=2, mode=mode)
        elif height % 2 == 0 and width % 2 == 0:
            shape = (1, 4 * channels, height // 2, width // 2)
            self.then("SpaceToDepth", shape, blocksize=2)
        else:
            self.unary()


@dataclass(frozen=True)
class Net:
    """A random network: whether each of its operators is one that can be lowered."""

    model: onnx.ModelProto = field(repr=False)
    operators: str
    shape: tuple[int, ...]
    is_supported: bool


@st.composite
def networks(draw: st.DrawFn) -> Net:
    """A network of one to five random operators."""
    drawn = Drawn(draw)
    text = "; ".join(onnx.printer.to_text(n) for n in drawn.nodes)
    return Net(drawn.model(), text, drawn.input_shape, drawn.is_supported)
