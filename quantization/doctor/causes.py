"""The reasons for a layer's error: each looks for its evidence and says how to take it away.

A reason is believed only if the error goes when it is taken away: see `diagnose`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from quantization.doctor.bench import Bench
from quantization.doctor.diagnosis import Kind
from quantization.doctor.isolate import isolated
from quantization.doctor.paired import Grid, Int8Layer
from quantization.graph import Array, Node
from quantization.lower.ops import find
from quantization.lower.registry import Weights
from quantization.plan import Group
from quantization.ranges import Range, affine_of

# A scale that is four times too coarse leaves 6 bits of 8. In healthy networks that were
# measured (ResNet-8, U-Net, a text reader) the widest channel of a layer that costs anything
# was up to 3.2 times the median one, and the extremes up to 1.9 times the range of all values
# but one in 10,000.
TOO_COARSE = 4.0
# Clipping cuts an error off at its root: less of it matters.
CLIPPED = 1.1
# Channels wider than half the widest one are outliers if they are this few.
FEW = 1 / 8


@dataclass(frozen=True)
class Suspicion:
    """A reason that has evidence, and the layer without it.

    Args:
        kind, cause, channel, covers, needs, channels: as of a `Culprit`.
        factor: likewise; None if only the cure tells.
        cured: the layer as it would be without the reason.
    """

    kind: Kind
    factor: float | None
    covers: Range
    needs: Range
    cured: Int8Layer
    cause: str = ""
    channel: int | None = None
    channels: tuple[Range, ...] = ()


@dataclass(frozen=True)
class Patient:
    """A layer, as it is or partly cured, and what is known of it.

    Args:
        layer: how it is quantised.
        group: the values that share its scale.
        bench: the float network on its samples.
    """

    layer: Int8Layer
    group: Group
    bench: Bench

    @property
    def own(self) -> Range:
        """The range of its value and 0."""
        return with_zero(self.bench.seen[self.layer.value].whole)


Find: TypeAlias = Callable[[Patient], Suspicion | None]


def width(seen: Range) -> float:
    """How wide a range is."""
    return seen.high - seen.low


def with_zero(seen: Range) -> Range:
    """A range and 0, which int8 always covers."""
    return seen | Range(0.0, 0.0)


def clipped(patient: Patient) -> Suspicion | None:
    """Values beyond the range are cut off."""
    covers = patient.layer.covers
    if covers is None or _producer_fixes(patient):
        return None
    needs = covers | patient.own
    factor = width(needs) / width(covers)
    if factor < CLIPPED:
        return None
    cured = replace(patient.layer, grid=Grid((affine_of(needs),)))
    return Suspicion(Kind.CLIPPED, factor, covers, needs, cured)


def too_wide(patient: Patient) -> Suspicion | None:
    """The scale covers far more than the layer's own values: somebody else's, or nobody's."""
    covers, own = patient.layer.covers, patient.own
    if covers is None or not width(own) or width(covers) < TOO_COARSE * width(own):
        return None
    kind, cause = _demanded_by(patient)
    cured = replace(patient.layer, grid=Grid((affine_of(own),)))
    return Suspicion(kind, width(covers) / width(own), covers, own, cured, cause)


def outlier_values(patient: Patient) -> Suspicion | None:
    """One value in 10,000 stretches the range of all others."""
    covers, seen = patient.layer.covers, patient.bench.seen[patient.layer.value]
    most = with_zero(seen.most)
    if covers is None or not width(most) or width(covers) < TOO_COARSE * width(most):
        return None
    channels = seen.channels
    widths = [width(with_zero(channel)) for channel in channels]
    widest = int(np.argmax(widths))
    alone = len(widths) > 1 and sorted(widths)[-2] <= widths[widest] / 2
    cured = replace(patient.layer, grid=Grid((affine_of(most),), exact_beyond=True))
    return Suspicion(
        Kind.OUTLIER, width(covers) / width(most), covers, most, cured,
        channel=widest if alone else None, channels=channels,
    )  # fmt: skip


def unlike_channels(patient: Patient) -> Suspicion | None:
    """Channels of very different ranges share the scale that the widest one needs."""
    channels = patient.bench.seen[patient.layer.value].channels
    widths = np.array([width(with_zero(channel)) for channel in channels])
    living = widths[widths > 0]
    grid, covers = patient.layer.grid, patient.layer.covers
    if grid is None or covers is None or grid.exact_beyond or len(living) < 2:
        return None
    factor = float(living.max() / np.median(living))
    if factor < TOO_COARSE:
        return None
    few = np.count_nonzero(widths > widths.max() / 2) <= max(1, FEW * len(widths))
    middle = int(np.argsort(widths)[len(widths) - len(living) // 2 - 1])
    cured = replace(patient.layer, grid=Grid(tuple(map(affine_of, channels))))
    return Suspicion(
        Kind.OUTLIER if few and not _is_depthwise(patient) else Kind.CHANNELS,
        factor, covers, with_zero(channels[middle]), cured,
        channel=int(widths.argmax()) if few else None, channels=channels,
    )  # fmt: skip


def unlike_rows(patient: Patient) -> Suspicion | None:
    """Rows of very different weights share the scale that the largest one needs."""
    node = _weighted(patient)
    if node is None or find(node).weights is not Weights.PER_TENSOR:
        return None
    weight = patient.bench.graph.constants[node.inputs[1]]
    rows = tuple(Range(float(row.min()), float(row.max())) for row in weight)
    largest = np.abs(weight).max(axis=1)
    living = largest[largest > 0]
    if len(living) < 2 or largest.max() < TOO_COARSE * np.median(living):
        return None
    cured = replace(patient.layer, constants=_without(patient.layer, node.inputs[1]))
    top, median = float(largest.max()), float(np.median(living))
    return Suspicion(
        Kind.WEIGHTS, top / median, Range(-top, top), Range(-median, median), cured,
        channel=int(largest.argmax()), channels=rows,
    )  # fmt: skip


def shifted_mean(patient: Patient) -> Suspicion | None:
    """The errors of a filter's weights do not cancel: its outputs are all too high, or too low.

    Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction"
    (2019), section 3.3: ``E[W~ x] - E[W x]`` is taken off the bias.
    """
    node, layer = _weighted(patient), patient.layer
    if node is None or node.inputs[2] not in layer.constants:
        return None
    # Before the activation, and before the value itself is rounded.
    rounded = isolated(patient.bench.graph, [replace(layer, grid=None)])
    off = patient.bench.mean_difference(rounded, node.output)
    bias = layer.constants[node.inputs[2]]
    if bias.shape != off.shape:
        return None
    mended: Array = (bias - off).astype(np.float32)
    cured = replace(layer, constants={**layer.constants, node.inputs[2]: mended})
    covers = layer.covers or patient.own
    return Suspicion(Kind.SHIFT, None, covers, covers, cured)


# In this order, each on top of those before: a scale that somebody else stretches would also
# stretch the share of an outlier.
CAUSES: tuple[Find, ...] = (
    clipped,
    too_wide,
    outlier_values,
    unlike_channels,
    unlike_rows,
    shifted_mean,
)


def _demanded_by(patient: Patient) -> tuple[Kind, str]:
    """Who demands the range that the layer's scale covers beyond its own values."""
    own, seen = patient.own, patient.bench.seen
    if _producer_fixes(patient):
        return Kind.FIXED, patient.layer.nodes[-1].op
    covers = patient.layer.covers
    assert covers is not None, "a layer without a scale covers nothing"
    for pad in _pads(patient):
        constant = _pad_value(patient, pad)
        if width(own | Range(constant, constant)) > width(covers) / 2:
            return Kind.PADDING, pad.name
    others = [value for value in patient.group.values if value != patient.layer.value]
    if not others:
        return Kind.OUTLIER, "calibration"
    # The first of the widest is where the range comes from: what follows only hands it on.
    return Kind.SHARED, max(others, key=lambda value: width(with_zero(seen[value].whole)))


def _producer_fixes(patient: Patient) -> bool:
    return patient.group.fixed is not None


def _pads(patient: Patient) -> Iterator[Node]:
    """The Pads among what shares the layer's scale."""
    for value in patient.group.values:
        node = patient.bench.graph.producer(value)
        if node is not None and node.op == "Pad" and node.text("mode", "constant") == "constant":
            yield node


def _pad_value(patient: Patient, pad: Node) -> float:
    given = patient.bench.graph.constant(pad, 2)
    return 0.0 if given is None or not given.size else float(given.reshape(-1)[0])


def _is_depthwise(patient: Patient) -> bool:
    """Whether a depthwise convolution computes or reads the layer's value."""
    graph = patient.bench.graph
    near = (*patient.layer.nodes, *graph.consumers(patient.layer.value))
    return any(
        node.op == "Conv" and node.integer("group", 1) == graph.shapes[node.inputs[0]][1] > 1
        for node in near
    )


def _weighted(patient: Patient) -> Node | None:
    """The node of the layer whose weights are quantised."""
    for node in patient.layer.nodes:
        if find(node).weights is not None and node.inputs[1] in patient.layer.constants:
            return node
    return None


def _without(layer: Int8Layer, name: str) -> dict[str, Array]:
    return {key: array for key, array in layer.constants.items() if key != name}
