"""`Case`: a network in float and in int8, and samples for it: what the doctor examines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from edge_agent.bundle.metrics import Metrics
from edge_agent.common.arrays import F32
from pipeline.common.errors import DataError
from pipeline.common.progress import Progress
from pipeline.ladder.ladder import Ladder
from quantization.graph.graph import Graph
from quantization.recipe import QuantRecipe


@dataclass(frozen=True, eq=False)
class Case:
    """A network in float and in int8, and samples for it.

    Args:
        name: of the run, or of the file.
        folded: in float.
        qdq: in int8, as quantise/dequantise pairs.
        measured: float32 (N, ...): what to measure on.
        recipe: how it was quantised.
        calibration: of a file, all its samples, to try remedies with.
        brought: whether the file brought its scales.
        ladder: of a run, the ways to quantise it that were tried.
        metrics: of a run that was verified, what was measured on the test split.
        before: what the network in float is called: of a run `trained` or `pruned`.
        progress: told how far the examination is.
    """

    name: str
    folded: Graph
    qdq: Graph
    measured: F32
    recipe: QuantRecipe
    progress: Progress
    calibration: Iterable[F32] | None = None
    brought: bool = False
    ladder: Ladder | None = None
    metrics: Metrics | None = None
    before: str = "float"


def evenly(arrays: Iterable[F32], count: int) -> F32:
    """At most `count` samples, spread evenly over (N, ...) arrays; memory holds twice as many.

    Raises:
        DataError: there are none.
    """
    kept: list[F32] = []
    stride = 1
    for index, sample in enumerate(_singles(arrays)):
        if index % stride == 0:
            kept.append(sample)
        if len(kept) > 2 * count:
            kept, stride = kept[::2], 2 * stride
    if not kept:
        raise DataError("calibration: expected at least one sample, found none")
    return np.stack([kept[i] for i in spread(len(kept), count)])


def _singles(arrays: Iterable[F32]) -> Iterator[F32]:
    for array in arrays:
        yield from np.atleast_1d(array)


def spread(total: int, count: int) -> list[int]:
    """At most `count` of `total` places, evenly from the first on."""
    if total <= count:
        return list(range(total))
    return [place * total // count for place in range(count)]
