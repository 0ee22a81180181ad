"""The lowerings of the operators: one decorated function each, in `quantization.lower.ops`."""

from collections.abc import Callable
from typing import TypeAlias

from quantization.lower.draft import TfliteDraft
from quantization.lower.graph import Operation
from quantization.operators.table import OPERATORS

Lower: TypeAlias = Callable[[Operation, TfliteDraft], None]

# Of each operator in the table, what emits its TFLite operators.
LOWERINGS: dict[str, Lower] = {}


def lowers(name: str) -> Callable[[Lower], Lower]:
    """Enter the decorated function as the lowering of ONNX operator `name`, a row of the table."""
    assert name in OPERATORS, f"{name} has no row in quantization.operators.table"

    def enter(lower: Lower) -> Lower:
        LOWERINGS[name] = lower
        return lower

    return enter
