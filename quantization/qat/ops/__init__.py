"""The operators in torch: one function each, entered in the table by its decorator."""

from quantization.qat.ops import activation, arithmetic, conv, pool, reduce, select, shape, space
from quantization.qat.registry import OPERATORS, find

__all__ = [
    "OPERATORS",
    "activation",
    "arithmetic",
    "conv",
    "find",
    "pool",
    "reduce",
    "select",
    "shape",
    "space",
]
