"""`OnnxNetwork`: the network of an ONNX file in torch, to be trained and pruned like ours.

Convolutions, dense layers and batch norms are torch's own modules, which pruning and the count
of multiplications know; every other operator is the function that quantisation-aware training
has for it (`quantization.qat.ops`).
"""

import copy
from collections.abc import Sequence
from pathlib import Path

import msgspec
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.common.errors import RecipeError, RunError
from pipeline.models.own.onnx_graph import last_layer, own_graph, with_classes
from pipeline.models.own.source import OnnxOptions, file_sha256
from pipeline.models.spec import ModelSpec, OwnSource
from quantization.graph.graph import Array, Graph, Node
from quantization.operators.activation import NO_BOUNDS, bounds
from quantization.operators.table import find as find_facts
from quantization.qat.ops import find
from quantization.qat.registry import NodeCall
from quantization.scales.plan import operands

# Before the names of what the network holds itself; no value of a graph begins so.
HELD = "held in the network: "
RESHAPES = ("Flatten", "Reshape", "Squeeze", "Unsqueeze")


class PaddedConv2d(nn.Conv2d):
    """A convolution with ONNX's padding: as much before each axis as after it, or not."""

    def __init__(self, weight: Array, node: Node) -> None:
        outputs, inputs, *kernel = weight.shape
        groups = node.integer("group", 1)
        super().__init__(
            inputs * groups,
            outputs,
            (kernel[0], kernel[1]),
            node.integers("strides", (1, 1)),  # type: ignore[arg-type]
            dilation=node.integers("dilations", (1, 1)),  # type: ignore[arg-type]
            groups=groups,
        )
        top, left, bottom, right = node.integers("pads", (0, 0, 0, 0))
        self.even = (top, left) if (top, left) == (bottom, right) else None
        self.around = (left, right, top, bottom)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, outputs, H', W')."""
        padding = self.even or (0, 0)
        x = x if self.even is not None else F.pad(x, self.around)
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class OnnxNetwork(nn.Module):
    """A folded graph as a module from (N, C, H, W) to (N, classes).

    Args:
        graph: as `own_graph` returns it, with or without its batch norms.

    Raises:
        UnsupportedOperatorError: an operator cannot be trained.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.layers = nn.ModuleDict()
        self._steps: list[_Step] = []
        self._source, self._result = graph.inputs[0], graph.outputs[0]
        for number, node in enumerate(graph.nodes):
            layer = _layer(graph, node)
            name = f"{node.op.lower()}{number}"
            if layer is not None:
                self.layers[name] = layer
                self._steps.append(_Step(node, (node.inputs[0],), name))
                continue
            call = _call(graph, node)
            inputs: list[str] = []
            for value in _tensors(graph, node):
                if value in graph.constants:
                    self._hold(f"{name}_{len(inputs)}", graph, node, value)
                    inputs.append(f"{HELD}{name}_{len(inputs)}")
                else:
                    inputs.append(value)
            self._steps.append(_Step(node, tuple(inputs), None, call))

    def _hold(self, name: str, graph: Graph, node: Node, value: str) -> None:
        """Keep a constant: what weighs is trained, what only shifts or scales values is not."""
        tensor = _tensor(graph.constants[value])
        if find_facts(node).weights is not None or node.op == "MatMul":
            self.register_parameter(name, nn.Parameter(tensor))
        else:
            # Not in the state: nothing changes it.
            self.register_buffer(name, tensor, persistent=False)

    def __deepcopy__(self, memo: dict[int, object]) -> "OnnxNetwork":
        """A copy with weights of its own; the steps, which nothing changes, are shared."""
        steps, self._steps = self._steps, []
        try:
            made = copy.copy(self)
            made.__dict__ = copy.deepcopy(self.__dict__, memo)
        finally:
            self._steps = steps
        made._steps = steps
        return made

    def forward(self, x: Tensor) -> Tensor:
        """Pictures, normalised as the recipe says, to logits."""
        values = {self._source: x}
        for step in self._steps:
            inputs = [self._input(name, values) for name in step.inputs]
            if step.layer is not None:
                values[step.node.output] = self.layers[step.layer](*inputs)
            else:
                values[step.node.output] = step.compute(inputs)
        return values[self._result]

    def _input(self, name: str, values: dict[str, Tensor]) -> Tensor:
        if name in values:
            return values[name]
        held: Tensor = getattr(self, name.removeprefix(HELD))
        return held


class _Step:
    """One node: a layer's name, or what computes it."""

    def __init__(
        self,
        node: Node,
        inputs: tuple[str, ...],
        layer: str | None,
        call: NodeCall | None = None,
    ) -> None:
        self.node, self.inputs, self.layer, self.call = node, inputs, layer, call

    def compute(self, inputs: Sequence[Tensor]) -> Tensor:
        """What the node makes of its inputs."""
        assert self.call is not None, "a step without a layer has a call"
        if self.node.op in RESHAPES:
            return _reshaped(self.call, inputs[0])
        y = find(self.node).compute(self.call, *inputs)
        return y if self.call.bounds == NO_BOUNDS else y.clamp(*self.call.bounds)


def onnx_network(spec: ModelSpec, source: OwnSource) -> nn.Module:
    """The network of an ONNX file with its weights; with other classes the last layer is fresh.

    Raises:
        RunError: the file is another one than the network was made of.
        RecipeError: it is none that takes the recipe's input and gives a row of scores.
        UnsupportedOperatorError: an operator cannot be trained.
    """
    path = Path(source.path)
    found = file_sha256(path)
    if found != source.sha256:
        raise RunError(
            f"model.arch: {spec.arch}: expected {path} as it was when the network was made, "
            f"SHA-256 {source.sha256[:16]}, found {found[:16]}; put it back, or build anew"
        )
    options = msgspec.convert(source.options, OnnxOptions)
    graph = own_graph(path, spec.input, options, norms=False)
    same = graph.shapes[graph.outputs[0]] == (1, spec.classes)
    if not same:
        changed = with_classes(graph, spec.classes)
        if changed is None:
            raise RecipeError(
                f"{path}: expected {spec.classes} classes, or a last layer that can be put in its "
                f"place, found {graph.shapes[graph.outputs[0]][1]} classes and no such layer"
            )
        graph = changed
    module = OnnxNetwork(graph)
    if not same:
        _start_afresh(module, graph)
    return module


def _start_afresh(module: OnnxNetwork, graph: Graph) -> None:
    """Give the last layer small random weights, so that no first answer is sure."""
    node = last_layer(graph)
    assert node is not None, "it was put into the graph"
    place = next(n for n, each in enumerate(graph.nodes) if each is node)
    layer = module.layers[f"{node.op.lower()}{place}"]
    nn.init.normal_(layer.get_parameter("weight"), std=0.01)


def _layer(graph: Graph, node: Node) -> nn.Module | None:
    """The module of a node that pruning has to know; None of any other."""
    weight, bias = graph.constant(node, 1), graph.constant(node, 2)
    if weight is None or bias is None:
        return None
    if node.op == "BatchNormalization":
        norm = nn.BatchNorm2d(len(weight), eps=node.real("epsilon", 1e-5))
        mean, variance = graph.constant(node, 3), graph.constant(node, 4)
        if mean is None or variance is None or len(graph.shapes[node.output]) != 4:
            return None
        state = {"weight": weight, "bias": bias, "running_mean": mean, "running_var": variance}
        return _filled(norm, state)
    if node.op == "Conv" and weight.ndim == 4:
        return _filled(PaddedConv2d(weight, node), {"weight": weight, "bias": bias})
    plain = node.op == "Gemm" and node.integer("transB", 0) and not node.integer("transA", 0)
    if plain:
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        return _filled(linear, {"weight": weight, "bias": bias})
    return None


def _filled(layer: nn.Module, arrays: dict[str, Array]) -> nn.Module:
    state = {name: _tensor(array) for name, array in arrays.items()}
    layer.load_state_dict(state, strict=False)  # but for the count of a norm's batches
    return layer


def _call(graph: Graph, node: Node) -> NodeCall:
    find(node)
    return NodeCall(
        node,
        tuple(graph.constants.get(name) for name in node.inputs),
        graph.shapes[node.inputs[0]],
        graph.shapes[node.output],
        bounds(graph, node) if node.op == "Clip" else NO_BOUNDS,
    )


def _tensors(graph: Graph, node: Node) -> tuple[str, ...]:
    """The inputs of a node that it computes with, in order: values, weights and operands."""
    weighs = find_facts(node).weights is not None and graph.constant(node, 1) is not None
    held = {*operands(graph, node), *(node.inputs[1:3] if weighs else ())}
    return tuple(n for n in node.inputs if n and (n in held or n not in graph.constants))


def _reshaped(call: NodeCall, x: Tensor) -> Tensor:
    """The same elements in another shape; of channels that stay, as many as there are."""
    before, after = call.before, call.after
    if len(after) == 2:
        return x.flatten(1)
    if len(before) > 1 and before[1] == after[1]:
        return x.reshape(x.shape[0], x.shape[1], *after[2:])
    return x.reshape(x.shape[0], *after[1:])


def _tensor(array: Array) -> Tensor:
    return torch.tensor(array, dtype=torch.float32)
