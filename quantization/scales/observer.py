"""`Observer`: the statistics of one value over all samples, in memory that does not grow."""

import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import F32
from quantization.errors import CalibrationError
from quantization.recipe import QuantRecipe
from quantization.scales.ranges import Range, of_least_divergence, of_least_error, squared_error

# A float32 without its lower 16 bits is a bfloat16. One histogram bin for each of them covers
# every float at a relative width of 1/128: an outlier costs no resolution, no bin ever moves.
BIN_BITS = 16
BINS = 2**16

# Values kept to measure the error of a range by: enough for a mean square, 256 KB.
KEPT = 2**16


class Observer:
    """One value's extremes and, as the recipe needs them, a histogram and a random sample."""

    def __init__(self, recipe: QuantRecipe) -> None:
        self._method = recipe.calibration
        self._extremes = Range(np.inf, -np.inf)
        self._tail = (100 - recipe.percentile) / 200  # on either side
        counted = self._method in ("percentile", "auto")
        self._counts = np.zeros(BINS, np.int64) if counted else None
        sampled = self._method in ("entropy", "mse", "auto")
        self._sample = _Sample() if sampled else None

    def update(self, name: str, array: F32) -> None:
        """See one more batch of a value.

        Raises:
            CalibrationError: if one of its elements is not finite.
        """
        seen = Range(float(array.min()), float(array.max()))  # NaN if any element is
        if not np.isfinite((seen.low, seen.high)).all():
            raise CalibrationError(f"value {name!r}: not finite when run on the samples")
        self._extremes |= seen
        flat = array.reshape(-1)
        if self._counts is not None:
            bins = (_in_order(flat.view(np.int32)) >> BIN_BITS) + BINS // 2
            self._counts += np.bincount(bins, minlength=BINS)
        if self._sample is not None:
            self._sample.update(flat)

    def range(self) -> Range:
        """The range by the recipe's method."""
        if self._method == "auto":
            return self._of_least_measured_error()
        if self._method == "percentile":
            return self._percentile()
        if self._sample is None:
            return self._extremes
        choose = of_least_error if self._method == "mse" else of_least_divergence
        return choose(self._sample.values, self._extremes)

    def _of_least_measured_error(self) -> Range:
        """Of the four methods' ranges the one with the least error, the widest first."""
        assert self._sample is not None, "auto samples"
        values = self._sample.values
        candidates = [
            self._extremes,
            self._percentile(),
            of_least_divergence(values, self._extremes),
            of_least_error(values, self._extremes),
        ]
        return min(candidates, key=lambda chosen: squared_error(values, chosen))

    def _percentile(self) -> Range:
        assert self._counts is not None, "percentile counts"
        upto = np.cumsum(self._counts)  # values in a bin or below it
        low = np.searchsorted(upto, upto[-1] * self._tail, side="right")
        high = np.searchsorted(upto, upto[-1] * (1 - self._tail), side="left")
        return Range(
            max(_edge(int(low), upper=False), self._extremes.low),
            min(_edge(int(high), upper=True), self._extremes.high),
        )


class _Sample:
    """Values drawn evenly from all that were seen: half are dropped whenever it is full."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)  # one seed: calibration repeats exactly
        self._share = 1.0
        self.values: F32 = np.empty(0, np.float32)

    def update(self, flat: F32) -> None:
        while self._share * flat.size > KEPT:
            self._halve()
        drawn = flat
        if self._share < 1:
            count = self._random.binomial(flat.size, self._share)
            drawn = flat[self._random.integers(0, flat.size, count)]
        self.values = np.concatenate((self.values, drawn))
        while len(self.values) > KEPT:
            self._halve()

    def _halve(self) -> None:
        self._share /= 2
        self.values = self.values[self._random.random(len(self.values)) < 0.5]


def _in_order(bits: NDArray[np.int32]) -> NDArray[np.int32]:
    """The bits of float32 values as integers in the floats' own order; its own inverse.

    Floats are sign and magnitude: flipping the magnitude of the negative ones sorts them.
    """
    ordered: NDArray[np.int32] = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return ordered


def _edge(index: int, *, upper: bool) -> float:
    """The lowest or highest float of a histogram bin."""
    first = (index - BINS // 2) << BIN_BITS
    bits = np.array([first + (2**BIN_BITS - 1 if upper else 0)], np.int32)
    return float(_in_order(bits).view(np.float32)[0])
