"""The kernels: one function an operator, one file a family, entered by its decorator."""

from quantization.reference.kernels import (
    arithmetic,
    conv,
    dense,
    log_softmax,
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
    "log_softmax",
    "lookup",
    "move",
    "piecewise",
    "pool",
    "quantize",
    "reduce",
    "resize",
    "softmax",
]
