"""The one temperature that makes the probability of a read text mean what it says.

As `pipeline.measure.temperature`, with the probability of a text (the sum over all paths that
write it, Graves et al. 2006) where that has the probability of a class.
"""

from math import exp, log

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from edge_agent.common.arrays import F32
from pipeline.measure.temperature import HIGHEST, LOWEST
from pipeline.tasks.ocr.ctc import ctc_losses


def fit_text_temperature(scores: F32, targets: NDArray[np.int64]) -> float:
    """The temperature for (N, T, K) scores and their (N, S) targets, in [0.05, 20].

    Targets are filled up with blanks. As Platt (1999) softened labels: that N texts were all
    read rightly speaks for a chance of error of 1 / (N + 2), not for certainty, so a text
    counts for 1 - 1 / (N + 2), and that it is anything else for the rest.
    """
    doubt = 1 / (len(scores) + 2)
    logits, wanted = torch.from_numpy(scores).double(), torch.from_numpy(targets)
    blank = scores.shape[2] - 1

    def loss(log_temperature: float) -> float:
        losses = ctc_losses(logits / exp(log_temperature), wanted, blank).double()
        # A text of probability 1 would make anything else impossible.
        other = torch.log(-torch.expm1(-losses.clamp(min=1e-12)))
        return float(((1 - doubt) * losses - doubt * other).mean())

    bounds = (log(LOWEST), log(HIGHEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-3})
    # Four digits are far below what the samples can tell apart, and read well.
    return round(float(exp(found.x)), 4)
