"""`softmax`: scores to probabilities."""

from typing import TypeVar

import numpy as np

from edge_agent.common.arrays import F32, F64

Floats = TypeVar("Floats", F32, F64)


def softmax(scores: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities over the last axis; the maximum is subtracted so nothing overflows."""
    scaled = scores / scores.dtype.type(temperature)
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: Floats = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities
