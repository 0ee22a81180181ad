"""`try_remedies`: the remedies that a recipe has, each tried on a network, and what it brought."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from edge_agent.common.arrays import F32
from quantization.doctor.baseline import FloatBaseline, decibels
from quantization.doctor.diagnosis import Diagnosis, Kind
from quantization.doctor.paired import paired
from quantization.errors import QuantizationError
from quantization.graph.graph import Graph
from quantization.operators.rules import Scale
from quantization.operators.table import find
from quantization.quantize import quantize
from quantization.recipe import QuantRecipe
from quantization.scales.plan import int8_values, layer_of

# More layers than this are counted, not named.
NAMED = 4
# The share of layers to keep in float where nothing stands out.
FEW = 1 / 10


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One way to quantise the network, and how well that went.

    Args:
        name: in words, `equalisation`.
        recipe: how it was quantised.
        output_db: the network's output over its error, in dB; None where there is no error, or
            no network.
        refused: why it could not be done; "" where it was.
    """

    name: str
    recipe: QuantRecipe
    output_db: float | None
    refused: str = ""


def try_remedies(
    graph: Graph,
    calibration: Iterable[F32],
    measured: F32,
    diagnosis: Diagnosis,
    recipe: QuantRecipe,
) -> Iterator[Trial]:
    """Quantise a network by each remedy, and measure its output.

    Args:
        graph: the folded float network.
        calibration: float32 arrays (N, ...) of any N, preprocessed as on the device; read once
            or more for every trial.
        measured: float32 (N, ...): what the output is measured on.
        diagnosis: of the network, quantised by `recipe`.
        recipe: what the remedies are added to.
    """
    baseline = FloatBaseline(graph, measured)
    for name, tried in candidates(graph, diagnosis, recipe):
        try:
            made = quantize(graph, calibration, tried)
        except QuantizationError as refusal:  # an operator that cannot stay in float, say
            yield Trial(name=name, recipe=tried, output_db=None, refused=str(refusal))
            continue
        real = {layer.value: layer.real for layer in paired(made.folded, made.qdq)}
        error = baseline.output_error(made.qdq, [real[end] for end in baseline.ends])
        yield Trial(name=name, recipe=tried, output_db=decibels(error))


def candidates(
    graph: Graph, diagnosis: Diagnosis, recipe: QuantRecipe
) -> list[tuple[str, QuantRecipe]]:
    """What there is to try that the recipe does not do already, by name."""
    ranges: Mapping[str, object] = {"calibration": "auto"}
    equal: Mapping[str, object] = {"equalize": True, "correct_bias": True}
    learned: Mapping[str, object] = {"rounding": "learned"}
    tried = [
        ("better ranges", ranges),
        ("equalisation and bias correction", equal),
        ("learned rounding", learned),
        ("all three", {**ranges, **equal, **learned}),
    ]
    kept = in_float(graph, diagnosis)
    if kept:
        name = ", ".join(kept) if len(kept) <= NAMED else f"{len(kept)} layers"
        tried.append((f"{name} in float", {"float_layers": kept}))
    changed = [(name, msgspec.structs.replace(recipe, **change)) for name, change in tried]
    return [(name, changed_recipe) for name, changed_recipe in changed if changed_recipe != recipe]


def in_float(graph: Graph, diagnosis: Diagnosis) -> tuple[str, ...]:
    """The layers to keep in float: those with a culprit, if that is most of the error.

    Else the costliest ones. Those that read a value that is to blame are kept, too: only then
    nobody rounds it.
    """
    names = [value for value in int8_values(graph) if value not in graph.inputs]
    if sum(culprit.saved_share for culprit in diagnosis.culprits) < 0.5:
        costly = [layer.name for layer in diagnosis.by_cost if layer.name in names]
        few = max(1, int(FEW * len(names)))
        kept = values = set(costly[:few])
    else:
        kept = {culprit.layer for culprit in diagnosis.culprits}
        values = {c.layer for c in diagnosis.culprits if c.kind not in (Kind.WEIGHTS, Kind.SHIFT)}
    for value in values:
        kept = kept | _readers(graph, value)
    return tuple(name for name in names if name in kept)


def _readers(graph: Graph, value: str) -> set[str]:
    """The layers that read a value, by itself or as others hand it on."""
    found: set[str] = set()
    handed = [value]
    while handed:
        for node in graph.consumers(handed.pop()):
            layer = layer_of(graph, node)
            if find(node).scale is Scale.SHARED and layer not in found:
                handed.append(layer)
            found.add(layer)
    return found
