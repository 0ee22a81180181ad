"""Reasons why a layer's rounded weights cost more than rounding has to.

Each looks for its evidence and says what the layer would be without it. It is believed only
if the error goes with it: see `diagnose`.
"""

from dataclasses import replace

import numpy as np

from edge_agent.common.arrays import F32
from quantization.doctor.diagnosis import Kind
from quantization.doctor.isolate import isolated
from quantization.doctor.paired import Int8Layer
from quantization.doctor.patient import TOO_COARSE, Patient, Suspicion, narrow_one, width, with_zero
from quantization.graph.graph import Array, Node
from quantization.operators.rules import Weights
from quantization.operators.table import find
from quantization.scales.ranges import Range


def unlike_rows(patient: Patient) -> Suspicion | None:
    """Rows of very different weights share the scale that the largest one needs."""
    node = _weighted(patient)
    if node is None or find(node).weights is not Weights.PER_TENSOR:
        return None
    weight = patient.baseline.graph.constants[node.inputs[1]]
    largest = np.abs(weight).max(axis=1)  # (O,)
    small = narrow_one(largest)
    if small is None or largest.max() < TOO_COARSE * largest[small]:
        return None
    cured = replace(patient.layer, constants=_without(patient.layer, node.inputs[1]))
    top, own = float(largest.max()), float(largest[small])
    return Suspicion(
        Kind.WEIGHTS, top / own, Range(-top, top), Range(-own, own), cured,
        channel=int(largest.argmax()), channels=_ranges(weight),
    )  # fmt: skip


def unlike_columns(patient: Patient) -> Suspicion | None:
    """Small weights for a wide channel of the input have the scale of large ones for others.

    Their error, times that channel's values, outweighs all others'. It is the other side of a
    channel that stands out: what reads it makes up for that.
    """
    node = _weighted(patient)
    channels = () if node is None else patient.channels_of(node.inputs[0])
    if node is None or node.op == "ConvTranspose" or node.integer("group", 1) != 1:
        return None
    weight = patient.baseline.graph.constants[node.inputs[1]]  # (O, C, ...)
    if weight.shape[1] != len(channels):
        return None
    columns = np.abs(np.moveaxis(weight, 1, 0).reshape(len(channels), -1)).max(axis=1)  # (C,)
    widths = np.array([width(with_zero(channel)) for channel in channels])
    narrow = narrow_one(widths)
    if narrow is None:
        return None
    apart = (widths >= TOO_COARSE * widths[narrow]) & (columns * TOO_COARSE <= columns.max())
    if not apart.any():
        return None
    exact = apart.reshape(1, -1, *(1,) * (weight.ndim - 2))
    mixed = np.where(exact, weight, patient.layer.constants[node.inputs[1]])
    cured = replace(patient.layer, constants={**patient.layer.constants, node.inputs[1]: mixed})
    largest, worst = float(columns.max()), int(np.where(apart, widths, 0).argmax())
    own = float(columns[worst])
    return Suspicion(
        Kind.WEIGHTS, largest / max(own, float(np.finfo(np.float32).tiny)),
        Range(-largest, largest), Range(-own, own), cured,
        cause=node.inputs[0], channel=worst, channels=_ranges(np.moveaxis(weight, 1, 0)),
    )  # fmt: skip


def shifted_mean(patient: Patient) -> Suspicion | None:
    """The errors of a filter's weights do not cancel: its outputs are all too high, or too low.

    Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction"
    (2019), section 3.3: ``E[W~ x] - E[W x]`` is taken off the bias.
    """
    node, layer, given = _weighted(patient), patient.layer, patient.baseline.graph.constants
    if node is None or node.inputs[2] not in layer.constants:
        return None
    # A layer with the errors of the weights for weights computes the error that they make,
    # before the activation and before the value itself is rounded.
    errors = {name: array - given[name] for name, array in layer.constants.items()}
    only_errors = isolated(patient.baseline.graph, [replace(layer, grid=None, constants=errors)])
    off = patient.baseline.mean(only_errors, node.output)
    bias = layer.constants[node.inputs[2]]
    if bias.shape != off.shape:
        return None
    mended: Array = (bias - off).astype(np.float32)
    cured = replace(layer, constants={**layer.constants, node.inputs[2]: mended})
    covers = layer.covers or patient.own
    return Suspicion(Kind.SHIFT, None, covers, covers, cured)


def _weighted(patient: Patient) -> Node | None:
    """The node of the layer whose weights are quantised."""
    for node in patient.layer.nodes:
        if find(node).weights is not None and node.inputs[1] in patient.layer.constants:
            return node
    return None


def _ranges(weight: F32) -> tuple[Range, ...]:
    """The extremes of an array along its first axis."""
    return tuple(Range(float(part.min()), float(part.max())) for part in weight)


def _without(layer: Int8Layer, name: str) -> dict[str, Array]:
    return {key: array for key, array in layer.constants.items() if key != name}
