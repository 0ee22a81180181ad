"""How long one inference takes: measured alike for every network of the report's ladder."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from edge_agent.common.arrays import U8
from pipeline.data.base import ImageSequence

Input = TypeVar("Input")

# Over so many different images, in turn: one alone could be a lucky one for the caches.
IMAGES = 20
RUNS = 200


def median_ms(infer: Callable[[Input], object], inputs: Sequence[Input]) -> float:
    """Median milliseconds of `RUNS` calls of `infer`, over `inputs` in turn.

    Args:
        infer: one inference and nothing else.
        inputs: at least one, preprocessed already: what is compared is the network.
    """
    infer(inputs[0])  # the first inference pays for warming the caches
    seconds = []
    for number in range(RUNS):
        x = inputs[number % len(inputs)]
        start = time.perf_counter()
        infer(x)
        seconds.append(time.perf_counter() - start)
    return 1000 * float(np.median(seconds))


def first_images(images: ImageSequence) -> Iterator[U8]:
    """Those of `images` to measure on."""
    return (images[number] for number in range(min(IMAGES, len(images))))
