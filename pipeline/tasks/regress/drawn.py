"""`gauges`: pictures of needle gauges, each of another look, drawn once and held."""

import numpy as np

from edge_agent.common.arrays import U8
from edge_agent.tasks.regress.spec import Quantity
from pipeline.common.progress import SILENT, Progress
from pipeline.data.pool import digest
from pipeline.tasks.regress.camera import seen
from pipeline.tasks.regress.dataset import ValuePool, ValueSource, ValueSplit
from pipeline.tasks.regress.gauges import draw_gauge, random_look

# Of the readings so many are at one of the ends, where needles rest.
AT_REST = 0.05


def draw_gauges(
    quantity: Quantity, count: int, side: int, seed: int, progress: Progress = SILENT
) -> ValueSource:
    """`count` gauges that no two pictures share, to be divided into splits.

    No look is drawn twice, so what is held out shows gauges that training never saw. What is
    measured on them holds for drawn gauges: photographs of one's own are the better measure.

    Args:
        quantity: what the needle points at.
        count: how many pictures.
        side: of each picture, in pixels.
        seed: of looks, readings and light; a picture depends on it and its number alone.
        progress: sees one task, which counts them.
    """
    images: list[U8] = []
    values = np.empty((count, 1))
    with progress.task(f"draw {count} gauges", count) as task:
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            share = reading(rng)
            values[number] = value = quantity.value(share)
            images.append(seen(draw_gauge(random_look(rng), quantity.share(value), side), rng))
            task.advance()
    names = tuple(f"{number:06}" for number in range(count))
    split = ValueSplit(tuple(images), values, names, names)
    return ValueSource("gauges", ValuePool(split, tuple(map(digest, images))))


def reading(rng: np.random.Generator) -> float:
    """Where a needle stands: anywhere on its scale, and now and then at an end."""
    if rng.random() < AT_REST:
        return float(rng.integers(0, 2))
    return float(rng.uniform())
