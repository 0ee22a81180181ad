"""Temperature scaling: one number that makes the confidence mean what it says.

Guo et al. (2017), "On Calibration of Modern Neural Networks", section 4.2: divide the
scores by the temperature that minimises the negative log-likelihood on validation data.
The labels are softened as Platt (1999) did for the same purpose: a split of N images with
no mistake among them speaks for a chance of error of 1 / (N + 2), not for certainty.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from edge_agent.common.arrays import F32

# A temperature outside this range means the network has learned nothing.
LOWEST, HIGHEST = 0.05, 20.0


def fit_temperature(scores: F32, labels: NDArray[np.int64]) -> float:
    """The temperature for (N, K) scores and their (N,) labels, in [0.05, 20]."""
    samples, classes = scores.shape
    doubt = 1 / (samples + 2)
    targets = np.full((samples, classes), doubt / (classes - 1))
    targets[np.arange(samples), labels] = 1 - doubt

    def loss(log_temperature: float) -> float:
        scaled = scores.astype(np.float64) / np.exp(log_temperature)
        return float(-(targets * log_softmax(scaled, axis=1)).sum() / samples)

    bounds = (np.log(LOWEST), np.log(HIGHEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded")
    # Four digits are far below what the samples can tell apart, and read well.
    return round(float(np.exp(found.x)), 4)
