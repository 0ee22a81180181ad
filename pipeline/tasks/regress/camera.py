"""What a camera makes of a drawn picture: light from one side, glare, blur and noise."""

import cv2
import numpy as np

from edge_agent.common.arrays import F32, U8

# Of all pictures so many have a reflection on the glass.
GLARE = 0.4


def seen(image: U8, rng: np.random.Generator) -> U8:
    """`image` as a camera sees it.

    Args:
        image: (H, W, 3) uint8 RGB.
        rng: decides how much of each there is.

    Returns:
        The same shape.
    """
    values = image.astype(np.float32) * _light(image.shape[0], image.shape[1], rng)[..., None]
    blur = float(rng.uniform(0, 0.012)) * image.shape[1]
    if blur > 0.3:
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), blur), np.float32)
    noise = rng.normal(0, rng.uniform(0, 8), values.shape).astype(np.float32)
    return np.asarray(np.clip(np.rint(values + noise), 0, 255), np.uint8)


def _light(height: int, width: int, rng: np.random.Generator) -> F32:
    """How bright each place is, (H, W): brighter on one side, and perhaps a reflection."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32) / max(height, width)
    across, down = rng.uniform(-0.35, 0.35, 2)
    light = rng.uniform(0.6, 1.1) + across * (columns - 0.5) + down * (rows - 0.5)
    if rng.random() < GLARE:
        x, y = rng.uniform(0.2, 0.8, 2)
        distance = (columns - x) ** 2 + (rows - y) ** 2
        light += rng.uniform(0.1, 0.5) * np.exp(-distance / 0.015)
    return np.asarray(light, np.float32)
