"""Import of ONNX that is quantised already: its network in float, and its scales beside it.

The quantise/dequantise pairs are taken out, so that the float network folds like any other;
the values they stood at are kept apart, so that folding joins nothing across a pair; and
`qdq` writes the same scales back where they were.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import onnx

from edge_agent.bundle.affine import Affine
from edge_agent.common.arrays import F32
from quantization.errors import ModelError
from quantization.fold.fold import fold_graph
from quantization.graph.graph import Array, Graph, Node, inferred, read
from quantization.graph.one_sample import for_one_sample
from quantization.operators.rules import Scale, Trait
from quantization.operators.table import OPERATORS, PAIR, find
from quantization.scales.plan import activation_inputs, int8_values, layer_of, quantized_values

# What makes an 8-bit integer type int8: uint8 is int8 counted from 128.
SHIFTS = {np.dtype(np.int8): 0, np.dtype(np.uint8): 128}


@dataclass(frozen=True)
class Scales:
    """The scales that a model brought.

    Args:
        activations: of values computed at run time, by name.
        operands: of int8 constants that are not a layer's weights, by name.
        weights: of each layer's weights, (O,) or (1,), by the name of the layer's output.
    """

    activations: Mapping[str, Affine] = field(default_factory=dict)
    operands: Mapping[str, Affine] = field(default_factory=dict)
    weights: Mapping[str, F32] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportedModel:
    """A model as this package goes on with it: folded and in float, and the scales it brought."""

    graph: Graph
    scales: Scales


def is_quantized(model: onnx.ModelProto) -> bool:
    """Whether a model brings scales of its own."""
    return any(node.op_type in PAIR for node in model.graph.node)


def import_model(model: onnx.ModelProto) -> ImportedModel:
    """Read and fold a model, with the pairs taken out and their scales kept if it has any.

    Raises:
        UnsupportedOperatorError: if an LSTM or GRU has a form that is not unrolled.
        ModelError: if the model is not one this package can read; if a scale is not finite or
            not above zero, not known before run time, or of another type than 8 bits; if
            weights have a zero point; or if a value is quantised at two scales.
    """
    model = for_one_sample(model)
    if not is_quantized(model):
        return ImportedModel(fold_graph(read(model)), Scales())
    stripping = _PairRemoval(read(model))
    graph = stripping.stripped()
    kept = tuple(dict.fromkeys((*graph.outputs, *stripping.activations)))
    # An output is never joined to what reads it: that keeps every quantised value apart.
    kept = tuple(value for value in kept if value not in graph.inputs)
    folded = fold_graph(inferred(replace(graph, outputs=kept)))
    whole = replace(folded, outputs=graph.outputs)
    activations = _inherited(whole, stripping.activations)
    scales = Scales(activations, stripping.operands, stripping.weights)
    return ImportedModel(whole, scales)


def without_scale(imported: ImportedModel, float_layers: Collection[str] = ()) -> tuple[str, ...]:
    """The values that become int8, but whose scale the model did not bring."""
    wanted = quantized_values(imported.graph, float_layers)
    return tuple(v for v in wanted if v not in imported.scales.activations)


class _PairRemoval:
    """The walk over a quantised graph that takes its pairs out."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._renamed: dict[str, str] = {}
        self._quantized: dict[str, Node] = {}
        self._constants: dict[str, Array] = dict(graph.constants)
        self._channels: dict[str, F32] = {}  # scales of constants, by name
        self._nodes: list[Node] = []
        self.activations: dict[str, Affine] = {}
        self.operands: dict[str, Affine] = {}
        self.weights: dict[str, F32] = {}

    def stripped(self) -> Graph:
        """The graph in float."""
        for node in self._graph.nodes:
            if node.op == "QuantizeLinear":
                self._quantized[node.output] = node
            elif node.op == "DequantizeLinear":
                self._dequantize(node)
            else:
                self._keep(node)
        outputs = tuple(self._named(output) for output in self._graph.outputs)
        return self._with_output_names(
            replace(
                self._graph,
                nodes=tuple(self._nodes),
                constants=self._constants,
                outputs=outputs,
            )
        )

    def _named(self, value: str) -> str:
        if value in self._quantized:
            raise ModelError(
                f"value {value!r}: expected to be dequantised before anything else reads it"
            )
        return self._renamed.get(value, value)

    def _keep(self, node: Node) -> None:
        inputs = tuple(self._named(i) for i in node.inputs)
        self._nodes.append(replace(node, inputs=inputs))
        self._check_weights(node, inputs)
        if len(inputs) > 1 and inputs[1] in self._channels:
            self.weights[node.output] = self._channels[inputs[1]]
            add = self._graph.sole_consumer(node.output)
            if add is not None and add.op == "Add":  # it may become the layer's bias
                self.weights[add.output] = self._channels[inputs[1]]

    def _check_weights(self, node: Node, inputs: tuple[str, ...]) -> None:
        """A layer's weights have the zero point 0: TFLite's kernels leave it out."""
        entry = OPERATORS.get(node.op)
        if entry is None or entry.weights is None or len(inputs) < 2:
            return
        affine = self.operands.get(inputs[1])
        if inputs[1] not in self._channels and affine is not None:
            raise ModelError(
                f"node {node.name!r}: expected weights whose zero point is 0, "
                f"found {affine.zero_point}"
            )

    def _dequantize(self, node: Node) -> None:
        pair = self._quantized.get(node.inputs[0])
        if pair is not None and pair.inputs[0] not in self._constants:
            self._activation(pair, node)
        elif pair is not None or node.inputs[0] in self._constants:
            self._constant(pair, node)
        else:
            raise ModelError(f"node {node.name!r}: expected to read a QuantizeLinear or a constant")

    def _activation(self, pair: Node, node: Node) -> None:
        affine = _affine(self._graph, pair)
        if affine != _affine(self._graph, node):
            raise ModelError(
                f"node {node.name!r}: expected the scale of {pair.name!r}, found another"
            )
        value = self._named(pair.inputs[0])
        if self.activations.setdefault(value, affine) == affine:
            self._renamed[node.output] = value
        elif pair.inputs[0] in self._renamed:  # it was dequantised: now it is at another scale
            self._nodes.append(Node("Identity", node.name, (value,), node.outputs))
            self.activations[node.output] = affine
        else:
            raise ModelError(f"value {value!r}: expected to be quantised once, found two scales")

    def _constant(self, pair: Node | None, node: Node) -> None:
        """The real values of an integer constant, and its scales."""
        scales, zeros = _parameters(self._graph, node)
        q = self._constants[node.inputs[0] if pair is None else pair.inputs[0]]
        axis = node.integer("axis", 1) % q.ndim if scales.size > 1 else 0
        spread = (-1,) + (1,) * (q.ndim - 1 - axis) if scales.size > 1 else ()
        if pair is not None:
            low, high = np.iinfo(zeros.dtype).min, np.iinfo(zeros.dtype).max
            rounded = np.rint(q / scales.reshape(spread)) + zeros.reshape(spread)
            q = np.clip(rounded, low, high).astype(zeros.dtype)
        centred = q.astype(np.float64) - zeros.astype(np.float64).reshape(spread)
        real = (centred * scales.astype(np.float64).reshape(spread)).astype(np.float32)
        name = f"{node.output}:brought"  # the value's own name is free to be written anew
        self._renamed[node.output] = name
        self._constants[name] = real
        if q.dtype in SHIFTS:
            shift = SHIFTS[q.dtype]
            if not (zeros.astype(int) - shift).any():
                self._channels[name] = scales.astype(np.float32).reshape(-1)
            if scales.size == 1:
                zero = int(zeros.reshape(-1)[0]) - shift
                self.operands[name] = Affine(float(scales.reshape(-1)[0]), zero)

    def _with_output_names(self, graph: Graph) -> Graph:
        """The graph with the outputs' own names, where pairs hid them."""
        names = {
            value: name
            for value, name in zip(graph.outputs, self._graph.outputs, strict=True)
            if value != name and value not in graph.inputs
        }
        self.activations = {names.get(v, v): a for v, a in self.activations.items()}
        self.weights = {names.get(v, v): scales for v, scales in self.weights.items()}
        shapes = {names.get(value, value): shape for value, shape in graph.shapes.items()}
        return replace(
            graph,
            nodes=tuple(
                replace(
                    n,
                    inputs=tuple(names.get(i, i) for i in n.inputs),
                    outputs=tuple(names.get(o, o) for o in n.outputs),
                )
                for n in graph.nodes
            ),
            outputs=tuple(names.get(o, o) for o in graph.outputs),
            shapes=shapes,
        )


def _affine(graph: Graph, node: Node) -> Affine:
    """The one scale and zero point of an activation's pair, as int8."""
    scales, zeros = _parameters(graph, node)
    if scales.size != 1 or zeros.dtype not in SHIFTS:
        raise ModelError(
            f"node {node.name!r}: expected one scale and int8 or uint8, "
            f"found {scales.size} and {zeros.dtype}"
        )
    zero = int(zeros.reshape(-1)[0]) - SHIFTS[zeros.dtype]
    return Affine(float(scales.reshape(-1)[0]), zero)


def _parameters(graph: Graph, node: Node) -> tuple[Array, Array]:
    """The scales and zero points of a pair's node."""
    scales, zeros = graph.constant(node, 1), graph.constant(node, 2)
    if scales is None or (len(node.inputs) > 2 and node.inputs[2] and zeros is None):
        raise ModelError(f"node {node.name!r}: expected a constant scale, found a computed one")
    bad = scales[~(np.isfinite(scales) & (scales > 0))]
    if bad.size:
        raise ModelError(
            f"node {node.name!r}: scale: expected finite numbers above 0, found {bad[0]}"
        )
    if zeros is None:
        source = graph.constant(node, 0)
        integers = source is not None and source.dtype.kind in "iu"
        kind = source.dtype if source is not None and integers else np.dtype(np.uint8)
        zeros = np.zeros(scales.shape, kind)
    return scales, zeros


def _inherited(graph: Graph, given: Mapping[str, Affine]) -> dict[str, Affine]:
    """The scales of all values that have one: given, fixed by TFLite, or their input's.

    An operator that only moves values, or cuts them, needs none of its own.
    """
    known = dict(given)
    wanted = set(int8_values(graph))
    for node in graph.nodes:
        result = layer_of(graph, node)
        if result in known or result not in wanted:
            continue
        entry = find(node)
        if isinstance(entry.scale, Affine):
            known[result] = entry.scale
        elif entry.scale is Scale.SHARED or Trait.CUTS in entry.traits:
            inputs = {known[i] for i in activation_inputs(graph, node) if i in known}
            if len(inputs) == 1:
                known[result] = inputs.pop()
    return {value: affine for value, affine in known.items() if value in wanted}
