"""Resizing a feature map: RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR; one scale throughout."""

import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import I8
from quantization.graph.graph import Array
from quantization.reference.fixed_point import I64
from quantization.reference.kernels.output import round_half_away
from quantization.reference.model import ReferenceOperator
from quantization.reference.registry import kernel, require_int8

BITS = 10  # of fraction that a coordinate has in RESIZE_BILINEAR


@kernel("RESIZE_NEAREST_NEIGHBOR")
def resize_nearest_neighbor(operator: ReferenceOperator, x: Array, size: Array) -> Array:
    """X (N, H, W, C) to `size` (2,): each output takes one input, found in float32."""
    rows, columns = (_nearest(operator, x.shape[1 + i], int(size[i])) for i in range(2))
    return x[:, rows][:, :, columns]


def _nearest(operator: ReferenceOperator, inputs: int, outputs: int) -> NDArray[np.int64]:
    """For each output along an axis, the input it takes."""
    corners, half = operator.options.alignCorners, operator.options.halfPixelCenters
    if corners and outputs > 1:
        scale = np.float32(inputs - 1) / np.float32(outputs - 1)
    else:
        scale = np.float32(inputs) / np.float32(outputs)
    place = (np.arange(outputs, dtype=np.float32) + np.float32(0.5 if half else 0)) * scale
    chosen = round_half_away(place) if corners else np.floor(place)
    return np.clip(chosen.astype(np.int64), 0, inputs - 1)


@kernel("RESIZE_BILINEAR")
def resize_bilinear(operator: ReferenceOperator, x: I8, size: Array) -> I8:
    """X (N, H, W, C) to `size` (2,), in fixed point with 10 bits of fraction per axis."""
    require_int8(operator, 0)
    top, bottom, down = _between(operator, x.shape[1], int(size[0]))
    left, right, across = _between(operator, x.shape[2], int(size[1]))
    down, across = down[:, None, None], across[:, None]
    value = x.astype(np.int64)
    one = 1 << BITS

    def corner(rows: I64, columns: I64) -> I64:
        found: I64 = value[:, rows][:, :, columns]
        return found

    total = (
        corner(top, left) * (one - down) * (one - across)
        + corner(bottom, left) * down * (one - across)
        + corner(top, right) * (one - down) * across
        + corner(bottom, right) * down * across
    )
    # Half away from 0; a total of 0 gives 0 either way.
    result: I8 = (np.sign(total) * ((np.abs(total) + (1 << 19)) >> 20)).astype(np.int8)
    return result


def _between(operator: ReferenceOperator, inputs: int, outputs: int) -> tuple[I64, I64, I64]:
    """For each output along an axis: the inputs before and after it, and how far it is on."""
    one = 1 << BITS
    step = (one * inputs + outputs // 2) // outputs
    if operator.options.alignCorners and outputs > 1:
        step = (one * (inputs - 1) + (outputs - 1) // 2) // (outputs - 1)
    place = np.arange(outputs) * step
    if operator.options.halfPixelCenters:
        place = place + step // 2 - one // 2
    before = np.maximum(np.sign(place) * (np.abs(place) // one), 0)
    after = np.minimum(np.sign(place + one - 1) * (np.abs(place + one - 1) // one), inputs - 1)
    return before, after, place - one * before
