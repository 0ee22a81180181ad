"""Reductions over axes."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from quantization.qat.registry import GridRule, NodeCall, operator


@operator("ReduceMean", GridRule.LINEAR)
def reduce_mean(call: NodeCall, x: Tensor) -> Tensor:
    """The mean."""
    return x.mean(_axes(call), keepdim=_kept(call))


@operator("ReduceMax", GridRule.MOVED)
def reduce_max(call: NodeCall, x: Tensor) -> Tensor:
    """The largest value."""
    return x.amax(_axes(call), keepdim=_kept(call))


def _axes(call: NodeCall) -> tuple[int, ...]:
    """An attribute in older opsets, an input since; none given are all."""
    given = call.parameter(1)
    axes: Sequence[Any] = call.node.integers("axes", ()) if given is None else given.tolist()
    return tuple(int(a) for a in axes) or tuple(range(len(call.before)))


def _kept(call: NodeCall) -> bool:
    return bool(call.node.integer("keepdims", 1))
