"""The operators: one function each, entered in the table by its decorator."""

from quantization.lower.ops import (
    activation,
    arithmetic,
    conv,
    dense,
    pool,
    reduce,
    select,
    shape,
    space,
    transposed_conv,
)
from quantization.lower.table import OPERATORS, find

__all__ = [
    "OPERATORS",
    "activation",
    "arithmetic",
    "conv",
    "dense",
    "find",
    "pool",
    "reduce",
    "select",
    "shape",
    "space",
    "transposed_conv",
]
