"""Reductions over axes."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from quantization.qat.registry import Call, Grid, operator


@operator("ReduceMean", Grid.LINEAR)
def reduce_mean(call: Call, x: Tensor) -> Tensor:
    """The mean."""
    return x.mean(_axes(call), keepdim=_kept(call))


@operator("ReduceMax", Grid.MOVED)
def reduce_max(call: Call, x: Tensor) -> Tensor:
    """The largest value."""
    return x.amax(_axes(call), keepdim=_kept(call))


def _axes(call: Call) -> tuple[int, ...]:
    """An attribute in older opsets, an input since; none given are all."""
    given = call.parameter(1)
    axes: Sequence[Any] = call.node.integers("axes", ()) if given is None else given.tolist()
    return tuple(int(a) for a in axes) or tuple(range(len(call.before)))


def _kept(call: Call) -> bool:
    return bool(call.node.integer("keepdims", 1))
