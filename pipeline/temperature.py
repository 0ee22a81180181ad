"""Temperature scaling: one number that makes the confidence mean what it says.

Guo et al. (2017), "On Calibration of Modern Neural Networks", section 4.2: divide the
scores by the temperature that minimises the negative log-likelihood on validation data.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from edge_agent.arrays import F32

# A temperature outside this range means the network has learned nothing, or its scores are
# separated on so few samples that the likelihood has no minimum; both end at the bound.
LOWEST, HIGHEST = 0.05, 20.0


def fit_temperature(scores: F32, labels: NDArray[np.int64]) -> float:
    """The temperature for (N, K) scores and their (N,) labels, in [0.05, 20]."""

    def loss(log_temperature: float) -> float:
        scaled = scores.astype(np.float64) / np.exp(log_temperature)
        rows = np.arange(len(labels))
        return float(-log_softmax(scaled, axis=1)[rows, labels].mean())

    bounds = (np.log(LOWEST), np.log(HIGHEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded")
    # Four digits are far below what the samples can tell apart, and read well.
    return round(float(np.exp(found.x)), 4)
