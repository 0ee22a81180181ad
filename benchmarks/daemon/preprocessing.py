"""The device's preprocessing beside a bare `cv2.resize` to the same size."""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Literal, TypeAlias

import cv2
import numpy as np

from edge_agent.bundle.affine import Affine
from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import FastPreprocessor
from edge_agent.common.arrays import U8

Interpolation: TypeAlias = Literal["linear", "area"]

FLAGS: dict[Interpolation, int] = {"linear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA}
# One mean and deviation for all channels, and those of ImageNet, which differ: each with the
# scale that a network's input gets from them.
NORMALISATIONS = {
    "one table": ((0.5,) * 3, (0.5,) * 3, Affine(2 / 255, -1)),
    "a table a channel": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), Affine(0.018658, -14)),
}


def preprocessing_ratios(
    side: int,
    frame: tuple[int, int],
    interpolation: Interpolation = "linear",
    tables: str = "one table",
    rounds: int = 15,
) -> list[float]:
    """Of each round, the time of preprocessing a BGR frame over that of resizing it.

    Args:
        side: of the network's input.
        frame: (width, height) of the camera's.
        interpolation: of both.
        tables: which of `NORMALISATIONS`.
        rounds: in each, both are timed in turns.
    """
    mean, std, affine = NORMALISATIONS[tables]
    spec = InputSpec(
        height=side, width=side, colour="rgb", interpolation=interpolation, mean=mean, std=std
    )
    prepare, image = FastPreprocessor(spec, affine), noise(frame)
    resize = partial(cv2.resize, image, (side, side), interpolation=FLAGS[interpolation])
    times = 20 if interpolation == "area" else 100
    ratios = []
    for _ in range(rounds):
        ours, bare = list[float](), list[float]()
        for _ in range(times):
            bare.append(seconds(resize))
            ours.append(seconds(lambda: prepare(image, "bgr")))
        ratios.append(statistics.median(ours) / statistics.median(bare))
    return ratios


def seconds(act: Callable[[], object]) -> float:
    """How long `act` takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def noise(frame: tuple[int, int]) -> U8:
    """A frame of (width, height); neither step looks at what is on it."""
    width, height = frame
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
