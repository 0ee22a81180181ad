"""The network as it will run: typed tensors, and the operations on them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.affine import QMAX, QMIN, Affine
from edge_agent.common.arrays import F32
from quantization.graph.graph import Array, Node, Shape
from quantization.operators.activation import Activation
from quantization.operators.table import refuse

INT8, INT32, FLOAT32 = np.dtype(np.int8), np.dtype(np.int32), np.dtype(np.float32)


@dataclass(frozen=True)
class Quantization:
    """What an integer tensor's values mean: ``real = scale * (q - zero_point)``.

    Args:
        scales: one for the tensor, or one per index of `axis`.
        zero_points: as many.
        axis: the ONNX axis the scales run along; None for one scale.
    """

    scales: F32
    zero_points: NDArray[np.int64]
    axis: int | None = None

    def dequantize(self, q: Array) -> F32:
        """The real values of a constant."""
        spread = (1,) * q.ndim
        if self.axis is not None:
            spread = tuple(-1 if axis == self.axis else 1 for axis in range(q.ndim))
        centred = q.astype(np.float64) - self.zero_points.reshape(spread)
        real: F32 = (centred * self.scales.reshape(spread)).astype(np.float32)
        return real


@dataclass(frozen=True, eq=False)
class TypedTensor:
    """A tensor of the network, in ONNX's axis order.

    Args:
        name: of the ONNX value it is.
        shape: static.
        dtype: int8 or float32; int32 of a bias and of indices.
        quantization: of its values; None for float32 and for indices, which mean themselves.
        data: its values, if it is a constant.
    """

    name: str
    shape: Shape
    dtype: np.dtype[Any]
    quantization: Quantization | None = None
    data: Array | None = None

    @property
    def affine(self) -> Affine | None:
        """The one scale and zero point of an int8 activation; None of any other tensor."""
        if self.quantization is None:
            return None
        scales, zero_points = self.quantization.scales, self.quantization.zero_points
        return Affine(float(scales[0]), int(zero_points[0]))

    @property
    def lowest(self) -> float:
        """The least value it can hold, as it is stored."""
        return QMIN if self.quantization else float(np.finfo(np.float32).min)

    @property
    def highest(self) -> float:
        """The greatest value it can hold, as it is stored."""
        return QMAX if self.quantization else float(np.finfo(np.float32).max)

    def stored(self, real: float) -> float:
        """How it stores a real number: as the nearest int8, or as it is."""
        number = np.array(real, np.float32)
        return float(number if self.affine is None else self.affine.quantize(number))


@dataclass(frozen=True, eq=False)
class Operation:
    """One node with the tensors it reads and writes, all int8 or all float32.

    Args:
        node: its operator, name and attributes.
        inputs: for each input of the node, its tensor; None where it is not a tensor of
            the network but a parameter, or absent.
        parameters: for each input of the node, its array if it is a parameter.
        output: the tensor it writes.
        activation: what it applies to its result first.
    """

    node: Node
    inputs: tuple[TypedTensor | None, ...]
    parameters: tuple[Array | None, ...]
    output: TypedTensor
    activation: Activation = Activation.NONE

    def value(self, index: int = 0) -> TypedTensor:
        """The activation at an input; refuses the node if it is anything else."""
        tensor = self.inputs[index] if index < len(self.inputs) else None
        if tensor is None or tensor.data is not None:
            refuse(self.node, f"needs its input {index} computed at run time, not constant")
        return tensor

    def weight(self, index: int) -> TypedTensor:
        """The constant tensor at an input; refuses the node if it is anything else."""
        tensor = self.inputs[index] if index < len(self.inputs) else None
        if tensor is None or tensor.data is None:
            refuse(self.node, f"needs its input {index} constant, not computed at run time")
        return tensor

    def operand(self, index: int) -> TypedTensor:
        """The tensor at an input, computed or constant; refuses anything else."""
        tensor = self.inputs[index] if index < len(self.inputs) else None
        if tensor is None:
            refuse(self.node, f"needs its input {index} to be float32")
        return tensor

    def parameter(self, index: int) -> Array | None:
        """The plain array at an input, such as the axes of a reduction; None if absent."""
        return self.parameters[index] if index < len(self.parameters) else None


@dataclass(frozen=True)
class TypedGraph:
    """The operations of a network in execution order, its input and its outputs."""

    operations: tuple[Operation, ...]
    input: TypedTensor
    outputs: tuple[TypedTensor, ...]

    @cached_property
    def _consumers(self) -> dict[TypedTensor, list[Operation]]:
        readers: dict[TypedTensor, list[Operation]] = {}
        for operation in self.operations:
            for tensor in dict.fromkeys(t for t in operation.inputs if t is not None):
                readers.setdefault(tensor, []).append(operation)
        return readers

    def consumers(self, tensor: TypedTensor) -> list[Operation]:
        """The operations that read a tensor."""
        return self._consumers.get(tensor, [])
