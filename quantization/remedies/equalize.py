"""Cross-layer equalisation: an equal float network whose channels have like ranges.

After Nagel, van Baalen, Blankevoort and Welling, "Data-Free Quantization Through Weight
Equalization and Bias Correction" (arXiv:1906.04721), section 4.1, with two differences.
Convolutions here have a weight scale for each output channel, so what suffers from unlike
channels is the value between two layers, which has one scale for all of them; its ranges are
observed over samples and stand where the paper has those of the first layer's weights. And
channels are scaled wherever that leaves the function as it is (see `ties`), through residual
additions, concatenations and poolings, not only between two neighbours.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import F32
from quantization.graph.graph import Array, Graph, without_unread
from quantization.operators.activation import bounds
from quantization.operators.rules import Weights
from quantization.operators.table import find
from quantization.remedies.layers import WeightedLayer, weighted_layers, with_weights
from quantization.remedies.ties import PINNED, ChannelTies, Knobs, tie_channels
from quantization.scales.plan import int8_values, scale_groups
from quantization.scales.probe import Probe

F64 = NDArray[np.float64]

# No channel counts as smaller than this share of its value's range: it was a quarter of a
# quantum there, and what the samples showed of it may not be all it can do.
SMALLEST = 2.0**-10
# The scales of a channel depend on those of its neighbours: they are found anew until none
# changes by more than this share, or so many times.
SETTLED = 0.01
ROUNDS = 10


@dataclass(frozen=True)
class Extremes:
    """The lowest and the highest that was seen of each channel, shaped like its knobs."""

    low: F64
    high: F64


def equalize(graph: Graph, samples: Iterable[F32]) -> Graph:
    """Scale channels to like ranges, and the weights that read them back.

    For a channel whose largest observed magnitude is the share r of its value's range, and
    whose weights are the share w of the largest beside them in some row of a layer that
    reads it, the scale is

        s = r                 if every reader is depthwise: its rows see one channel each, so
                              their own scales make up for any s;
        s = sqrt(r / w)       else: equation 11 of the paper, which makes the channel's share of
                              the value equal to its share of the weights, sqrt(r * w).

    Args:
        graph: as `fold_graph` returns it.
        samples: float32 arrays (N, C, H, W) of any N, preprocessed as on the device.

    Returns:
        A network of the same function, on the samples; without Clip anywhere.

    Raises:
        CalibrationError: if the samples are missing, misshapen or not finite.
    """
    tied = tie_channels(graph)
    if tied.count == 1:
        return graph
    seen = _observe(graph, tied, samples)
    for _ in range(ROUNDS):
        scale = _scales(graph, tied, seen)
        graph = rescaled(graph, tied, scale)
        seen = {
            value: Extremes(e.low / scale[tied.knobs[value]], e.high / scale[tied.knobs[value]])
            for value, e in seen.items()
        }
        if np.abs(np.log(scale)).max() < SETTLED:
            break
    return without_unread(graph)


def rescaled(graph: Graph, tied: ChannelTies, scale: F64) -> Graph:
    """The same function with each knob's channels divided by its scale, (count,), above 0."""
    changed = {}
    for layer in weighted_layers(graph):
        before, after = tied.knobs[layer.node.inputs[0]], tied.knobs[layer.node.output]
        changed[layer.node] = _scaled(layer, scale[before].ravel(), scale[after].ravel())
    return with_weights(graph, changed)


def _scaled(layer: WeightedLayer, before: F64, after: F64) -> tuple[Array, Array]:
    """The weights and the bias for inputs that are 1 / before and outputs 1 / after of old."""
    weight = layer.weight.astype(np.float64)
    after = np.broadcast_to(after, layer.bias.shape)
    before = np.broadcast_to(before, layer.inputs)
    rank = weight.ndim
    if layer.node.op == "ConvTranspose":  # (I, O, ...)
        spread = (before[:, None] / after).reshape(*weight.shape[:2], *(1,) * (rank - 2))
    else:  # (O, I / groups, ...)
        groups = before.reshape(layer.groups, -1).repeat(len(weight) // layer.groups, axis=0)
        spread = (groups / after[:, None]).reshape(*weight.shape[:2], *(1,) * (rank - 2))
    return weight * spread, layer.bias / after


def _observe(graph: Graph, tied: ChannelTies, samples: Iterable[F32]) -> dict[str, Extremes]:
    """The extremes of each channel of the int8 values: all that is kept of the samples."""
    probe = Probe(graph, int8_values(graph))
    seen: dict[str, Extremes] = {}
    for batch in probe.batches(samples):
        for value, array in probe.run(batch).items():
            shape = tied.knobs[value].shape
            axes = tuple(a for a, size in enumerate(shape) if size == 1)
            low, high = array.min(axes, keepdims=True), array.max(axes, keepdims=True)
            if value in seen:
                low, high = np.minimum(low, seen[value].low), np.maximum(high, seen[value].high)
            seen[value] = Extremes(low, high)
    return {value: _raised(extremes) for value, extremes in seen.items()}


def _raised(seen: Extremes) -> Extremes:
    """The extremes, those of channels that are too small raised to the smallest that counts."""
    magnitude = np.maximum(-seen.low, seen.high).astype(np.float64)
    least = SMALLEST * magnitude.max(initial=0)
    small = (magnitude > 0) & (magnitude < least)
    factor = np.divide(least, magnitude, out=np.ones_like(magnitude), where=small)
    return Extremes(seen.low * factor, seen.high * factor)


def _scales(graph: Graph, tied: ChannelTies, seen: Mapping[str, Extremes]) -> F64:
    """The scale of each knob, (count,)."""
    least, fixed = _bounds(graph, tied, seen)
    fixed[PINNED] = True
    share, mixed = _weight_shares(graph, tied)
    rows = _row_shares(graph, tied)
    scale = np.zeros(tied.count)
    for group in scale_groups(graph):
        largest = np.zeros(tied.count)
        for value in group.values:
            magnitude = np.maximum(-seen[value].low, seen[value].high)
            _raise(largest, tied.knobs[value], magnitude)
        pinned = fixed & (largest > 0)
        # What cannot be scaled sets the range, and with it what the others are scaled to.
        whole = largest[pinned if pinned.any() else slice(None)].max()
        if whole == 0:
            continue
        ratio = np.where(largest > 0, np.maximum(largest / whole, rows), 0)
        weight = share[pinned].max() if pinned.any() and share[pinned].any() else 1.0
        balanced = np.sqrt(ratio * weight / np.maximum(share, SMALLEST))
        scale = np.maximum(scale, np.where(mixed, balanced, ratio))
    scale = np.maximum(scale, least)
    return np.where(fixed | (scale == 0), 1.0, scale)


def _raise(largest: F64, knobs: Knobs, magnitudes: Array) -> None:
    np.maximum.at(largest, knobs, np.broadcast_to(magnitudes, knobs.shape))


def _bounds(
    graph: Graph, tied: ChannelTies, seen: Mapping[str, Extremes]
) -> tuple[F64, NDArray[np.bool_]]:
    """The least scale that each knob may have because of a Clip, and those it fixes to 1.

    A channel that reached a bound was cut off there, and would be elsewhere at any other
    scale. One that never did may grow up to the bound. That keeps the function on what was
    observed; beyond it the bound cuts off what int8 would anyway, as its range ends
    where the observed values do.
    """
    least, fixed = np.zeros(tied.count), np.zeros(tied.count, np.bool_)
    for node in graph.nodes:
        if node.op != "Clip" or node.output not in seen:
            continue
        low, high = bounds(graph, node)
        knobs = tied.knobs[node.output]
        for bound, extreme in ((low, seen[node.output].low), (high, seen[node.output].high)):
            if bound != 0 and np.isfinite(bound):
                reached = np.broadcast_to(extreme / bound, knobs.shape)
                _raise(least, knobs, reached)
    fixed |= least >= 1 - 1e-6
    return least, fixed


def _weight_shares(graph: Graph, tied: ChannelTies) -> tuple[F64, NDArray[np.bool_]]:
    """Of each knob the largest share its weights have of a row's range; whether rows mix it."""
    share, mixed = np.zeros(tied.count), np.zeros(tied.count, np.bool_)
    for layer in weighted_layers(graph):
        knobs = np.broadcast_to(tied.knobs[layer.node.inputs[0]].ravel(), layer.inputs)
        weight = np.abs(layer.filters)
        weight = weight.reshape(*weight.shape[:2], -1).max(axis=2)  # (O, I / groups)
        if weight.shape[1] == 1:
            continue
        per_tensor = find(layer.node).weights is Weights.PER_TENSOR
        rows = weight.max(axis=None if per_tensor else 1, keepdims=True)
        shares = np.divide(weight, rows, out=np.zeros_like(weight), where=rows > 0)
        shares = shares.reshape(layer.groups, -1, weight.shape[1]).max(axis=1)
        _raise(share, knobs, shares.ravel())
        mixed[knobs] = True
    return share, mixed


def _row_shares(graph: Graph, tied: ChannelTies) -> F64:
    """Of each knob the share its writer's weights have of their tensor, if that has one scale."""
    share = np.zeros(tied.count)
    for layer in weighted_layers(graph):
        if find(layer.node).weights is Weights.PER_TENSOR:
            rows = np.abs(layer.filters).reshape(len(layer.bias), -1).max(axis=1)
            knobs = np.broadcast_to(tied.knobs[layer.node.output].ravel(), rows.shape)
            _raise(share, knobs, rows / max(rows.max(), np.finfo(np.float32).tiny))
    return share
