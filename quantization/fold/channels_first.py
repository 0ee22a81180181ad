"""Networks written channels last, as Keras exports them: the same with channels first.

Around each convolution stand two Transpose, and what is done to each channel stands between
them: biases and norms as Sub, Mul and Add. Moved behind these, the Transpose meet and cancel
each other, and biases and norms become part of the weights, as they are in any other network.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from quantization.fold.fold import drop_unread
from quantization.graph.graph import Array, Graph, Node, inferred
from quantization.operators.rules import ScalesWithInput
from quantization.operators.table import OPERATORS

_Step: TypeAlias = Callable[[Graph, Node], Graph | None]
# Elements by themselves: a Transpose may stand before or behind these.
BINARY = ("Add", "Sub", "Mul")
UNARY = ("HardSwish", "Sigmoid", "Tanh", "LeakyRelu")


def channels_first(graph: Graph, *, scales: bool = True) -> Graph:
    """An equal network in which a Transpose stands only where the order of elements counts.

    Args:
        graph: as `fold_graph` returns it, but for norms that may have stayed.
        scales: whether what multiplies channels before a convolution becomes part of its
            weights; a network that is trained keeps pictures of the size that it is used to.
    """
    steps: tuple[_Step, ...] = (
        *(_transposes_on, _flattened, _nothing, _into_weights),
        _edge_pad_into_max_pool,
    )
    if scales:
        steps = (*steps, _before_weights)
    for step in steps:
        for output in [node.output for node in graph.nodes]:
            node = graph.producer(output)
            if node is not None:
                graph = step(graph, node) or graph
        graph = drop_unread(graph)
    return inferred(graph)


def _transposes_on(graph: Graph, node: Node) -> Graph | None:
    """A Transpose moves on until it meets one that undoes it."""
    return _joined(graph, node) if node.op == "Transpose" else _transpose_behind(graph, node)


def _transpose_behind(graph: Graph, node: Node) -> Graph | None:
    """What is computed of transposed values is computed before they are transposed."""
    computed = [name for name in node.inputs if name and name not in graph.constants]
    before = [graph.producer(name) for name in computed]
    perms = {_perm(graph, each) for each in before if each is not None and each.op == "Transpose"}
    if None in before or any(b.op != "Transpose" for b in before if b) or len(perms) != 1:
        return None
    (perm,) = perms
    moved = _moved(graph, node, perm)
    if moved is None:
        return None
    sources = {n: b.inputs[0] for n, b in zip(computed, before, strict=True) if b is not None}
    new, constants, kept = moved
    inputs = tuple(sources.get(name, name) for name in new.inputs)
    inner = f"{node.output}:before"
    if kept is None:  # the axes that were transposed are gone
        return graph.swap([node], replace(new, inputs=inputs), constants)
    return graph.expand(
        node,
        (
            replace(new, inputs=inputs, outputs=(inner,)),
            Node("Transpose", f"{node.name}:after", (inner,), node.outputs[:1], {"perm": kept}),
        ),
        constants,
    )


def _moved(
    graph: Graph, node: Node, perm: tuple[int, ...]
) -> tuple[Node, dict[str, Array], tuple[int, ...] | None] | None:
    """`node` for what is not transposed yet, its new constants, and the order that comes after."""
    rank = len(perm)
    if node.op in BINARY:
        names, constants = list(node.inputs), dict[str, Array]()
        for place, name in enumerate(names):
            array = graph.constants.get(name)
            if array is None or array.size == 1:
                continue
            if array.ndim > rank:
                return None
            names[place] = f"{node.output}:operand{place}"
            whole = array.reshape((1,) * (rank - array.ndim) + array.shape)
            constants[names[place]] = whole.transpose(np.argsort(perm))
        return replace(node, inputs=tuple(names)), constants, perm
    entry = OPERATORS.get(node.op)
    single = entry is not None and entry.scales_with_input is ScalesWithInput.ELEMENTS
    if single or node.op in UNARY:
        return node, {}, perm
    if node.op == "Concat":
        axis = perm[node.integer("axis", 0) % rank]
        return replace(node, attributes={**node.attributes, "axis": axis}), {}, perm
    if node.op == "Pad":
        return _pad(graph, node, perm)
    if node.op in ("ReduceMean", "ReduceMax"):
        return _reduction(graph, node, perm)
    return None


def _pad(
    graph: Graph, node: Node, perm: tuple[int, ...]
) -> tuple[Node, dict[str, Array], tuple[int, ...]] | None:
    pads = graph.constant(node, 1)
    if pads is None or len(pads) != 2 * len(perm) or (len(node.inputs) > 3 and node.inputs[3]):
        return None
    ends = pads.reshape(2, -1)[:, np.argsort(perm)]
    name = f"{node.output}:pads"
    inputs = (node.inputs[0], name, *node.inputs[2:])
    return replace(node, inputs=inputs), {name: ends.reshape(-1)}, perm


def _reduction(
    graph: Graph, node: Node, perm: tuple[int, ...]
) -> tuple[Node, dict[str, Array], tuple[int, ...] | None] | None:
    given = graph.constant(node, 1)
    axes = node.integers("axes", ()) if given is None else tuple(int(a) for a in given)
    if not axes:
        return None
    gone = tuple(sorted(perm[a % len(perm)] for a in axes))
    left = tuple(p for p in perm if p not in gone)
    kept: tuple[int, ...] | None = perm
    if not node.integer("keepdims", 1):
        kept = None
        if left != tuple(sorted(left)):
            return None  # what is left would have to be transposed, too
    if given is None:
        return replace(node, attributes={**node.attributes, "axes": gone}), {}, kept
    name = f"{node.output}:axes"
    inputs = (node.inputs[0], name, *node.inputs[2:])
    return replace(node, inputs=inputs), {name: np.array(gone, np.int64)}, kept


def _joined(graph: Graph, node: Node) -> Graph | None:
    """A Transpose of a Transpose is one, or nothing."""
    before = graph.producer(node.inputs[0]) if node.op == "Transpose" else None
    if before is None or before.op != "Transpose":
        return None
    first, second = _perm(graph, before), _perm(graph, node)
    perm = tuple(first[axis] for axis in second)
    joined = replace(node, inputs=before.inputs[:1], attributes={"perm": perm})
    graph = graph.swap([node], joined)
    identity = perm == tuple(range(len(perm)))
    ends = (*graph.inputs, *graph.outputs)
    both_ends = joined.output in graph.outputs and joined.inputs[0] in ends
    return graph.bypass(joined) if identity and not both_ends else graph


def _flattened(graph: Graph, node: Node) -> Graph | None:
    """A dense layer of a flattened map takes its elements in whatever order they come."""
    weight = graph.constant(node, 1) if node.op == "Gemm" and node.integer("transB", 0) else None
    flat = graph.producer(node.inputs[0])
    turned = None if flat is None else graph.producer(flat.inputs[0])
    if weight is None or flat is None or turned is None or turned.op != "Transpose":
        return None
    perm, shape = _perm(graph, turned), graph.shapes.get(flat.inputs[0], ())
    if flat.op != "Flatten" or flat.integer("axis", 1) != 1 or perm[0] != 0 or -1 in shape:
        return None
    if graph.sole_consumer(flat.output) is not node:
        return None
    name = f"{node.output}:in order"
    maps = weight.reshape(len(weight), *shape[1:]).transpose(np.argsort(perm))
    new = replace(node, inputs=(node.inputs[0], name, *node.inputs[2:]))
    straight = replace(flat, inputs=turned.inputs[:1])
    graph = graph.swap([flat], straight)
    return graph.swap([node], new, {name: np.ascontiguousarray(maps).reshape(weight.shape)})


def _into_weights(graph: Graph, node: Node) -> Graph | None:
    """What is added to each channel of a layer, or multiplies it, becomes part of the layer."""
    if node.op not in ("Add", "Sub", "Mul"):
        return None
    place = 0 if node.inputs[0] not in graph.constants else 1
    layer = graph.producer(node.inputs[place])
    operand = graph.constants.get(node.inputs[1 - place])
    if layer is None or layer.op not in ("Conv", "Gemm") or operand is None:
        return None
    weight, bias = graph.constant(layer, 1), graph.constant(layer, 2)
    if weight is None or bias is None or graph.sole_consumer(layer.output) is not node:
        return None
    rank = len(graph.shapes.get(layer.output, ())) or weight.ndim
    values = _per_channel(operand, rank, len(bias))
    if values is None:
        return None
    factor, offset = np.ones_like(values), np.zeros_like(values)
    if node.op == "Mul":
        factor = values
    elif node.op == "Add":
        offset = values
    elif place == 0:
        offset = -values
    else:
        factor, offset = -factor, values
    names = (f"{node.output}:weight", f"{node.output}:bias")
    scaled = weight * factor.reshape(-1, *(1,) * (weight.ndim - 1))
    arrays = (scaled.astype(weight.dtype), (bias * factor + offset).astype(bias.dtype))
    new = replace(layer, inputs=(layer.inputs[0], *names), outputs=node.outputs[:1])
    return graph.swap([layer, node], new, dict(zip(names, arrays, strict=True)))


def _nothing(graph: Graph, node: Node) -> Graph | None:
    """To add nothing, or to multiply by 1, leaves a value as it is."""
    operand = graph.constant(node, 1) if node.op in BINARY else None
    neutral = 1 if node.op == "Mul" else 0
    if operand is None or operand.size != 1 or operand.item() != neutral:
        return None
    ends = (*graph.inputs, *graph.outputs)
    return None if node.output in graph.outputs and node.inputs[0] in ends else graph.bypass(node)


def _before_weights(graph: Graph, node: Node) -> Graph | None:
    """What multiplies each channel before a convolution becomes part of its weights.

    Zeros that it is padded with stay zeros.
    """
    place = 0 if node.op != "Mul" or node.inputs[0] not in graph.constants else 1
    operand = graph.constants.get(node.inputs[1 - place]) if node.op == "Mul" else None
    layer = graph.sole_consumer(node.output)
    if operand is None or layer is None or layer.op != "Conv" or layer.integer("group", 1) != 1:
        return None
    weight = graph.constant(layer, 1)
    if weight is None or layer.inputs[0] != node.output:
        return None
    values = _per_channel(operand, weight.ndim, weight.shape[1])
    if values is None:
        return None
    name = f"{layer.output}:scaled"
    scaled = weight * values.reshape(1, -1, *(1,) * (weight.ndim - 2))
    new = replace(layer, inputs=(node.inputs[place], name, *layer.inputs[2:]))
    return graph.swap([node, layer], new, {name: scaled.astype(weight.dtype)})


def _edge_pad_into_max_pool(graph: Graph, node: Node) -> Graph | None:
    """Copies of the edge do not change the maximum of a window that reaches it.

    So a MaxPool that is padded with them is one with padding of its own, which never wins.
    """
    pool = graph.sole_consumer(node.output) if node.op == "Pad" else None
    pads = graph.constant(node, 1)
    if pool is None or pool.op != "MaxPool" or pads is None or node.text("mode", "") != "edge":
        return None
    begins, ends = pads.reshape(2, -1)
    kernel = pool.integers("kernel_shape", ())
    own = pool.integers("pads", (0,) * 2 * len(kernel))
    fits = all(
        0 <= p < k for p, k in zip((*begins[2:], *ends[2:]), (*kernel, *kernel), strict=True)
    )
    ones = (1,) * len(kernel)
    if begins[:2].any() or ends[:2].any() or any(own) or not fits:
        return None
    if pool.integers("dilations", ones) != ones or pool.integer("ceil_mode", 0):
        return None
    if len(node.inputs) > 3 and node.inputs[3]:
        return None
    padded = tuple(int(p) for p in (*begins[2:], *ends[2:]))
    new = replace(pool, inputs=node.inputs[:1], attributes={**pool.attributes, "pads": padded})
    return graph.swap([node, pool], new)


def _per_channel(operand: Array, rank: int, channels: int) -> Array | None:
    """(channels,) float64 of an operand that broadcasts along the second axis alone."""
    shape = (1,) * (rank - operand.ndim) + operand.shape
    if len(shape) != rank or any(size != 1 for axis, size in enumerate(shape) if axis != 1):
        return None
    if shape[1] not in (1, channels):
        return None
    return np.broadcast_to(np.asarray(operand, np.float64).reshape(-1), (channels,)).copy()


def _perm(graph: Graph, node: Node) -> tuple[int, ...]:
    rank = len(graph.shapes.get(node.inputs[0], ())) or len(graph.shapes.get(node.output, ()))
    return node.integers("perm", tuple(reversed(range(rank))))
