"""The steps of a fake-quant network: which layer is computed when, from what, and its end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from edge_agent.bundle.affine import Affine
from quantization.errors import QuantizationError
from quantization.graph.graph import Graph, Node
from quantization.operators.activation import bounds, is_absorbed, is_fused
from quantization.operators.batching import takes_batches
from quantization.operators.rules import Scale, Weights
from quantization.operators.table import find as find_facts
from quantization.qat.ops import find
from quantization.qat.registry import NodeCall, TrainableOperator, refuse
from quantization.scales.plan import activation_inputs, layer_of, operands
from quantization.scales.qdq import range_of
from quantization.scales.ranges import affine_of


@dataclass(frozen=True)
class LayerStep:
    """One layer: a node and the activation it takes up.

    Args:
        call: the node.
        operator: what computes it.
        inputs: the values and constant operands it is computed from, by name.
        layer: the names of its weights and bias, if it has any.
        weights: the rule of their scales.
        output: the value it computes.
        shared: whether its inputs are brought to its output's scale first.
        real: whether it stays in float.
        finished: the values that nobody reads after it.
    """

    call: NodeCall
    operator: TrainableOperator
    inputs: tuple[str, ...]
    layer: tuple[str, str] | None
    weights: Weights | None
    output: str
    shared: bool
    real: bool
    finished: tuple[str, ...]


@dataclass(frozen=True)
class TrainingPlan:
    """What a fake-quant network computes, in order; copies of the network share it.

    Args:
        graph: the folded network, with the weights that training starts from.
        steps: the layers that the outputs depend on.
        first: those of them that the first output depends on.
        outputs: the names of the outputs, without those that are indices.
        operands: the scales of the constants that become int8 tensors, by name.
        trained: the names of the weights and biases that are trained.
        kept: the names of the other constants that layers compute with.
        batched: whether the steps compute any number of samples at once.
    """

    graph: Graph
    steps: tuple[LayerStep, ...]
    first: tuple[LayerStep, ...]
    outputs: tuple[str, ...]
    operands: Mapping[str, Affine]
    trained: tuple[str, ...]
    kept: tuple[str, ...]
    batched: bool

    def __deepcopy__(self, _memo: object) -> "TrainingPlan":
        """Itself: nothing in it changes."""
        return self

    @property
    def source(self) -> str:
        """The name of the network's input."""
        return self.graph.inputs[0]


def plan_training(graph: Graph, float_layers: tuple[str, ...]) -> TrainingPlan:
    """The plan of a folded network that has a lowering.

    Raises:
        UnsupportedOperatorError: if a node cannot be trained; indices may leave the network,
            but not as its first output.
        QuantizationError: if an output has no axis of samples.
    """
    outputs = _outputs(graph)
    nodes = _needed(graph, outputs)
    for node in nodes:
        find(node)
    batched = takes_batches(replace(graph, nodes=tuple(map(_any_batch, nodes))))
    for output in outputs:
        if not batched and graph.shapes.get(output, ())[:1] != (1,):
            raise QuantizationError(
                f"output {output!r}: expected its first axis to be that of the samples"
            )
    steps = _with_finished(
        graph,
        [_step(graph, node, float_layers) for node in nodes if not is_absorbed(graph, node)],
    )
    first = {layer_of(graph, node) for node in _needed(graph, outputs[:1])}
    operands = {n: None for step in steps for n in step.inputs if n in graph.constants}
    layers = {n: None for step in steps if step.layer for n in step.layer}
    return TrainingPlan(
        graph=graph,
        steps=steps,
        first=tuple(step for step in steps if step.output in first),
        outputs=outputs,
        operands={name: affine_of(range_of(graph.constants[name])) for name in operands},
        trained=tuple(name for name in layers if name not in operands),
        kept=tuple(operands),
        batched=batched,
    )


def _outputs(graph: Graph) -> tuple[str, ...]:
    """The outputs without those that are indices, which have no gradient."""
    computed = {output: graph.producer(output) for output in graph.outputs}
    outputs = tuple(
        output
        for output, node in computed.items()
        if node is None or find_facts(node).scale is not Scale.INDEX
    )
    node = computed[graph.outputs[0]]
    if graph.outputs[0] not in outputs and node is not None:
        refuse(node, "gives indices, which have no gradient, as the first output")
    return outputs


def _needed(graph: Graph, outputs: tuple[str, ...]) -> list[Node]:
    """The nodes that some outputs depend on."""
    wanted, needed = set(outputs), list[Node]()
    for node in reversed(graph.nodes):
        if not wanted.isdisjoint(node.outputs):
            needed.insert(0, node)
            wanted.update(node.inputs)
    return needed


def _any_batch(node: Node) -> Node:
    """A node for `takes_batches`: a Resize here reads no size but that of height and width."""
    return replace(node, op="Identity") if node.op == "Resize" else node


def _step(graph: Graph, node: Node, float_layers: tuple[str, ...]) -> LayerStep:
    entry, output = find_facts(node), layer_of(graph, node)
    weights = entry.weights if graph.constant(node, 1) is not None else None
    real = output in float_layers
    tensors = {*activation_inputs(graph, node), *operands(graph, node)}
    return LayerStep(
        call=NodeCall(
            node,
            tuple(graph.constants.get(name) for name in node.inputs),
            graph.shapes[node.inputs[0]],
            graph.shapes[node.output],
            _bounds(graph, node),
        ),
        operator=find(node),
        inputs=tuple(name for name in node.inputs if name in tensors),
        layer=None if weights is None else (node.inputs[1], node.inputs[2]),
        weights=weights,
        output=output,
        shared=entry.scale is Scale.SHARED and not real,
        real=real,
        finished=(),
    )


def _bounds(graph: Graph, node: Node) -> tuple[float, float]:
    """Those of a Clip, or of the activation that a node takes up."""
    cutting = graph.consumers(node.output)[0] if is_fused(graph, node) else node
    return bounds(graph, cutting)


def _with_finished(graph: Graph, steps: list[LayerStep]) -> tuple[LayerStep, ...]:
    """The steps, each with the values that it is the last to read."""
    read_later, finished = set(graph.outputs), list[LayerStep]()
    for step in reversed(steps):
        last = {name for name in step.inputs if name not in graph.constants} - read_later
        read_later |= last
        finished.insert(0, replace(step, finished=tuple(sorted(last))))
    return tuple(finished)
