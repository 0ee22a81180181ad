"""`Network`: the TFLite network under construction, one tensor and one operator at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from quantization.graph import Array, Shape
from quantization.lower import layout
from quantization.lower.graph import Quantization, Tensor


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
        version: the lowest that has the int8 kernel it needs.
        inputs: indices of tensors.
        outputs: indices of tensors.
        options: the schema's options object (`Conv2DOptionsT` and so on), or None.
    """

    code: int
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any


class Network:
    """The tensors and operators emitted so far.

    Args:
        orders: the flattened tensors whose elements stand in another order than ONNX's.
    """

    def __init__(self, orders: Mapping[Tensor, layout.Order]) -> None:
        self.tensors: list[TfliteTensor] = []
        self.operators: list[TfliteOperator] = []
        self.orders = orders
        self._values: dict[Tensor, int] = {}
        self._constants: dict[tuple[object, ...], int] = {}

    def value(self, tensor: Tensor) -> int:
        """The index of an activation, in TFLite's layout."""
        if tensor not in self._values:
            self._values[tensor] = self.intermediate(
                tensor.name, layout.shape(tensor.shape), tensor.quantization
            )
        return self._values[tensor]

    def intermediate(self, name: str, shape: Shape, quantization: Quantization) -> int:
        """The index of a new int8 tensor that no ONNX value corresponds to."""
        return self._add(TfliteTensor(name, shape, np.dtype(np.int8), quantization, None))

    def constant(self, name: str, data: Array, quantization: Quantization | None = None) -> int:
        """The index of a constant, in TFLite's layout; equal constants are stored once."""
        data = np.ascontiguousarray(data)
        key: tuple[object, ...] = (data.dtype.str, data.shape, data.tobytes())
        if quantization is not None:
            scales, zeros = quantization.scales.tobytes(), quantization.zero_points.tobytes()
            key += (scales, zeros, quantization.axis)
        if key not in self._constants:
            self._constants[key] = self._add(
                TfliteTensor(name, data.shape, data.dtype, quantization, data)
            )
        return self._constants[key]

    def weight(self, tensor: Tensor, order: Shape, elements: layout.Order | None = None) -> int:
        """The index of a quantised constant.

        Args:
            tensor: the constant, in ONNX's layout.
            order: for each TFLite axis, the ONNX axis that becomes it.
            elements: the order to take the elements of the last TFLite axis in.
        """
        assert tensor.data is not None, "Operation.weight returns constants only"
        data = tensor.data.transpose(order)
        if elements is not None:
            data = data[..., elements]
        axis = tensor.quantization.axis
        moved = None if axis is None else order.index(axis)
        return self.constant(tensor.name, data, replace(tensor.quantization, axis=moved))

    def emit(
        self, code: int, version: int, inputs: Sequence[int], output: int, options: Any = None
    ) -> None:
        """Append an operator."""
        self.operators.append(TfliteOperator(code, version, tuple(inputs), (output,), options))

    def _add(self, tensor: TfliteTensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1
