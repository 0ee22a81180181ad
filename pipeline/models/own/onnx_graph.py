"""`own_graph`: the network of an ONNX file as one that answers with a logit for each class."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from edge_agent.bundle.manifest import InputSpec
from pipeline.common.errors import RecipeError
from pipeline.models.own.source import OnnxOptions
from quantization.fold.channels_first import channels_first
from quantization.fold.fold import fold_graph
from quantization.graph.graph import Array, Graph, Node, inferred, read
from quantization.graph.load import load_model
from quantization.graph.one_sample import for_one_sample, inputs, shape_of, with_input
from quantization.operators.rules import Moves
from quantization.operators.table import OPERATORS
from quantization.scales.imported import is_quantized

SOURCE = "image"  # the name of the input, channels first, whatever the file calls its own
TO_CHANNELS_LAST = (0, 2, 3, 1)


PLAIN = OnnxOptions()
BLUE_FIRST = np.array([2, 1, 0])


def own_graph(
    path: Path, spec: InputSpec, options: OnnxOptions = PLAIN, *, norms: bool = True
) -> Graph:
    """The float network of an ONNX file, in the one form that is trained and quantised.

    Its input is (1, C, H, W), whatever the file's is; what only makes probabilities of its
    logits is left off, for the device does so itself. One output with a sigmoid becomes two
    logits, whose softmax says the same.

    Args:
        path: the file.
        spec: what the network sees.
        options: which outputs it keeps, and whether it takes blue first.
        norms: whether batch norms, and what scales the picture, become part of the weights.

    Raises:
        RecipeError: its input is none of `spec`, or it gives no row of scores.
        QuantizationError: the file is no network that can be read.
    """
    model = for_one_sample(load_model(path))
    if is_quantized(model):
        raise RecipeError(f"{path}: expected a float network, found one that is quantised already")
    fed = inputs(model)
    if len(fed) != 1:
        raise RecipeError(f"{path}: expected one input, found {len(fed)}")
    shape = _input_shape(path, shape_of(fed[0]), spec)
    graph = _one_output(path, read(with_input(model, shape)))
    if shape != _channels_first(spec):
        graph = _fed_channels_first(graph)
    graph = fold_graph(graph, norms=norms)
    graph = fold_graph(channels_first(graph, scales=norms), norms=norms)
    graph = _logits(graph)
    if options.bgr:
        graph = _red_first(path, graph)
    if options.rows is not None:
        graph = _chosen(path, graph, options.rows)
    found = graph.shapes.get(graph.outputs[0], ())
    if len(found) != 2 or found[0] != 1:
        raise RecipeError(
            f"{path}: expected an output (1, classes), found {_written(found)}; "
            "a network that classifies gives one row of scores"
        )
    return graph


def _red_first(path: Path, graph: Graph) -> Graph:
    """The graph for red first, of one that takes blue first, by the order of its weights."""
    (source,) = graph.inputs
    if graph.shapes[source][1] != 3:
        raise RecipeError(f"model.bgr: expected a network of colour, found {path} of grey")
    return inferred(_reordered(path, graph, source))


def _reordered(path: Path, graph: Graph, value: str) -> Graph:
    for node in graph.consumers(value):
        weight = graph.constant(node, 1)
        if node.op == "Conv" and weight is not None and node.integer("group", 1) == 1:
            name = f"{node.output}:red first"
            new = replace(node, inputs=(value, name, *node.inputs[2:]))
            graph = graph.swap([node], new, {name: weight[:, BLUE_FIRST]})
        elif node.op in ("Add", "Sub", "Mul") and any(n in graph.constants for n in node.inputs):
            graph = _reordered(path, _operand_red_first(graph, node), node.output)
        elif node.op == "Pad":
            graph = _reordered(path, graph, node.output)
        else:
            raise RecipeError(
                f"model.bgr: expected {path} to begin with a convolution, found {node.op}"
            )
    return graph


def _operand_red_first(graph: Graph, node: Node) -> Graph:
    """The graph with a constant of each channel in the order red, green, blue."""
    names, constants = list(node.inputs), {}
    for place, name in enumerate(node.inputs):
        array = graph.constants.get(name)
        if array is not None and array.ndim >= 3 and array.shape[-3] == 3:
            names[place] = f"{node.output}:red first"
            constants[names[place]] = np.ascontiguousarray(array[..., BLUE_FIRST, :, :])
    return graph.swap([node], replace(node, inputs=tuple(names)), constants)


def _chosen(path: Path, graph: Graph, rows: tuple[int, ...]) -> Graph:
    """The graph with some of its outputs, in another order."""
    found = graph.shapes.get(graph.outputs[0], (1, 0))[-1]
    layer = last_layer(graph)
    if layer is None or max(rows) >= found:
        raise RecipeError(
            f"model.labels: expected one for each output of {path}, found "
            f"{'no layer that could be put in order' if layer is None else f'{found} outputs'}"
        )
    return _with_rows(graph, layer, *(graph.constants[n][list(rows)] for n in layer.inputs[1:3]))


def last_layer(graph: Graph) -> Node | None:
    """The layer whose channels are the classes: the last one, behind which nothing is weighed."""
    value = graph.outputs[0]
    while (node := graph.producer(value)) is not None:
        if node.op in ("Gemm", "Conv"):
            return node if graph.constant(node, 2) is not None else None
        entry = OPERATORS.get(node.op)
        moves = entry is not None and entry.moves in (Moves.RESHAPES, Moves.TRANSPOSES)
        if not moves and node.op not in ("GlobalAveragePool", "ReduceMean", "AveragePool", "Relu"):
            return None
        value = node.inputs[0]
    return None


def with_classes(graph: Graph, classes: int) -> Graph | None:
    """The graph with `classes` zeros for weights in its last layer; None where that has none."""
    layer = last_layer(graph)
    if layer is None:
        return None
    weight, bias = graph.constants[layer.inputs[1]], graph.constants[layer.inputs[2]]
    fresh = np.zeros((classes, *weight.shape[1:]), weight.dtype)
    return _with_rows(graph, layer, fresh, np.zeros(classes, bias.dtype))


def _with_rows(graph: Graph, layer: Node, weight: Array, bias: Array) -> Graph:
    """The graph with other weights in its last layer, and as many outputs as they have rows."""
    rows = {f"{layer.output}:rows": weight, f"{layer.output}:rows bias": bias}
    new = replace(layer, inputs=(layer.inputs[0], *rows))
    shapes = {**graph.shapes, graph.outputs[0]: (1, len(bias))}
    return inferred(replace(graph.swap([layer], new, rows), shapes=shapes))


def _channels_first(spec: InputSpec) -> tuple[int, int, int, int]:
    return (1, spec.channels, spec.height, spec.width)


def _input_shape(
    path: Path, found: tuple[int | None, ...], spec: InputSpec
) -> tuple[int, int, int, int]:
    """The input's shape with what the file leaves open as the recipe has it."""
    for wanted in (_channels_first(spec), spec.shape):
        if len(found) == 4 and all(f in (None, w) for f, w in zip(found, wanted, strict=True)):
            return wanted
    height, width, channels = spec.height, spec.width, spec.channels
    raise RecipeError(
        f"input: expected what {path} takes, {_written(found)}, found a height of {height}, a "
        f"width of {width} and {channels} channel{'s' if channels > 1 else ''} ({spec.colour})"
    )


def _written(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join('?' if d in (None, -1) else str(d) for d in shape)})"


def _one_output(path: Path, graph: Graph) -> Graph:
    if len(graph.outputs) != 1:
        raise RecipeError(
            f"{path}: expected one output, found {len(graph.outputs)}: {', '.join(graph.outputs)}"
        )
    return graph


def _fed_channels_first(graph: Graph) -> Graph:
    """The graph with its picture channels first, and turned before it is looked at."""
    (old,) = graph.inputs
    n, height, width, channels = graph.shapes[old]
    turn = Node("Transpose", "channels last", (SOURCE,), (old,), {"perm": TO_CHANNELS_LAST})
    shapes = {**graph.shapes, SOURCE: (n, channels, height, width)}
    return inferred(replace(graph, nodes=(turn, *graph.nodes), inputs=(SOURCE,), shapes=shapes))


def _logits(graph: Graph) -> Graph:
    """The graph without the softmax at its end, or with two logits for one sigmoid."""
    last = graph.producer(graph.outputs[0])
    if last is None:
        return graph
    if last.op in ("Softmax", "LogSoftmax"):
        return _ending(graph, last)
    layer = graph.producer(last.inputs[0]) if last.op == "Sigmoid" else None
    weight = None if layer is None or layer.op != "Gemm" else graph.constant(layer, 1)
    if layer is None or weight is None or len(weight) != 1:
        return graph
    bias = graph.constants[layer.inputs[2]]
    # softmax(-z / 2, z / 2) is (1 - sigmoid(z), sigmoid(z)).
    weight, bias = (np.concatenate((-a / 2, a / 2)).astype(a.dtype) for a in (weight, bias))
    graph = _ending(graph, last)
    ending = graph.producer(graph.outputs[0])
    assert ending is not None, "a Gemm stood before the sigmoid"
    return _with_rows(graph, ending, weight, bias)


def _ending(graph: Graph, last: Node) -> Graph:
    """The graph that ends before its node `last`."""
    before = last.inputs[0]
    nodes = tuple(node for node in graph.nodes if node is not last)
    return inferred(replace(graph, nodes=nodes, outputs=(before,)))
