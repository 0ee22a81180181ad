"""The kernels that compute in fixed point throughout, by the reference that defines them.

LiteRT has no faster ones for these operators: a real function, rounded, is now and then a
quantum off, and in a deep network every layer adds to that.
"""

import functools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from edge_agent.bundle.affine import QMAX, QMIN, Affine
from edge_agent.common.arrays import I8
from quantization.reference.errors import UnsupportedKernelError
from quantization.reference.model import ReferenceOperator, ReferenceTensor
from quantization.reference.registry import KERNELS
from quantization.reference.run import execute as execute  # fills the table of kernels

EVERY = np.arange(QMIN, QMAX + 1).astype(np.int8)


def apply(kernel: str, inputs: Sequence[tuple[Tensor, Affine]], target: Affine) -> Tensor | None:
    """What a kernel makes of values on the int8 grid.

    Args:
        kernel: of a TFLite operator.
        inputs: ``q - zero_point`` as float32, of shapes that broadcast, and their scales.
        target: the output's scale.

    Returns:
        The output as ``q - zero_point``; None if the kernel is not defined for these scales.
    """
    if len(inputs) == 1:
        ((values, source),) = inputs
        table = _table(kernel, source, target)
        return None if table is None else _looked_up(values, table, source) - target.zero_point
    arrays = [(_integers(values, affine), affine) for values, affine in inputs]
    results = _results(kernel, arrays, target)
    if results is None:
        return None
    values = inputs[0][0]
    return torch.from_numpy(results).to(values) - target.zero_point


@functools.lru_cache(maxsize=256)
def _table(kernel: str, source: Affine, target: Affine) -> Tensor | None:
    """The results (256,) for every int8 value: a kernel of one input acts on each by itself."""
    results = _results(kernel, [(EVERY, source)], target)
    return None if results is None else torch.from_numpy(results.astype(np.float32))


def _looked_up(values: Tensor, table: Tensor, source: Affine) -> Tensor:
    places = (values + (source.zero_point - QMIN)).to(torch.int32)
    return table.to(values.device).index_select(0, places.reshape(-1)).reshape(values.shape)


def _integers(values: Tensor, affine: Affine) -> I8:
    found: I8 = (values.detach() + affine.zero_point).to(torch.int8).cpu().numpy()
    return found


def _results(kernel: str, inputs: Sequence[tuple[I8, Affine]], target: Affine) -> I8 | None:
    tensors = tuple(_file_tensor(array, affine) for array, affine in inputs)
    operator = ReferenceOperator(kernel, tensors, (_file_tensor(inputs[0][0], target),), None)
    try:
        return np.asarray(KERNELS[kernel](operator, *(array for array, _ in inputs)), np.int8)
    except UnsupportedKernelError:
        return None


def _file_tensor(array: I8, affine: Affine) -> ReferenceTensor:
    return ReferenceTensor(
        name="value",
        shape=array.shape,
        dtype=array.dtype,
        scales=np.array([affine.scale], np.float32),
        zero_points=np.array([affine.zero_point], np.int64),
        axis=0,
        data=None,
    )
