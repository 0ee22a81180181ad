"""The operators: one function each, entered among the lowerings by its decorator."""

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
from quantization.lower.registry import LOWERINGS

__all__ = [
    "LOWERINGS",
    "activation",
    "arithmetic",
    "conv",
    "dense",
    "pool",
    "reduce",
    "select",
    "shape",
    "space",
    "transposed_conv",
]
