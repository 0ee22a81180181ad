"""Operators as the rules of TFLite files see them, of plain numbers: no file, no runtime."""

import math
from typing import Any

import numpy as np

from edge_agent.bundle.tflite.call import FileTensor, KernelCall

WIDTHS = {"int8": 1, "uint8": 1, "int16": 2, "int32": 4, "int64": 8, "float32": 4}


def value(*shape: int, dtype: str = "int8", scales: tuple[float, ...] = (0.5,)) -> FileTensor:
    """A tensor that is computed."""
    size = math.prod(shape) * WIDTHS[dtype]
    return FileTensor("value", shape, dtype, size, np.array(scales, np.float32), None)


def held(numbers: Any, dtype: str = "int32", scales: tuple[float, ...] = ()) -> FileTensor:
    """A tensor whose numbers stand in the file."""
    array = np.array(numbers, dtype)
    return FileTensor("held", array.shape, dtype, array.nbytes, np.array(scales, np.float32), array)


def call(*inputs: FileTensor | None, to: tuple[FileTensor, ...] = (), **options: Any) -> KernelCall:
    """An operator that reads `inputs`, writes `to` and has `options`."""
    return KernelCall(inputs, to, options)
