"""`Moments`: means and second moments of a layer's inputs, summed over samples."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import F32
from quantization.graph.graph import Shape
from quantization.remedies.layers import WeightedLayer

F64: TypeAlias = NDArray[np.float64]
Places: TypeAlias = tuple[NDArray[np.int64], ...]
"""The sample of each output and its place along each spatial axis, (P,) of each."""


class Moments:
    """Means and second moments of a layer's inputs x in float and xq on the int8 grid.

    A layer is G groups of O rows of weights (n,), each multiplied by patches (n,) of the input.

    Args:
        layer: Conv or Gemm.
        second: whether the second moments are wanted.
    """

    def __init__(self, layer: WeightedLayer, *, second: bool) -> None:
        self._layer = layer
        self._rows = layer.rows.astype(np.float32)
        groups, outputs, n = self._rows.shape
        self._count = 0
        self._mean, self._mean_off = np.zeros((groups, n)), np.zeros((groups, outputs))
        self._second = np.zeros((groups, n, n)) if second else None
        self._cross = np.zeros((groups, outputs, n)) if second else None

    def add(self, x: F32, xq: F32, at: Places) -> None:
        """See the inputs (N, C, ...) of some samples, at some of the layer's outputs."""
        real, seen = (patches(self._layer, array, at) for array in (x, xq))  # (G, P, n)
        off = (real - seen) @ self._rows.transpose(0, 2, 1)  # (G, P, O)
        self._count += seen.shape[1]
        self._mean += seen.sum(axis=1, dtype=np.float64)
        self._mean_off += off.sum(axis=1, dtype=np.float64)
        if self._second is not None and self._cross is not None:
            self._second += seen.transpose(0, 2, 1) @ seen
            self._cross += off.transpose(0, 2, 1) @ seen

    @property
    def has_second(self) -> bool:
        """Whether second moments were summed."""
        return self._second is not None

    @property
    def mean(self) -> F64:
        """E[xq], (G, n)."""
        return self._mean / self._count

    @property
    def mean_off(self) -> F64:
        """E[W (x - xq)], (G, O): what quantised inputs leave out."""
        return self._mean_off / self._count

    @property
    def second(self) -> F64:
        """E[xq xq'], (G, n, n)."""
        assert self._second is not None, "asked for"
        return self._second / self._count

    @property
    def cross(self) -> F64:
        """E[W (x - xq) xq'], (G, O, n)."""
        assert self._cross is not None, "asked for"
        return self._cross / self._count


def places(
    layer: WeightedLayer, output: Shape, batch: int, each: int, rng: np.random.Generator
) -> Places:
    """Outputs of a layer drawn at random, `each` of every sample; all if there are no more.

    Args:
        layer: Conv or Gemm.
        output: the shape of its output.
        batch: how many samples there are.
        each: how many to draw of each.
        rng: what draws.
    """
    spatial = output[2:]  # none of a Gemm's
    count = int(np.prod(spatial))
    if count <= each:
        chosen = np.tile(np.arange(count), batch)
    else:
        chosen = rng.integers(0, count, batch * each)
    samples = np.repeat(np.arange(batch), len(chosen) // batch)
    return (samples, *np.unravel_index(chosen, spatial)) if spatial else (samples,)


def patches(layer: WeightedLayer, x: F32, at: Places) -> F32:
    """The patches of the input that rows of weights are multiplied by: (G, P, n).

    Args:
        layer: Conv or Gemm.
        x: its input, (N, C, ...) or (N, K).
        at: the P outputs wanted.
    """
    if layer.node.op == "Gemm":
        return x[at[0]][None]
    node, kernel = layer.node, layer.weight.shape[2:]
    rank, ones = len(kernel), (1,) * len(kernel)
    strides, dilations = node.integers("strides", ones), node.integers("dilations", ones)
    pads = node.integers("pads", (0,) * 2 * rank)
    padded = np.pad(x, [(0, 0), (0, 0), *zip(pads[:rank], pads[rank:], strict=True)])
    index = [at[0].reshape(-1, *ones)]
    for axis, size in enumerate(kernel):
        taps = at[axis + 1][:, None] * strides[axis] + np.arange(size) * dilations[axis]  # (P, k)
        index.append(taps.reshape(-1, *(size if a == axis else 1 for a in range(rank))))
    cut = np.moveaxis(padded, 1, -1)[tuple(index)]  # (P, k, ..., C)
    cut = np.moveaxis(cut, -1, 1)  # (P, C, k, ...)
    grouped = cut.reshape(len(cut), layer.groups, -1)  # (P, G, n)
    return np.ascontiguousarray(grouped.transpose(1, 0, 2))
