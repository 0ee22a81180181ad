"""The kernels: one function an operator, one file a family, entered by its decorator."""

from quantization.reference.kernels import (
    arithmetic,
    conv,
    dense,
    lookup,
    move,
    piecewise,
    pool,
    quantize,
    reduce,
    resize,
    softmax,
)

__all__ = [
    "arithmetic",
    "conv",
    "dense",
    "lookup",
    "move",
    "piecewise",
    "pool",
    "quantize",
    "reduce",
    "resize",
    "softmax",
]
