"""Operators and their lowerings: one decorated function each, in `lower/ops/`.

The quantiser takes the scale rule from the table and the lowering takes the function: what the
decorator is told is said nowhere else.
"""

from collections.abc import Callable
from typing import TypeAlias

from edge_agent.bundle.affine import Affine
from quantization.lower.graph import Operation
from quantization.lower.network import Network
from quantization.lower.rules import Layout, Scale, Weights
from quantization.lower.table import OPERATORS, Operator

Lower: TypeAlias = Callable[[Operation, Network], None]

# Of each operator in the table, what emits its TFLite operators.
LOWERINGS: dict[str, Lower] = {}


def operator(
    name: str,
    *,
    scale: Scale | Affine = Scale.CALIBRATED,
    weights: Weights | None = None,
    fuses: bool = False,
    layout: Layout = Layout.KEPT,
    operands: bool = False,
    averages: bool = False,
) -> Callable[[Lower], Lower]:
    """Enter the decorated function in the table as the lowering of ONNX operator `name`."""

    def enter(lower: Lower) -> Lower:
        OPERATORS[name] = Operator(scale, weights, fuses, layout, operands, averages)
        LOWERINGS[name] = lower
        return lower

    return enter
