"""The range of a classifier's scores that keeps their softmax.

Only the differences between the largest scores matter: a score far below them has a softmax
of 0, wherever it lies. A range that covers every score seen gives most
of its 256 values to some image whose scores are extreme, and so few to the rest that the two
best classes of many images become equal.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import F32
from quantization.graph.graph import Graph
from quantization.scales.calibrate import Ranges
from quantization.scales.plan import ScaleGroup, scale_groups
from quantization.scales.probe import Probe
from quantization.scales.ranges import FRACTIONS, Range, affine_of

# So many rows of scores tell which range is best; memory holds no more.
MOST_ROWS = 4096
# The negative end may be cut to 0: in some networks every score that counts is above 0.
LOWS = (*FRACTIONS, 0.0)


@dataclass(frozen=True, eq=False)
class _Scores:
    """Rows of scores (N, K), and the logarithms of their softmax."""

    rows: F32
    logs: NDArray[np.float64]

    def divergence(self, chosen: Range) -> float:
        """The mean Kullback-Leibler divergence from the softmax of the rows to that in int8."""
        affine = affine_of(chosen)
        logs = _log_softmax(affine.dequantize(affine.quantize(self.rows)))
        return float((np.exp(self.logs) * (self.logs - logs)).sum(axis=1).mean())

    def best(self, candidates: Iterable[Range]) -> Range:
        """The candidate of least divergence; the first, where several have it."""
        return min(candidates, key=self.divergence)


def keep_softmax(
    graph: Graph, samples: Iterable[F32], ranges: Ranges, float_layers: Collection[str]
) -> Ranges:
    """The ranges, those of the outputs narrowed to what keeps their softmax.

    Both ends are narrowed together, then each by itself. An output whose scale is fixed, or
    that other layers of the network read, keeps its range.

    Args:
        graph: the folded network, whose outputs (1, ..., K) hold K scores.
        samples: float32 (N, ...), preprocessed as on the device.
        ranges: what calibration found over them.
        float_layers: layers that stay in float.
    """
    groups = [group for group in scale_groups(graph, float_layers) if _ends(graph, group, ranges)]
    if not groups:
        return ranges
    outputs = [next(v for v in group.values if v in graph.outputs) for group in groups]
    seen = _rows(graph, outputs, samples)
    values = dict(ranges.values)
    for group, output in zip(groups, outputs, strict=True):
        rows = seen[output]
        values |= dict.fromkeys(group.values, _drawn_in(_Scores(rows, _log_softmax(rows))))
    return msgspec.structs.replace(ranges, values=values)


def _ends(graph: Graph, group: ScaleGroup, ranges: Ranges) -> bool:
    """Whether a group is an output of scores that nobody else reads, with ranges of its own."""
    outputs = [value for value in group.values if value in graph.outputs]
    readers = (node for value in group.values for node in graph.consumers(value))
    return (
        bool(outputs)
        and group.fixed is None
        and graph.shapes[outputs[0]][-1] > 1
        and all(value in ranges.values for value in group.values)
        and all(node.output in group.values for node in readers)
    )


def _rows(graph: Graph, outputs: list[str], samples: Iterable[F32]) -> dict[str, F32]:
    """The scores (N, K) of each output, at most `MOST_ROWS`."""
    probe = Probe(graph, outputs)
    parts: dict[str, list[F32]] = {output: [] for output in outputs}
    for batch in probe.batches(samples):
        if min(sum(map(len, rows)) for rows in parts.values()) >= MOST_ROWS:
            break
        for output, array in probe.run(batch).items():
            if output in parts:
                parts[output].append(array.reshape(-1, array.shape[-1]).copy())
    return {output: np.concatenate(rows)[:MOST_ROWS] for output, rows in parts.items()}


def _drawn_in(scores: _Scores) -> Range:
    low, high = float(scores.rows.min()), float(scores.rows.max())
    best = scores.best(Range(low * f, high * f) for f in FRACTIONS)
    best = scores.best([best, *(Range(low * f, best.high) for f in LOWS)])
    return scores.best([best, *(Range(best.low, high * f) for f in FRACTIONS)])


def _log_softmax(rows: F32) -> NDArray[np.float64]:
    """Over the last axis, (N, K)."""
    shifted = rows.astype(np.float64) - rows.max(axis=1, keepdims=True)
    logs: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logs
