"""What cameras and light do to a picture of a text; grey float32 in, the same out.

Every function takes how strong it may be, in [0, 1], and leaves most pictures it is not
meant for alone: the shares below were chosen by looking at the pictures beside real ones.
"""

from functools import lru_cache
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import F32, U8
from pipeline.tasks.ocr.drawing.textures import Textures

_BLOB = 64


def relight(image: F32, strength: float, rng: Random) -> F32:
    """Uneven light: brighter to one side, and half as often one bright reflection."""
    height, width = image.shape
    if rng.random() < 0.6:
        slope_x, slope_y = rng.uniform(-0.4, 0.4) * strength, rng.uniform(-0.25, 0.25) * strength
        across = np.linspace(1 - slope_x, 1 + slope_x, width, dtype=np.float32)
        down = np.linspace(-slope_y, slope_y, height, dtype=np.float32)[:, np.newaxis]
        image = image * (across + down)
    if rng.random() < 0.2 * strength:
        image = _glare(image, rng)
    return image


def reflect(image: F32, rng: Random) -> F32:
    """What a pane mirrors, one to three things: bright surfaces, scratches, sparks of a lamp."""
    height, width = image.shape
    light = np.zeros(image.shape, np.float32)
    for _ in range(rng.randint(1, 3)):
        strong = rng.uniform(8, 70)
        match rng.choice(("surface", "surface", "surface", "scratch", "spark")):
            case "surface":
                cv2.fillConvexPoly(light, _slab(height, width, rng), (strong,), cv2.LINE_AA)
            case "scratch":
                line = _scratch(height, width, 0.6, rng)
                cv2.polylines(light, [line], False, (strong,), 1, cv2.LINE_AA)
            case _:
                line = _scratch(height, width, 0.12, rng)
                thick = rng.randint(1, 3)
                cv2.polylines(light, [line], False, (strong * 2.5,), thick, cv2.LINE_AA)
    if rng.random() < 0.7:
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), rng.uniform(0.4, 3.0)), np.float32)
    # Most mirror something bright, a scratch may be dark.
    return image + light if rng.random() < 0.85 else image - light


def blur(image: F32, strength: float, rng: Random) -> F32:
    """Out of focus, moved, or photographed with too few pixels."""
    draw = rng.random()
    if draw < 0.35 * strength:
        sigma = rng.uniform(0.3, 1.4)
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)
    if draw < 0.5 * strength:
        return np.asarray(cv2.filter2D(image, -1, _streak(rng.randint(2, 5), rng.randrange(8))))
    if draw < 0.8 * strength:
        return _coarse(image, rng)
    return image


def expose(image: F32, strength: float, textures: Textures, rng: Random) -> U8:
    """Through a noisy sensor and, four times in ten, a JPEG: (H, W) uint8."""
    if rng.random() < 0.7:
        noise = textures.noise(rng, *image.shape)
        image = image + noise * np.float32(rng.uniform(0, 12) * strength)
    exposed = np.clip(image, 0, 255).astype(np.uint8)
    if rng.random() < 0.5 * strength:
        exposed = _through_jpeg(exposed, rng.randint(20, 90))
    return exposed


def _slab(height: int, width: int, rng: Random) -> NDArray[np.int32]:
    """The corners of a window, a lamp, a sleeve: a slanting piece from 0.2 to 2 heights wide."""
    wide, lean = rng.uniform(0.2, 2.0) * height, rng.uniform(-1.0, 1.0) * height
    left, top = rng.uniform(-0.5 * wide, width), rng.uniform(-1.0, 0.6) * height
    bottom = top + rng.uniform(0.3, 2.0) * height
    corners = [(left + lean, top), (left + lean + wide, top), (left + wide, bottom), (left, bottom)]
    return np.rint(corners).astype(np.int32)


def _scratch(height: int, width: int, reach: float, rng: Random) -> NDArray[np.int32]:
    """A line of five points that wander; from one to the next at most `reach` heights."""
    x, y = rng.uniform(0, width), rng.uniform(0, height)
    points = [(x, y)]
    for _ in range(4):
        x += rng.uniform(-reach, reach) * height
        y += rng.uniform(-reach, reach) * height
        points.append((x, y))
    return np.rint(points).astype(np.int32)


def _glare(image: F32, rng: Random) -> F32:
    """A lamp's reflection: an ellipse that washes out what it lies on."""
    height, width = image.shape
    tall, wide = rng.uniform(0.3, 1.5) * height, rng.uniform(0.3, 2.5) * height
    centre_x, centre_y = rng.uniform(0, width), rng.uniform(0, height)
    matrix = np.array(
        [
            [wide / _BLOB, 0, centre_x - wide / 2],
            [rng.uniform(-0.3, 0.3), tall / _BLOB, centre_y - tall / 2],
        ]
    )
    blob = cv2.warpAffine(_blob(), matrix, (width, height)) * np.float32(rng.uniform(0.3, 0.9))
    return np.asarray(image + (255 - image) * blob, np.float32)


@lru_cache(1)
def _blob() -> F32:
    """A spot that fades towards its rim, (64, 64) in [0, 1]."""
    y, x = np.mgrid[-1 : 1 : _BLOB * 1j, -1 : 1 : _BLOB * 1j].astype(np.float32)
    return np.asarray(np.clip(1.4 - 1.4 * np.hypot(x, y), 0, 1), np.float32)


@lru_cache(64)
def _streak(length: int, eighth: int) -> F32:
    """The kernel of a move of `length` pixels in the direction of `eighth` / 8 of a half turn."""
    size = 2 * length + 1
    kernel = np.zeros((size, size), np.float32)
    angle = np.pi * eighth / 8
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    start, end = ((length + side * reach).round().astype(int).tolist() for side in (-1, 1))
    cv2.line(kernel, start, end, (1.0,), 1, cv2.LINE_AA)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _coarse(image: F32, rng: Random) -> F32:
    """Made from fewer pixels than it has."""
    height, width = image.shape
    share = rng.uniform(0.4, 0.85)
    small = (max(2, round(width * share)), max(2, round(height * share)))
    coarse = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    back = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=back), np.float32)


def _through_jpeg(image: U8, quality: int) -> U8:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
