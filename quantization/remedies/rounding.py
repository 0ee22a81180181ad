"""Learned rounding: each weight up or down, so that a layer's output differs least.

After Nagel, Amjad, van Baalen, Louizos and Blankevoort, "Up or Down? Adaptive Rounding for
Post-Training Quantization" (arXiv:2004.10568). Rounding to nearest makes each weight's error
small; the error of their sum is smaller if neighbours err against each other. For a row w of
weights, its rounding wq, inputs x in float and xq in int8,

    E[(w x - wq xq)^2] = d E[xq xq'] d' - 2 d E[xq (x - xq)'] w' + constant,  d = wq - w,

which is the paper's equation 13, a binary quadratic problem, with the term that quantised
inputs add. The paper relaxes it and follows a gradient. Here each weight in turn takes the
better of its two values, for all rows at once, until none changes: without torch, a learning
rate or a number of steps to choose, and the same result every time.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

F64: TypeAlias = NDArray[np.float64]

WEIGHT_MAX = 127
# Weights that are decided one after the other before all others are told, by one product of
# matrices.
BLOCK = 64
# A change that gains less than this share of what it costs by itself is rounding noise.
GAIN = 1e-9
# Real layers settle within 20 sweeps; the bound is for numbers that rounding noise never settles.
SWEEPS = 100


def learned(rows: F64, scales: F64, second: F64, cross: F64) -> F64:
    """The integers of weights, each its exact one rounded up or down.

    Args:
        rows: the weights, (G, O, n).
        scales: of their rows, (G, O, 1).
        second: E[xq xq'], (G, n, n).
        cross: E[w (x - xq) xq'], (G, O, n).

    Returns:
        (G, O, n) in [-127, 127], of an objective no higher than rounding to nearest gives.
    """
    exact = np.clip(rows / scales, -WEIGHT_MAX, WEIGHT_MAX)
    low, high = np.floor(exact), np.ceil(exact)
    q = np.rint(exact)
    own = np.einsum("gii->gi", second)
    gradient = (q * scales - rows) @ second - cross  # half of it
    for _ in range(SWEEPS):
        changed = False
        for start in range(0, rows.shape[2], BLOCK):
            block = slice(start, start + BLOCK)
            before = q[..., block].copy()
            _settle(
                q[..., block],
                (low + high)[..., block],
                scales[..., 0],
                gradient[..., block].copy(),
                second[:, block, block],
                own[:, block],
            )
            moved = (q[..., block] - before) * scales
            if moved.any():
                changed = True
                gradient += moved @ second[:, block]
        if not changed:
            break
    return q


def _settle(q: F64, both: F64, scales: F64, gradient: F64, second: F64, own: F64) -> None:
    """Go once through the weights of a block and give each the better of its values, in place.

    Args:
        q: the integers, (G, O, b).
        both: the sum of each one's two values: less the one it has, it is the other.
        scales: of the rows, (G, O).
        gradient: half the objective's by each weight, (G, O, b); kept up to date.
        second: of the block, (G, b, b).
        own: its diagonal, (G, b).
    """
    for j in range(q.shape[2]):
        step = (both[..., j] - 2 * q[..., j]) * scales  # (G, O)
        cost = step * step * own[:, None, j]
        step[2 * step * gradient[..., j] + cost >= -GAIN * cost] = 0
        if step.any():
            q[..., j] += np.rint(step / scales)
            gradient += step[..., None] * second[:, None, j]


def objective(q: F64, rows: F64, scales: F64, second: F64, cross: F64) -> F64:
    """What rounding weights to q adds to the mean square error of each row's output, (G, O)."""
    off = q * scales - rows
    return np.asarray((off * (off @ second - 2 * cross)).sum(axis=2))
