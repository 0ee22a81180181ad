"""The operators: one function each, entered in the table by its decorator."""

from quantization.lower.ops import conv, dense, elementwise, pool, shape
from quantization.lower.registry import OPERATORS, find

__all__ = ["OPERATORS", "conv", "dense", "elementwise", "find", "pool", "shape"]
