"""How sure a mean is: the percentile bootstrap of Efron and Tibshirani (1993, chapter 13)."""

import numpy as np

from edge_agent.common.arrays import F64

RESAMPLES = 2000
# Resamples drawn at once: some megabytes of numbers, whatever the size of a split.
_NUMBERS = 2_000_000


def mean_interval(errors: F64, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the mean of `errors`, (N,): the same figures every time.

    Each of 2,000 resamples draws N of the errors with replacement; 95 % of their means lie
    between the two ends. It takes the errors to be independent, so pictures of one moment make
    it too narrow.

    Raises:
        ValueError: there are no errors.
    """
    count = len(errors)
    if count < 1:
        raise ValueError(f"errors: expected at least 1, found {count}")
    rng = np.random.default_rng(seed)
    size = max(1, _NUMBERS // count)
    means = [
        errors[rng.integers(0, count, (min(size, RESAMPLES - start), count))].mean(axis=1)
        for start in range(0, RESAMPLES, size)
    ]
    low, high = np.percentile(np.concatenate(means), (2.5, 97.5))
    return float(low), float(high)
