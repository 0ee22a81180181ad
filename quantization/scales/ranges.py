"""Ranges: what int8 has to cover, and the ways to choose one from the values that were seen."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.affine import QMAX, QMIN, Affine
from edge_agent.common.arrays import F32

# Fractions of the extremes that are tried as the end of a range.
FRACTIONS: tuple[float, ...] = tuple(np.linspace(1.0, 0.05, 39).tolist())
# Histogram bins of the entropy method, and levels of int8 (Migacz, "8-bit inference with
# TensorRT", 2017, which uses 2048 and, without a sign, 128).
ENTROPY_BINS = 2048
LEVELS = 256


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The real interval [low, high] that int8 has to cover."""

    low: float
    high: float

    def __or__(self, other: "Range") -> "Range":
        """The smallest range that covers both."""
        return Range(min(self.low, other.low), max(self.high, other.high))


def affine_of(*seen: Range) -> Affine:
    """The scale and zero point that spread int8 over ranges and over 0.

    Real 0 gets an int8 value of its own, so that padding and ReLU are exact. A range that
    is 0 throughout, or too narrow for a float32 scale, is taken for [0, 1]: its values are
    0 at any scale, and a scale of 0 would be none.
    """
    low = min(0.0, *(r.low for r in seen))
    high = max(0.0, *(r.high for r in seen))
    scale = float(np.float32((high - low) / (QMAX - QMIN)))
    if scale < np.finfo(np.float32).tiny:
        low, scale = 0.0, float(np.float32(1 / (QMAX - QMIN)))
    return Affine(scale, int(np.clip(round(QMIN - low / scale), QMIN, QMAX)))


def squared_error(values: F32, chosen: Range) -> float:
    """The mean square of what int8 over a range adds to values (N,)."""
    affine = affine_of(chosen)
    off = affine.dequantize(affine.quantize(values)) - values
    return float(np.square(off.astype(np.float64)).mean())


def of_least_error(values: F32, extremes: Range) -> Range:
    """The range with the least square error: both ends drawn in together, then each by itself."""
    best = _best(values, [Range(extremes.low * f, extremes.high * f) for f in FRACTIONS])
    best = _best(values, [best, *(Range(best.low, extremes.high * f) for f in FRACTIONS)])
    return _best(values, [best, *(Range(extremes.low * f, best.high) for f in FRACTIONS)])


def of_least_divergence(values: F32, extremes: Range) -> Range:
    """The range whose int8 values are distributed most like the values themselves.

    The Kullback-Leibler divergence from the clipped histogram to its version of 256 levels.
    Zeros are left out: int8 has a value for them in any range, and after a ReLU they would
    outweigh all others.
    """
    values = values[values != 0]
    if not extremes.low < extremes.high or not values.size:
        return extremes
    counts, edges = np.histogram(values, ENTROPY_BINS, (extremes.low, extremes.high))
    tried = [_drawn_in(counts, edges, fraction) for fraction in FRACTIONS]
    divergences = [_divergence(counts[a:b], counts[:a].sum(), counts[b:].sum()) for a, b in tried]
    first, last = tried[int(np.argmin(divergences))]
    return Range(float(edges[first]), float(edges[last]))


def _best(values: F32, candidates: list[Range]) -> Range:
    """The candidate with the least error; the first, where several have it."""
    return min(candidates, key=lambda chosen: squared_error(values, chosen))


def _drawn_in(
    counts: NDArray[np.int64], edges: NDArray[np.float64], fraction: float
) -> tuple[int, int]:
    """The bins inside a fraction of the extremes, at least one level each."""
    first = int(np.searchsorted(edges, min(edges[0] * fraction, 0.0), side="right")) - 1
    last = int(np.searchsorted(edges, max(edges[-1] * fraction, 0.0), side="left"))
    first, last = max(first, 0), min(last, len(counts))
    return (0, len(counts)) if last - first < LEVELS else (first, last)


def _divergence(inside: NDArray[np.int64], below: int, above: int) -> float:
    """From a clipped histogram, whose ends hold what was cut off, to its 256 levels."""
    reference = inside.astype(np.float64)
    reference[0] += below
    reference[-1] += above
    level = np.arange(len(inside)) * LEVELS // len(inside)
    totals = np.bincount(level, inside, LEVELS)
    filled = np.bincount(level, inside > 0, LEVELS)
    spread = np.divide(totals, filled, out=np.zeros(LEVELS), where=filled > 0)
    levelled = np.where(inside > 0, spread[level], 0.0)
    # What was cut off may lie where nothing else does: one count keeps the divergence finite.
    p, q = (
        reference / reference.sum(),
        (levelled + (reference > 0)) / (levelled.sum() + np.count_nonzero(reference)),
    )
    seen = p > 0
    # A sample differs from its levels by chance alone, and the more so the more bins it fills
    # (Miller, 1955): without this, fewer bins would always look better.
    chance = max(np.count_nonzero(seen) - np.count_nonzero(filled), 0) / (2 * reference.sum())
    return float((p[seen] * np.log(p[seen] / q[seen])).sum() - chance)
