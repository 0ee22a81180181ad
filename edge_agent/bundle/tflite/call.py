"""`FileTensor`, `KernelCall`: an operator of a file with what it is given, as its rules see it."""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Shape: TypeAlias = tuple[int, ...]

# No stride, window, dilation, padding or block of a network comes near it, and with it no sum of
# some of them leaves int32, in which the kernels calculate.
MAX_STEP = 8192


@dataclass(frozen=True, eq=False)
class FileTensor:
    """A tensor of a sound file.

    Args:
        name: the file's.
        shape: static, every side 1 or more.
        dtype: of its values.
        size: in bytes.
        scales: of the whole, or one for each index along a side; none if it is not quantised.
        values: if the file holds them.
    """

    name: str
    shape: Shape
    dtype: str
    size: int
    scales: NDArray[np.float32]
    values: NDArray[Any] | None


@dataclass(frozen=True, eq=False)
class KernelCall:
    """An operator with what it reads, None for an input left out, and what it writes."""

    inputs: tuple[FileTensor | None, ...]
    outputs: tuple[FileTensor, ...]
    options: dict[str, Any]

    def shape(self, number: int = 0) -> Shape:
        """The shape of an input that the operator cannot do without."""
        return self._input(number).shape

    def four(self, number: int = 0) -> tuple[int, int, int, int]:
        """The shape of an input that must have four sides."""
        shape = self.shape(number)
        expect(f"four sides of input {number}", 4, len(shape))
        first, second, third, fourth = shape
        return first, second, third, fourth

    def numbers(self, number: int) -> list[int]:
        """The integers that the file holds for an input, whatever their shape."""
        tensor = self._input(number)
        if tensor.values is None or tensor.dtype not in ("int32", "int64"):
            raise ValueError(f"expected integers in the file for input {number}, found none")
        return [int(n) for n in tensor.values.reshape(-1)]

    def number(self, number: int) -> int:
        """The one integer that the file holds for an input."""
        found = self.numbers(number)
        expect(f"one integer for input {number}", 1, len(found))
        return found[0]

    def step(self, name: str) -> int:
        """An option that is a stride, a window, a dilation or a block."""
        return step(name, self.options[name])

    def check_bias(self, number: int, channels: int) -> None:
        """One bias a channel, if there are any."""
        bias = self.inputs[number] if number < len(self.inputs) else None
        if bias is not None:
            expect("biases", channels, math.prod(bias.shape))

    def _input(self, number: int) -> FileTensor:
        tensor = self.inputs[number]
        if tensor is None:
            raise ValueError(f"expected input {number}, found none")
        return tensor


def step(name: str, value: int) -> int:
    """`value`, if it can be a stride, a window, a dilation or a block."""
    if not 1 <= value <= MAX_STEP:
        raise ValueError(f"expected {name} of 1 to {MAX_STEP}, found {value}")
    return value


def expect(what: str, expected: object, found: object) -> None:
    """Refuse what is not as it must be."""
    if expected != found:
        raise ValueError(f"expected {what}: {expected}, found {found}")


def one_axis(value: int, rank: int) -> int:
    """Which side of `rank` an axis means: negative ones count from the end."""
    if not -rank <= value < rank:
        raise ValueError(f"expected an axis of {rank} sides, found {value}")
    return value % rank


def broadcast(first: Shape, second: Shape) -> Shape:
    """What two shapes give of which sides of 1 are repeated."""
    try:
        return np.broadcast_shapes(first, second)
    except ValueError as error:
        raise ValueError(f"expected shapes that fit, found {first} and {second}") from error


def without(shape: Shape, axis: int) -> Shape:
    """`shape` without one of its sides."""
    return shape[:axis] + shape[axis + 1 :]
