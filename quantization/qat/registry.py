"""The table of operators that can be trained: one entry is an ONNX operator in torch.

The functions compute what ONNX specifies, on real numbers of any batch size. How an entry
acts on the int8 grid lets the network feed it ``q - zero_point`` instead, which float32 holds
exactly: a convolution is then the same exact sum of products as on the device.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn, TypeAlias

from torch import Tensor

from quantization.errors import UnsupportedOperatorError
from quantization.graph.graph import Array, Node, Shape
from quantization.qat.rounding import Rounding

Compute: TypeAlias = Callable[..., Tensor]
"""(the call, what the node computes with: values, then weights) to what it returns."""

Ratios: TypeAlias = tuple[float, ...]


class GridRule(Enum):
    """What becomes of an operator's inputs at scales s and t when they are divided by them."""

    MOVED = "moved"  # nothing: it moves or compares values, so integers stay integers
    LINEAR = "linear"  # f(s x, s y) = s f(x, y): the scale is put back afterwards
    PRODUCT = "product"  # f(s x, t y) = s t f(x, y): both are
    SCALED = "scaled"  # its kernel multiplies by the ratios to the output's scale itself
    REAL = "real"  # it needs real numbers


@dataclass(frozen=True, eq=False)
class NodeCall:
    """One node as its function sees it.

    Args:
        node: its operator, name and attributes.
        parameters: for each input of the node its array, where it is known before run time.
        before: the shape of its first input, with a batch of 1.
        after: the shape of its output, with a batch of 1.
        bounds: of the activation it takes up, or of a Clip: what it computes is cut off there.
    """

    node: Node
    parameters: tuple[Array | None, ...]
    before: Shape
    after: Shape
    bounds: tuple[float, float]

    def parameter(self, index: int) -> Array | None:
        """The array at one input; None if it is absent or computed."""
        return self.parameters[index] if index < len(self.parameters) else None

    def spatial(self, name: str, default: int) -> tuple[int, ...]:
        """An attribute with one integer for each spatial axis."""
        return self.node.integers(name, (default,) * (len(self.before) - 2))

    def pads(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The padding before and after each spatial axis."""
        axes = len(self.before) - 2
        both = self.node.integers("pads", (0,) * 2 * axes)
        return both[:axes], both[axes:]


@dataclass(frozen=True)
class TrainableOperator:
    """One operator that can be trained.

    Args:
        compute: its function.
        grid: how it acts on the int8 grid. If it is `SCALED`, the function takes the `ratios` of
            its inputs' scales to the output's, and returns quanta; without them, real numbers.
        rounding: how its kernel rounds.
        kernel: the TFLite operator whose kernel it is, if that computes in fixed point
            throughout and on each element by itself.
    """

    compute: Compute
    grid: GridRule
    rounding: Rounding
    kernel: str | None


OPERATORS: dict[str, TrainableOperator] = {}


def operator(
    name: str, grid: GridRule, rounding: Rounding = Rounding.EVEN, kernel: str | None = None
) -> Callable[[Compute], Compute]:
    """Enter the decorated function in the table as ONNX operator `name`."""

    def enter(compute: Compute) -> Compute:
        OPERATORS[name] = TrainableOperator(compute, grid, rounding, kernel)
        return compute

    return enter


def find(node: Node) -> TrainableOperator:
    """The entry of a node's operator.

    Raises:
        UnsupportedOperatorError: if there is none.
    """
    if node.op not in OPERATORS:
        refuse(node, "cannot be trained")
    return OPERATORS[node.op]


def refuse(node: Node, reason: str) -> NoReturn:
    """Say that a node cannot be trained, and what can.

    Raises:
        UnsupportedOperatorError: always.
    """
    raise UnsupportedOperatorError(
        f"node {node.name!r}: operator {node.op} {reason}; "
        f"supported in training: {', '.join(sorted(OPERATORS))}"
    )
