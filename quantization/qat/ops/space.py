"""Operators that trade channels for height and width, and resizing."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from edge_agent.common.arrays import F32
from quantization.lower.ops.sampling import onnx_places, onnx_rounded
from quantization.qat.registry import GridRule, NodeCall, Ratios, operator, refuse
from quantization.qat.rounding import Rounding
from quantization.qat.scaling import RESIZE_BITS


@operator("DepthToSpace", GridRule.MOVED)
def depth_to_space(call: NodeCall, x: Tensor) -> Tensor:
    """Channels as blocks of height and width, in the order that the mode says."""
    block = call.node.integer("blocksize", 1)
    if call.node.text("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, block)
    n, channels, height, width = x.shape
    left = channels // block**2
    parts = x.reshape(n, block, block, left, height, width).permute(0, 3, 4, 1, 5, 2)
    return parts.reshape(n, left, height * block, width * block)


@operator("SpaceToDepth", GridRule.MOVED)
def space_to_depth(call: NodeCall, x: Tensor) -> Tensor:
    """Blocks of height and width as channels, the place in the block before the channel."""
    block = call.node.integer("blocksize", 1)
    n, channels, height, width = x.shape
    parts = x.reshape(n, channels, height // block, block, width // block, block)
    made = (n, channels * block**2, height // block, width // block)
    return parts.permute(0, 3, 5, 1, 2, 4).reshape(made)


@operator("Resize", GridRule.SCALED, Rounding.UP)
def resize(call: NodeCall, x: Tensor, ratios: Ratios | None = None) -> Tensor:
    """Height and width by other numbers of elements: a matrix for each of the two axes.

    Its output has its input's scale, so that the one ratio is 1.
    """
    bits = None if ratios is None else RESIZE_BITS
    across, down = (torch.from_numpy(_weights(call, axis, bits)).to(x) for axis in (3, 2))
    return down @ (x @ across.T)  # (H', H) @ (N, C, H, W) @ (W, W')


def _weights(call: NodeCall, axis: int, bits: int | None) -> F32:
    """What each element after (rows) takes from each before (columns), in some bits."""
    node, before, after = call.node, call.before[axis], call.after[axis]
    mode = node.text("mode", "nearest")
    transform = node.text("coordinate_transformation_mode", "half_pixel")
    given = call.parameter(2)
    scale = after / before if given is None or not given.size else float(given[axis])
    places = onnx_places(transform, before, after, scale)
    if len(call.before) != 4 or mode not in ("nearest", "linear") or places is None:
        refuse(node, f"with mode {mode!r} and coordinates {transform!r} cannot be trained")
    if mode == "nearest":
        places = onnx_rounded(places, node.text("nearest_mode", "round_prefer_floor"))
    places = np.clip(places, 0, before - 1)
    first, rows = np.floor(places).astype(np.int64), np.arange(after)
    share = places - first if bits is None else np.rint((places - first) * 2**bits) / 2**bits
    matrix = np.zeros((after, before), np.float32)
    matrix[rows, first] = 1 - share
    matrix[rows, np.minimum(first + 1, before - 1)] += share
    return matrix
