"""Quantisation: the folded float network with QuantizeLinear/DequantizeLinear by TFLite's rules.

The rules are those of the TFLite 8-bit quantisation specification
(https://ai.google.dev/edge/litert/models/quantization_spec): activations asymmetric in
[-128, 127]; weights symmetric in [-127, 127], per output channel for convolutions; biases
int32 at the product of the input's and the weights' scale.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np

from edge_agent.bundle.affine import QMIN, Affine
from edge_agent.common.arrays import F32
from quantization.errors import ModelError, QuantizationError
from quantization.fold.decompositions import ROWS
from quantization.graph.graph import Array, Graph, Node, Shape, without_unread
from quantization.operators.rules import Scale, Weights
from quantization.operators.table import find
from quantization.scales.calibrate import Ranges
from quantization.scales.imported import Scales
from quantization.scales.plan import check_layers, layer_of, operands, scale_groups
from quantization.scales.ranges import Range, affine_of

# Narrow, so that a product of two extremes cannot overflow the kernels' 16-bit halves.
WEIGHT_MAX = 127
NO_SCALES = Scales()
# A bias has to fit into int32, with room left for the sum it is added to.
BIAS_MAX = 2**30


def insert_qdq(
    graph: Graph,
    ranges: Ranges,
    scales: Scales = NO_SCALES,
    float_layers: Collection[str] = (),
) -> Graph:
    """A folded network with every int8 value written as a quantise/dequantise pair.

    ONNX Runtime can run the result: float arithmetic between values on the int8 grid.
    An activation that TFLite fuses has no pair between it and its producer.

    Args:
        graph: as `fold_graph` returns it.
        ranges: of the values that have no scale yet.
        scales: those the model brought, which are kept exactly.
        float_layers: the layers that stay in float, by the names of their values: they read
            what lies on the int8 grid, and only what int8 layers read of them is quantised.

    Raises:
        UnsupportedOperatorError: if a node's operator has no lowering.
        ModelError: if one of `float_layers` is no layer of this model.
        QuantizationError: if `ranges` lacks a value of this model.
    """
    check_layers(graph, float_layers)
    affines = activation_affines(graph, ranges, scales, float_layers)
    written = _PairWriter(graph, affines, scales, float_layers)
    for value in graph.inputs:
        written.activation(value)
    for node in graph.nodes:
        written.node(node)
    return without_unread(
        replace(
            graph,
            nodes=tuple(written.nodes),
            constants={**graph.constants, **written.constants},
            shapes={**graph.shapes, **written.shapes},
        )
    )


def activation_affines(
    graph: Graph,
    ranges: Ranges,
    scales: Scales = NO_SCALES,
    float_layers: Collection[str] = (),
) -> dict[str, Affine]:
    """The scale and zero point of each quantised value; one for all values of a group.

    A group of which the model brought a scale has none in common: each value keeps its own.
    """
    affines: dict[str, Affine] = {}
    for group in scale_groups(graph, float_layers):
        brought = {v: scales.activations[v] for v in group.values if v in scales.activations}
        if brought:
            first = next(iter(brought.values()))
            affines |= dict.fromkeys(group.values, first) | brought
            continue
        affine = group.fixed
        if affine is None:
            missing = [value for value in group.values if value not in ranges.values]
            if missing:
                raise QuantizationError(
                    f"ranges: expected one for value {missing[0]!r}, found none; "
                    "were they calibrated on another model?"
                )
            affine = affine_of(
                *(ranges.values[value] for value in group.values),
                *constant_ranges(graph, group.values),
            )
        affines |= dict.fromkeys(group.values, affine)
    return affines


def constant_ranges(graph: Graph, values: tuple[str, ...]) -> Iterator[Range]:
    """The ranges of the constants that SHARED operators put into some values."""
    for value in values:
        node = graph.producer(value)
        if node is not None and find(node).scale is Scale.SHARED:
            for name in operands(graph, node):
                yield range_of(graph.constants[name])


def range_of(constant: Array) -> Range:
    """The range of a constant operand."""
    return Range(float(constant.min()), float(constant.max()))


def weight_scales(weight: Array, bias: Array, input_scale: float, rule: Weights) -> F32:
    """Scales (O,) or (1,) of weights (O, ...) with bias (O,).

    The largest weight becomes 127. Where the bias would then leave int32, because the
    weights are far smaller than it, the scale is what the bias needs. A channel that is
    all zeros may have any scale, and has 1.
    """
    largest = np.abs(weight.reshape(len(weight), -1)).max(axis=1)  # (O,)
    needed = np.maximum(largest / WEIGHT_MAX, np.abs(bias) / (input_scale * BIAS_MAX))
    if rule is Weights.PER_TENSOR:
        needed = needed.max(keepdims=True)
    scales: F32 = np.where(needed < np.finfo(np.float32).tiny, 1, needed).astype(np.float32)
    return scales


# How far from an integer a weight may be in quanta of its own scale: float32 rounds it.
GRID_TOLERANCE = 1e-3


class _PairWriter:
    """The quantised graph as it is written, one node after the other."""

    def __init__(
        self,
        graph: Graph,
        affines: dict[str, Affine],
        scales: Scales,
        float_layers: Collection[str],
    ) -> None:
        self._graph, self._affines, self._brought = graph, affines, scales
        self._float_layers = float_layers
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}
        self.shapes: dict[str, Shape] = {}

    def node(self, node: Node) -> None:
        """A node of the float network, reading and returning values on the int8 grid."""
        outputs = tuple(map(self._raw, node.outputs))
        if layer_of(self._graph, node) in self._float_layers:
            inputs = tuple(map(self._float, node.inputs))
        else:
            replaced = {**self._weights(node), **self._operands(node)}
            inputs = tuple(replaced.get(i, self._real(i)) for i in node.inputs)
        self.nodes.append(replace(node, inputs=inputs, outputs=outputs))
        if node.output in self._affines:
            self.activation(node.output)

    def activation(self, value: str) -> None:
        """The quantise/dequantise pair of one value."""
        affine = self._affines[value]
        scale, zero = f"{value}:scale", f"{value}:zero_point"
        self.constants[scale] = np.array(affine.scale, np.float32)
        self.constants[zero] = np.array(affine.zero_point, np.int8)
        q, raw, real = f"{value}:int8", self._raw(value), self._real(value)
        self.shapes |= dict.fromkeys((q, raw, real), self._graph.shapes[value])
        self.nodes += [
            Node("QuantizeLinear", f"{value}:quantize", (raw, scale, zero), (q,)),
            Node("DequantizeLinear", f"{value}:dequantize", (q, scale, zero), (real,)),
        ]

    def _weights(self, node: Node) -> dict[str, str]:
        """Quantise a node's weights and bias: their names before and after."""
        rule = find(node).weights
        weight, bias = self._graph.constant(node, 1), self._graph.constant(node, 2)
        if rule is None or weight is None or bias is None:
            return {}
        input_scale = self._affines[node.inputs[0]].scale
        filters = np.moveaxis(weight, 1, 0) if rule is Weights.PER_SECOND_AXIS else weight
        brought = self._brought.weights.get(node.output.removesuffix(ROWS))
        if brought is None:
            scales = weight_scales(filters, bias, input_scale, rule)  # (O,) or (1,)
        else:
            scales = self._checked(node, filters, brought)
        axis = 1 if rule is Weights.PER_SECOND_AXIS else 0
        spread = scales.reshape((1,) * axis + (-1,) + (1,) * (weight.ndim - 1 - axis))
        lowest = -WEIGHT_MAX if brought is None else QMIN
        q_weight = np.clip(np.rint(weight / spread), lowest, WEIGHT_MAX).astype(np.int8)
        bias_scales = (np.float32(input_scale) * scales).astype(np.float32)
        q_bias = np.rint(bias.astype(np.float64) / bias_scales).astype(np.int32)
        # Named after the layer: two layers that share weights need not share their scales.
        return {
            node.inputs[1]: self._constant(f"{node.output}:weight", q_weight, scales, axis),
            node.inputs[2]: self._constant(f"{node.output}:bias", q_bias, bias_scales),
        }

    def _checked(self, node: Node, filters: Array, brought: F32) -> F32:
        """The scales that a model brought for weights (O, ...), if they are still its grid."""
        steps = filters.reshape(len(filters), -1) / brought.reshape(-1, 1)
        off = float(np.abs(steps - np.rint(steps)).max())
        if len(brought) not in (1, len(filters)) or off > GRID_TOLERANCE:
            raise ModelError(
                f"node {node.name!r}: expected weights on the grid of their own scales, found "
                f"{off:.3f} of a step between; fold batch normalisation before quantising"
            )
        return brought

    def _operands(self, node: Node) -> dict[str, str]:
        """Quantise a node's constant operands: their names before and after."""
        replaced = {}
        for index, name in enumerate(operands(self._graph, node)):
            array = self._graph.constants[name]
            shared = find(node).scale is Scale.SHARED
            affine = self._affines[node.output] if shared else affine_of(range_of(array))
            affine = self._brought.operands.get(name, affine)
            made = f"{node.output}:operand{index}"
            self.constants |= {
                f"{made}:q": affine.quantize(array),
                f"{made}:scale": np.array(affine.scale, np.float32),
                f"{made}:zero_point": np.array(affine.zero_point, np.int8),
            }
            self.shapes |= dict.fromkeys((f"{made}:q", f"{made}:real"), array.shape)
            inputs = (f"{made}:q", f"{made}:scale", f"{made}:zero_point")
            self.nodes.append(
                Node("DequantizeLinear", f"{made}:dequantize", inputs, (f"{made}:real",))
            )
            replaced[name] = f"{made}:real"
        return replaced

    def _constant(self, name: str, q: Array, scales: F32, axis: int = 0) -> str:
        """Write one integer array with its scales along an axis; the name of its real value."""
        per_channel = len(scales) > 1
        self.constants |= {
            f"{name}:q": q,
            f"{name}:scale": scales if per_channel else scales.reshape(()),
            f"{name}:zero_point": np.zeros(len(scales) if per_channel else (), q.dtype),
        }
        inputs = (f"{name}:q", f"{name}:scale", f"{name}:zero_point")
        attributes = {"axis": axis} if per_channel else {}
        real = f"{name}:real"
        self.shapes |= dict.fromkeys((f"{name}:q", real), q.shape)
        self.nodes.append(
            Node("DequantizeLinear", f"{name}:dequantize", inputs, (real,), attributes)
        )
        return real

    def _raw(self, value: str) -> str:
        """The name of a value before it is quantised."""
        is_written = value in self._graph.outputs and value in self._affines
        return f"{value}:raw" if is_written else value

    def _float(self, value: str) -> str:
        """The name of a value as a float layer reads it: another one's is not quantised for it."""
        return self._raw(value) if value in self._float_layers else self._real(value)

    def _real(self, value: str) -> str:
        """The name of a value on the int8 grid; the network's outputs keep theirs."""
        if value in self._graph.outputs or value not in self._affines:
            return value
        return f"{value}:real"
