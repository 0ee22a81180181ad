"""`TfliteDraft`: the TFLite network under construction, one tensor and one operator at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantization.graph.graph import Array, Shape
from quantization.lower import layout
from quantization.lower.graph import Quantization, TypedGraph, TypedTensor


@dataclass(frozen=True, eq=False)
class TfliteTensor:
    """A tensor of the file: `data` for a constant, `quantization` with its TFLite axis."""

    name: str
    shape: Shape
    dtype: np.dtype[Any]
    quantization: Quantization | None
    data: Array | None


@dataclass(frozen=True, eq=False)
class TfliteOperator:
    """An operator of the file.

    Args:
        code: its number in the schema's `BuiltinOperator`.
        version: the lowest that has the int8 kernel it needs; the float one is older.
        inputs: indices of tensors.
        outputs: indices of tensors.
        options: the schema's options object (`Conv2DOptionsT` and so on), or None.
    """

    code: int
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any


class TfliteDraft:
    """The tensors and operators emitted so far.

    Args:
        graph: what is lowered, for the wishes of readers that are yet to come.
    """

    def __init__(self, graph: TypedGraph) -> None:
        self.graph = graph
        self.tensors: list[TfliteTensor] = []
        self.operators: list[TfliteOperator] = []
        # How each activation written so far lies in memory.
        self.orders: dict[TypedTensor, layout.Order] = {}
        # The flattened tensors whose elements stand in another order than ONNX's.
        self.elements: dict[TypedTensor, layout.Elements] = {}
        self._views: dict[tuple[TypedTensor, layout.Order, Shape], int] = {}
        self._constants: dict[tuple[object, ...], int] = {}

    def write(self, tensor: TypedTensor, order: layout.Order, lifted: Shape | None = None) -> int:
        """The index of a new activation.

        Args:
            tensor: what it holds.
            order: how it lies in memory.
            lifted: its TFLite shape, if that has axes of one element that ONNX's lacks.
        """
        shape = lifted or layout.shape(tensor.shape, order)
        index = self._like(tensor, tensor.name, shape)
        self.place(tensor, index, order, shape)
        return index

    def value(
        self, tensor: TypedTensor, order: layout.Order | None = None, lifted: Shape | None = None
    ) -> int:
        """The index of an activation or a constant operand, in its own order or another.

        A RESHAPE or TRANSPOSE is emitted where it does not lie like that yet.
        """
        if tensor.data is not None:
            return self._constant_operand(tensor, order, lifted)
        order = order or self.orders[tensor]
        shape = lifted or layout.shape(tensor.shape, order)
        if (tensor, order, shape) not in self._views:
            self._views[tensor, order, shape] = self._rearranged(tensor, order, shape)
        return self._views[tensor, order, shape]

    def place(
        self, tensor: TypedTensor, index: int, order: layout.Order, shape: Shape | None = None
    ) -> None:
        """Let a new activation be what is at an index, lying in `order`."""
        self.orders[tensor] = order
        self._views[tensor, order, shape or layout.shape(tensor.shape, order)] = index

    def intermediate(self, name: str, shape: Shape, like: TypedTensor) -> int:
        """The index of a new tensor of another's type that no ONNX value corresponds to."""
        return self._like(like, name, shape)

    def constant(self, name: str, data: Array, quantization: Quantization | None = None) -> int:
        """The index of a constant, in TFLite's layout; equal constants are stored once."""
        data = np.asarray(data, order="C")
        key: tuple[object, ...] = (data.dtype.str, data.shape, data.tobytes())
        if quantization is not None:
            scales, zeros = quantization.scales.tobytes(), quantization.zero_points.tobytes()
            key += (scales, zeros, quantization.axis)
        if key not in self._constants:
            self._constants[key] = self._add(
                TfliteTensor(name, data.shape, data.dtype, quantization, data)
            )
        return self._constants[key]

    def weight(
        self,
        tensor: TypedTensor,
        order: layout.Order,
        elements: layout.Elements | None = None,
        shape: Shape | None = None,
    ) -> int:
        """The index of a constant in another layout.

        Args:
            tensor: the constant, in ONNX's layout.
            order: for each TFLite axis, the ONNX axis that becomes it.
            elements: the order to take the elements of the last TFLite axis in.
            shape: what to reshape it to, by axes of one element between the first and the last.
        """
        assert tensor.data is not None, "Operation.weight returns constants only"
        data = tensor.data.transpose(order)
        if elements is not None:
            data = data[..., elements]
        quantization = tensor.quantization
        if quantization is not None and quantization.axis is not None:
            moved = order.index(quantization.axis)
            if shape is not None:
                moved = moved and moved + len(shape) - data.ndim
            quantization = replace(quantization, axis=moved)
        data = data if shape is None else data.reshape(shape)
        return self.constant(tensor.name, data, quantization)

    def reshape(self, source: int, shape: Shape, name: str, tensor: TypedTensor) -> int:
        """Append a RESHAPE; the index of its output, which holds a tensor under a name."""
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        inputs = [source, self.constant("shape", np.array(shape, np.int32))]
        output = self._like(tensor, name, shape)
        self.emit(schema.BuiltinOperator.RESHAPE, 1, inputs, output, options)
        return output

    def emit(
        self, code: int, version: int, inputs: Sequence[int], output: int, options: Any = None
    ) -> None:
        """Append an operator."""
        self.operators.append(TfliteOperator(code, version, tuple(inputs), (output,), options))

    def _constant_operand(
        self, tensor: TypedTensor, order: layout.Order | None, lifted: Shape | None
    ) -> int:
        assert tensor.data is not None, "the caller has looked"
        data = tensor.data if order is None else tensor.data.transpose(order)
        data = data if lifted is None else data.reshape(lifted)
        return self.constant(tensor.name, data, tensor.quantization)

    def _rearranged(self, tensor: TypedTensor, order: layout.Order, shape: Shape) -> int:
        """The index of a tensor that holds the same in another order or with other axes."""
        own = self.orders[tensor]
        if layout.is_same_memory(tensor.shape, own, order):
            source = next(i for (t, o, _), i in self._views.items() if t is tensor and o == own)
            return self.reshape(source, shape, f"{tensor.name}:reshaped", tensor)
        if shape != layout.shape(tensor.shape, order):
            return self.reshape(self.value(tensor, order), shape, f"{tensor.name}:reshaped", tensor)
        source = self.value(tensor, own)
        y = self._like(tensor, f"{tensor.name}:transposed", shape)
        permutation = np.array([own.index(axis) for axis in order], np.int32)
        inputs = [source, self.constant("permutation", permutation)]
        options = schema.TransposeOptionsT()
        self.emit(schema.BuiltinOperator.TRANSPOSE, 2, inputs, y, options)
        return y

    def _like(self, tensor: TypedTensor, name: str, shape: Shape) -> int:
        return self._add(TfliteTensor(name, shape, tensor.dtype, tensor.quantization, None))

    def _add(self, tensor: TfliteTensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1
