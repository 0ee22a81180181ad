"""Reasons why the scale of a layer's value is too coarse for it.

Each looks for its evidence and says what the layer would be without it. It is believed only
if the error goes with it: see `diagnose`.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from quantization.doctor.diagnosis import Kind
from quantization.doctor.paired import ValueGrid
from quantization.doctor.patient import TOO_COARSE, Patient, Suspicion, narrow_one, width, with_zero
from quantization.graph.graph import Node
from quantization.scales.ranges import Range, affine_of

# Clipping cuts off the largest values: less of it matters.
CLIPPED = 1.1
# Channels wider than half the widest one are outliers if they are this few.
FEW = 1 / 8


def clipped(patient: Patient) -> Suspicion | None:
    """Values beyond the range are cut off."""
    covers = patient.layer.covers
    if covers is None or _producer_fixes(patient):
        return None
    needs = covers | patient.own
    factor = width(needs) / width(covers)
    if factor < CLIPPED:
        return None
    cured = replace(patient.layer, grid=ValueGrid((affine_of(needs),)))
    return Suspicion(Kind.CLIPPED, factor, covers, needs, cured)


def too_wide(patient: Patient) -> Suspicion | None:
    """The scale covers far more than the layer's own values need."""
    covers, own = patient.layer.covers, patient.own
    if covers is None or not width(own) or width(covers) < TOO_COARSE * width(own):
        return None
    kind, cause = _demanded_by(patient)
    cured = replace(patient.layer, grid=ValueGrid((affine_of(own),)))
    return Suspicion(kind, width(covers) / width(own), covers, own, cured, cause)


def outlier_values(patient: Patient) -> Suspicion | None:
    """One value in 10,000 stretches the range of all others."""
    covers, seen = patient.layer.covers, patient.seen[patient.layer.value]
    most = with_zero(seen.most)
    if covers is None or not width(most) or width(covers) < TOO_COARSE * width(most):
        return None
    cured = replace(patient.layer, grid=ValueGrid((affine_of(most),), exact_beyond=True))
    factor = width(covers) / width(most)
    return Suspicion(Kind.OUTLIER, factor, covers, most, cured, channels=seen.channels)


def unlike_channels(patient: Patient) -> Suspicion | None:
    """Channels of very different ranges share the scale that the widest one needs."""
    channels = patient.channels_of(patient.layer.value)
    widths = np.array([width(with_zero(channel)) for channel in channels])
    grid, covers, narrow = patient.layer.grid, patient.layer.covers, narrow_one(widths)
    if grid is None or covers is None or grid.exact_beyond or narrow is None:
        return None
    factor = float(widths.max() / widths[narrow])
    if factor < TOO_COARSE:
        return None
    few = np.count_nonzero(widths > widths.max() / 2) <= max(1, FEW * len(widths))
    cured = replace(patient.layer, grid=ValueGrid(tuple(map(affine_of, channels))))
    return Suspicion(
        Kind.OUTLIER if few and not _is_depthwise(patient) else Kind.CHANNELS,
        factor, covers, with_zero(channels[narrow]), cured,
        channel=int(widths.argmax()) if few else None, channels=channels,
    )  # fmt: skip


def _demanded_by(patient: Patient) -> tuple[Kind, str]:
    """The operator or value for which the layer's scale covers more than its own values."""
    own, seen = patient.own, patient.seen
    if _producer_fixes(patient):
        return Kind.FIXED, patient.layer.nodes[-1].op
    covers = patient.layer.covers
    assert covers is not None, "a layer without a scale covers nothing"
    for pad in _pads(patient):
        constant = _pad_value(patient, pad)
        if width(own | Range(constant, constant)) > width(covers) / 2:
            return Kind.PADDING, pad.name
    widths = {
        value: width(with_zero(seen[value].whole))
        for value in patient.group.values
        if value != patient.layer.value
    }
    # The first of the widest is where the range comes from: what follows only hands it on.
    widest = max(widths, key=lambda value: widths[value], default="")
    if widths.get(widest, 0.0) > width(covers) / 2:
        return Kind.SHARED, widest
    return Kind.OUTLIER, "calibration"  # nothing in these samples needs such a range


def _producer_fixes(patient: Patient) -> bool:
    return patient.group.fixed is not None


def _pads(patient: Patient) -> Iterator[Node]:
    """The Pads among what shares the layer's scale."""
    for value in patient.group.values:
        node = patient.baseline.graph.producer(value)
        if node is not None and node.op == "Pad" and node.text("mode", "constant") == "constant":
            yield node


def _pad_value(patient: Patient, pad: Node) -> float:
    given = patient.baseline.graph.constant(pad, 2)
    return 0.0 if given is None or not given.size else float(given.reshape(-1)[0])


def _is_depthwise(patient: Patient) -> bool:
    """Whether a depthwise convolution computes or reads the layer's value."""
    graph = patient.baseline.graph
    near = (*patient.layer.nodes, *graph.consumers(patient.layer.value))
    return any(
        node.op == "Conv" and node.integer("group", 1) == graph.shapes[node.inputs[0]][1] > 1
        for node in near
    )
