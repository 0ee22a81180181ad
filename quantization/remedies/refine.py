"""Refinement: a quantised network's integers, chosen by what they do on samples.

Scales stay as they are. Layer by layer, on what its already refined predecessors give, a
layer's weights are rounded anew (`rounding`) and its bias is corrected: by the mean error of
each output channel, so that it has the float layer's mean on these samples (Nagel et al.,
arXiv:1906.04721, section 4.2, measured as in its appendix D rather than derived).
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from edge_agent.common.arrays import F32
from quantization.errors import CalibrationError
from quantization.graph.graph import Array, Graph, Shape
from quantization.operators.batching import takes_batches
from quantization.remedies.layers import WeightedLayer, weighted_layers
from quantization.remedies.moments import Moments, places
from quantization.remedies.rounding import learned
from quantization.remedies.tape import HELD_BYTES, Tape
from quantization.scales.probe import MAX_BATCH, batches

# The samples that are held in memory: with more, nothing changed that could be measured.
MOST_SAMPLES = 256
# Outputs of one channel that the moments are summed over, drawn from all samples alike.
OUTPUTS = 8192
# A longer row of weights (512 channels under a window of 3 by 3) keeps the nearest rounding:
# its second moments alone would take more than 170 MB.
LONGEST_ROW = 4608
INT32 = np.iinfo(np.int32)


@dataclass(frozen=True)
class _LayerNames:
    """The names, in the quantised graph, of a layer's input and of its integers and scales."""

    input: str
    weight: str
    weight_scale: str
    bias: str
    bias_scale: str


def refine(
    real: Graph,
    quantised: Graph,
    samples: Iterable[F32],
    count: int,
    *,
    round_weights: bool,
    correct_bias: bool,
) -> Graph:
    """The quantised network with better integers in its weights and biases.

    Left as they are: layers in float; transposed convolutions; layers with the same weights,
    which the file holds once; and, by rounding alone, rows longer than `LONGEST_ROW`.

    Args:
        real: the folded float network.
        quantised: as `insert_qdq` returns it for `real`.
        samples: what calibration saw, once more.
        count: how many they are.
        round_weights: whether to learn the rounding of weights.
        correct_bias: whether to correct biases.

    Raises:
        CalibrationError: if there are other samples than before.
    """
    layers = list(_refinable(real, quantised))
    held = _held(samples, real.shapes[real.inputs[0]], count)
    batched = takes_batches(real)
    tapes = (
        Tape(real, held, [layer.node.inputs[0] for layer, _ in layers], batched=batched),
        Tape(quantised, held, [place.input for _, place in layers], batched=batched),
    )
    for number, (layer, place) in enumerate(layers):
        size = min(tape.advance() for tape in tapes)
        long = layer.rows.shape[2] > LONGEST_ROW
        moments = Moments(layer, second=round_weights and not long)
        rng = np.random.default_rng(number)
        for start in range(0, len(held), size):
            x, xq = (tape.run(slice(start, start + size)) for tape in tapes)
            output, each = real.shapes[layer.node.output], -(-OUTPUTS // len(held))
            moments.add(x, xq, places(layer, output, len(x), each, rng))
        found = _refined(layer, place, moments, quantised.constants, correct_bias)
        quantised = replace(quantised, constants={**quantised.constants, **found})
        tapes[1].graph = quantised
    return quantised


def _refined(
    layer: WeightedLayer,
    place: _LayerNames,
    moments: Moments,
    constants: Mapping[str, Array],
    correct_bias: bool,
) -> dict[str, Array]:
    """A layer's integers anew, by the names of the constants they are."""
    found: dict[str, Array] = {}
    rows = layer.rows.astype(np.float64)  # (G, O, n)
    scales = constants[place.weight_scale].astype(np.float64).reshape(-1)
    scales = np.broadcast_to(scales, len(layer.bias)).reshape(*rows.shape[:2], 1)
    q = constants[place.weight].reshape(rows.shape).astype(np.float64)
    if moments.has_second:
        q = learned(rows, scales, moments.second, moments.cross)
        found[place.weight] = q.reshape(layer.weight.shape).astype(np.int8)
    if correct_bias:
        off = ((q * scales - rows) * moments.mean[:, None]).sum(axis=2) - moments.mean_off
        steps = (layer.bias - off.reshape(-1)) / constants[place.bias_scale].astype(np.float64)
        found[place.bias] = np.clip(np.rint(steps), INT32.min, INT32.max).astype(np.int32)
    return found


def _refinable(real: Graph, quantised: Graph) -> Iterator[tuple[WeightedLayer, _LayerNames]]:
    """The layers whose integers can be chosen anew, and where those are."""
    after = {node.name: node for node in quantised.nodes}
    layers = [layer for layer in weighted_layers(real) if layer.node.op != "ConvTranspose"]
    contents = [hashlib.sha256(layer.weight.tobytes()).digest() for layer in layers]
    for layer, content in zip(layers, contents, strict=True):
        node = after[layer.node.name]
        weight, bias = (quantised.producer(value) for value in node.inputs[1:3])
        if contents.count(content) == 1 and weight and bias:
            yield layer, _LayerNames(node.inputs[0], *weight.inputs[:2], *bias.inputs[:2])


def _held(samples: Iterable[F32], shape: Shape, count: int) -> F32:
    """The samples to hold in memory, (S, ...), taken evenly from all of them."""
    fit = HELD_BYTES // (4 * int(np.prod(shape)))
    wanted = max(1, min(count, MOST_SAMPLES, fit))
    chosen = np.arange(wanted) * count // wanted
    held = np.empty((wanted, *shape[1:]), np.float32)
    seen = filled = 0
    for batch in batches(samples, shape, MAX_BATCH):
        inside = chosen[(chosen >= seen) & (chosen < seen + len(batch))] - seen
        held[filled : filled + len(inside)] = batch[inside]
        seen, filled = seen + len(batch), filled + len(inside)
    if seen != count:
        raise CalibrationError(
            f"calibration samples: expected the {count} of the first reading, found {seen}"
        )
    return held
