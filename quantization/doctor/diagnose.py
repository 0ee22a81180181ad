"""`diagnose`: compare a network in float and in int8, layer by layer, and find the reasons."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from edge_agent.common.arrays import F32
from quantization.doctor.baseline import FloatBaseline, decibels
from quantization.doctor.diagnosis import Culprit, Diagnosis, Layer
from quantization.doctor.paired import Int8Layer, paired
from quantization.doctor.patient import Find, Patient, Suspicion
from quantization.doctor.value_causes import (
    clipped,
    outlier_values,
    too_wide,
    unlike_channels,
)
from quantization.doctor.weight_causes import shifted_mean, unlike_columns, unlike_rows
from quantization.errors import ModelError
from quantization.graph.graph import Graph
from quantization.operators.rules import Scale
from quantization.operators.table import averages, find
from quantization.scales.plan import ScaleGroup, activation_inputs, scale_groups

# The order matters, as each reason is tried on top of those before: a scale that another value
# stretches, for example, would make an outlier look larger than it is.
CAUSES: tuple[Find, ...] = (
    clipped,
    too_wide,
    outlier_values,
    unlike_channels,
    unlike_rows,
    unlike_columns,
    shifted_mean,
)
# A layer that leaves the output this much signal over its error harms nobody. In the healthy
# networks that were measured (ResNet-8 on three data sets, U-Net, a text reader), whose
# outputs were 31 to 39 dB over their error, the worst layer alone was at 34.9 dB.
HARMLESS_DB = 34.0
# A reason counts if it makes up this much of the error of all layers: 0.1 dB of the output.
WORTH_NAMING = 0.02
# It is proven if half of its layer's error, 3 dB, goes with it.
PROVEN = 0.5


def diagnose(
    graph: Graph,
    quantised: Graph,
    samples: F32,
    advance: Callable[[], object] = lambda: None,
) -> Diagnosis:
    """What quantisation costs a network, layer by layer, and why.

    Args:
        graph: the folded float network.
        quantised: its quantised form, with quantise/dequantise pairs.
        samples: float32 (N, ...), preprocessed as on the device.
        advance: called once for every layer that is done.

    Raises:
        ModelError: if `quantised` is not a quantised form of `graph`.
        CalibrationError: if the samples are missing, misshapen or not finite.
    """
    layers = paired(graph, quantised)
    if all(layer.grid is None for layer in layers):
        raise ModelError("quantised network: expected values in int8, found none")
    baseline = FloatBaseline(graph, samples)
    real = {layer.value: layer.real for layer in layers}
    seen = baseline.compare(quantised, real)
    alone = {}
    for layer in layers:
        alone[layer.value] = 0.0 if _only_moves(graph, layer, layers) else baseline.alone([layer])
        advance()
    total = sum(alone.values())
    groups = _groups(graph, layers)
    culprits = [
        culprit
        for layer in layers
        for culprit in _culprits(
            Patient(
                layer, groups.get(layer.value, ScaleGroup((layer.value,), None)), baseline, seen
            ),
            alone[layer.value],
            total,
        )
    ]
    return Diagnosis(
        layers=tuple(
            _reported(graph, layer, seen[layer.value].error, alone[layer.value], total)
            for layer in layers
        ),
        culprits=tuple(sorted(culprits, key=lambda c: -c.saved_share)),
        output_db=decibels(baseline.output_error(quantised, [real[end] for end in baseline.ends])),
        samples=baseline.samples,
    )


def _culprits(patient: Patient, error: float, total: float) -> Iterator[Culprit]:
    """The reasons for a layer's error, each proven on top of the ones before.

    They are gone through twice: what a larger reason hid the first time is seen without it.
    """
    named: set[Find] = set()
    for suspect in (*CAUSES, *CAUSES):
        harm = decibels(error)
        if harm is None or harm >= HARMLESS_DB or error < WORTH_NAMING * total:
            return
        suspicion = None if suspect in named else suspect(patient)
        if suspicion is None:
            continue
        left = patient.baseline.alone([suspicion.cured])
        if error - left < max(PROVEN * error, WORTH_NAMING * total):
            continue
        yield _named(patient.layer, suspicion, error, left, total)
        named.add(suspect)
        patient, error = replace(patient, layer=suspicion.cured), left


def _named(
    layer: Int8Layer, suspicion: Suspicion, error: float, left: float, total: float
) -> Culprit:
    saved = 1 - left / error
    return Culprit(
        layer=layer.value,
        operators=layer.operators,
        kind=suspicion.kind,
        factor=saved if suspicion.factor is None else suspicion.factor,
        cause=suspicion.cause,
        channel=suspicion.channel,
        covers=suspicion.covers,
        needs=suspicion.needs,
        saved_db=-(decibels(error) or 0.0) + (decibels(left) or np.inf),
        saved_share=(error - left) / total,
        channels=suspicion.channels,
    )


def _reported(graph: Graph, layer: Int8Layer, below: float, alone: float, total: float) -> Layer:
    return Layer(
        name=layer.value,
        operators=layer.operators,
        shape=graph.shapes[layer.value],
        covers=layer.covers,
        scale=None if layer.affine is None else layer.affine.scale,
        snr_db=decibels(below),
        alone_db=decibels(alone),
        share=alone / total if total else 0.0,
    )


def _groups(graph: Graph, layers: tuple[Int8Layer, ...]) -> Mapping[str, ScaleGroup]:
    """For each value that is quantised, those that have its scale because they must."""
    affines = {layer.value: layer.affine for layer in layers}
    in_float = [value for value, affine in affines.items() if affine is None]
    return {
        value: ScaleGroup(
            tuple(v for v in group.values if affines[v] == affines[value]), group.fixed
        )
        for group in scale_groups(graph, in_float)
        for value in group.values
    }


def _only_moves(graph: Graph, layer: Int8Layer, layers: tuple[Int8Layer, ...]) -> bool:
    """Whether a layer finds its values on its own int8 grid already, and so adds no error."""
    affines = {other.value: other.affine for other in layers}
    return bool(layer.nodes) and all(
        find(node).scale is Scale.SHARED
        and not averages(node)
        and all(affines.get(i) == layer.affine for i in activation_inputs(graph, node))
        for node in layer.nodes
    )
