"""What a device makes of each int8 value, where its kernel is not a rounded real function."""

import functools

import numpy as np
import torch
from torch import Tensor

from edge_agent.bundle.affine import QMAX, QMIN, Affine
from quantization.reference.errors import UnsupportedKernelError
from quantization.reference.model import Operator
from quantization.reference.model import Tensor as FileTensor
from quantization.reference.registry import KERNELS
from quantization.reference.run import execute as execute  # fills the table of kernels

EVERY = np.arange(QMIN, QMAX + 1).astype(np.int8)


@functools.lru_cache(maxsize=256)
def table(kernel: str, source: Affine, target: Affine) -> Tensor | None:
    """The int8 results (256,) of the reference kernel for every int8 value, as float32.

    Args:
        kernel: of a TFLite operator that acts on each element by itself.
        source: scale and zero point of its input.
        target: of its output.

    Returns:
        None if the kernel is not defined for these scales.
    """
    operator = Operator(kernel, (_file_tensor("x", source),), (_file_tensor("y", target),), None)
    try:
        results = KERNELS[kernel](operator, EVERY)
    except UnsupportedKernelError:
        return None
    return torch.from_numpy(np.asarray(results, np.float32))


def looked_up(values: Tensor, results: Tensor, zero_point: int) -> Tensor:
    """What a table has for the int8 values that ``q - zero_point`` stand for, any shape."""
    places = (values + (zero_point - QMIN)).to(torch.int32)
    return results.to(values.device).index_select(0, places.reshape(-1)).reshape(values.shape)


def _file_tensor(name: str, affine: Affine) -> FileTensor:
    return FileTensor(
        name=name,
        shape=EVERY.shape,
        dtype=EVERY.dtype,
        scales=np.array([affine.scale], np.float32),
        zero_points=np.array([affine.zero_point], np.int64),
        axis=0,
        data=None,
    )
