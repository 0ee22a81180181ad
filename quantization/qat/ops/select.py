"""Operators that put values together or take some of them out."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from quantization.qat.registry import GridRule, NodeCall, operator, refuse


@operator("Concat", GridRule.MOVED)
def concat(call: NodeCall, *tensors: Tensor) -> Tensor:
    """The inputs one behind the other along an axis."""
    return torch.cat(tensors, call.node.integer("axis", 0))


# Its constant is a real number.
@operator("Pad", GridRule.REAL)
def pad(call: NodeCall, x: Tensor) -> Tensor:
    """A border of one value, or of what is mirrored at the edge."""
    given, fill, axes = (call.parameter(i) for i in (1, 2, 3))
    mode = call.node.text("mode", "constant")
    if given is None or mode not in ("constant", "reflect"):
        refuse(call.node, f"with mode {mode!r}, or with computed pads, cannot be trained")
    pads = np.zeros((x.ndim, 2), np.int64)
    pads[np.arange(x.ndim) if axes is None else axes] = given.reshape(2, -1).T
    if mode == "constant":
        backwards = pads[::-1].reshape(-1).tolist()  # torch names the last axis first
        return F.pad(x, backwards, value=0.0 if fill is None else float(fill.item()))
    for axis, (begin, end) in enumerate(pads.tolist()):
        if begin or end:
            # Each place as far inside the edge as it lies outside: 2 1 | 0 1 2 3 | 2 1.
            places = np.pad(np.arange(x.shape[axis]), (begin, end), mode="reflect")
            x = x.index_select(axis, torch.from_numpy(places).to(x.device))
    return x


@operator("Slice", GridRule.MOVED)
def slice_(call: NodeCall, x: Tensor) -> Tensor:
    """Some of the elements along some axes, in their order."""
    starts, ends, axes, steps = (call.parameter(i) for i in (1, 2, 3, 4))
    if starts is None or ends is None:
        refuse(call.node, "with computed bounds cannot be trained")
    chosen = [slice(None)] * x.ndim
    for index, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        axis = index if axes is None else int(axes[index])
        step = 1 if steps is None else int(steps[index])
        if step < 1:
            refuse(call.node, "with steps backwards cannot be trained")
        chosen[axis] = slice(start, end, step)
    return x[tuple(chosen)]


@operator("Gather", GridRule.MOVED)
def gather(call: NodeCall, x: Tensor) -> Tensor:
    """The elements at constant places along an axis; a single place drops the axis."""
    indices, axis = call.parameter(1), call.node.integer("axis", 0)
    if indices is None or indices.ndim > 1:
        refuse(call.node, "cannot be trained except by a constant index or a list of them")
    if indices.ndim == 0:
        return x.select(axis, int(indices))
    places = np.where(indices < 0, indices + x.shape[axis], indices).astype(np.int64)
    return x.index_select(axis, torch.from_numpy(places).to(x.device))
