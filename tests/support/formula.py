"""Pictures and weights made by formulas, so that an original far away can be given the same.

Of the weights each tensor depends on its name and shape alone; numpy promises that a `RandomState`
draws the same for ever.
"""

import zlib

import numpy as np

from edge_agent.common.arrays import F32


def picture(side: int) -> F32:
    """Waves in three colours, normalised: (1, 3, side, side), about from -2 to 2."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float64) / side
    planes = [np.sin(7 * x + 3 * y + c) + np.cos(11 * x * y - c) for c in range(3)]
    return np.stack(planes).astype(np.float32)[None]


def tensor(name: str, shape: tuple[int, ...]) -> F32:
    """A tensor of that name: weights as He draws them, a norm's own near 1 and 0."""
    drawn = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    last = name.rpartition(".")[2]
    if last == "running_var":
        drawn = 1 + 0.5 * np.abs(drawn)
    elif last == "weight" and len(shape) == 1:
        drawn = 1 + 0.1 * drawn
    elif last == "weight":
        drawn *= np.sqrt(2 / np.prod(shape[1:]))
    else:
        drawn *= 0.1
    return drawn.astype(np.float32)
