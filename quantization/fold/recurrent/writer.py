"""`NodeWriter`: the nodes of an unrolled network as they are written, on rows of values (1, N).

What is known before run time is computed at once: a state that is still zero costs nothing.
"""

from collections.abc import Sequence

import numpy as np

from quantization.graph.graph import Array, Node, Shape


class NodeWriter:
    """Nodes, constants and shapes, under names that begin with that of the layer.

    Args:
        prefix: the name of a value that the layer computes.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}
        self.shapes: dict[str, Shape] = {}

    def constant(self, name: str, array: Array) -> str:
        """The name of a constant."""
        name = f"{self._prefix}:{name}"
        self.constants[name] = array
        return name

    def node(
        self, op: str, name: str, inputs: Sequence[str], shape: Shape, **attributes: object
    ) -> str:
        """Write a node; the name of the value (of `shape`) that it computes."""
        name = f"{self._prefix}:{name}"
        self.nodes.append(Node(op, name, tuple(inputs), (name,), attributes))
        self.shapes[name] = shape
        return name

    def renamed(self, value: str, name: str, shape: Shape) -> None:
        """Write a Reshape of a value to one that has a name of its own already."""
        inputs = (value, self.constant(f"{name}:target", np.array(shape, np.int64)))
        self.nodes.append(Node("Reshape", f"{self._prefix}:{name}:end", inputs, (name,)))
        self.shapes[name] = shape

    def reshape(self, name: str, value: str, shape: Shape) -> str:
        """Write a Reshape."""
        target = self.constant(f"{name}:target", np.array(shape, np.int64))
        return self.node("Reshape", name, (value, target), shape)

    def join(self, name: str, values: Sequence[str], shape: Shape) -> str:
        """Write a Concat of values along their last axis."""
        if len(values) == 1:
            return values[0]
        return self.node("Concat", name, values, shape, axis=len(shape) - 1)

    def columns(self, name: str, value: str, start: int, end: int) -> str:
        """Write the Slice [start, end) of a row."""
        bounds = [self.constant(f"int:{n}", np.array([n], np.int64)) for n in (start, end, 1)]
        return self.node("Slice", name, (value, *bounds), (1, end - start))

    def product(self, name: str, value: str, weights: str, biases: str) -> str:
        """Write the Gemm of a row (1, K) by constants (N, K) and (N,)."""
        w, b = self.constants[weights], self.constants[biases]
        if value in self.constants:
            return self.constant(name, (self.constants[value] @ w.T + b).astype(np.float32))
        return self.node("Gemm", name, (value, weights, biases), (1, len(w)), transB=1)

    def add(self, name: str, a: str, b: str) -> str:
        """Write an Add of two rows."""
        if self._is_zero(a) or self._is_zero(b):
            return b if self._is_zero(a) else a
        return self._binary("Add", name, a, b)

    def subtract(self, name: str, a: str, b: str) -> str:
        """Write a Sub of two rows."""
        return a if self._is_zero(b) else self._binary("Sub", name, a, b)

    def multiply(self, name: str, a: str, b: str) -> str:
        """Write a Mul of two rows."""
        if self._is_zero(a) or self._is_zero(b):
            return a if self._is_zero(a) else b
        return self._binary("Mul", name, a, b)

    def sigmoid(self, name: str, value: str) -> str:
        """Write a Sigmoid of a row."""
        return self.node("Sigmoid", name, (value,), self.shapes[value])

    def tanh(self, name: str, value: str) -> str:
        """Write a Tanh of a row."""
        return self.node("Tanh", name, (value,), self.shapes[value])

    def _binary(self, op: str, name: str, a: str, b: str) -> str:
        shape = self.shapes[a] if a in self.shapes else self.shapes[b]
        return self.node(op, name, (a, b), shape)

    def _is_zero(self, value: str) -> bool:
        return value in self.constants and not self.constants[value].any()
