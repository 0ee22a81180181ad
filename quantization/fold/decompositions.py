"""The rewrites that express an operator by others that have a lowering; see `rewrites`."""

from dataclasses import replace

import numpy as np

from quantization.graph.graph import Array, Graph, Node
from quantization.operators.rules import Moves
from quantization.operators.table import OPERATORS

# How far 1 / alpha may be from 6 for a hard sigmoid to be that of HardSwish: exporters write
# alpha as the float32 next to 1 / 6.
ALPHA_TOLERANCE = 1e-5

# What is added to the name of a value for that of its rows as channels.
ROWS = ":rows"


def hard_sigmoid_product(graph: Graph, node: Node) -> Graph | None:
    """``x * HardSigmoid(x)`` with a slope of 1/6 is HardSwish."""
    if node.op != "Mul":
        return None
    for value, other in (node.inputs, reversed(node.inputs)):
        gate = graph.producer(other)
        if gate is None or gate.op != "HardSigmoid" or gate.inputs[0] != value:
            continue
        if graph.sole_consumer(other) is node and _is_sixth(gate):
            return graph.swap([gate, node], Node("HardSwish", node.name, (value,), node.outputs))
    return None


def hard_sigmoid(graph: Graph, node: Node) -> Graph | None:
    """``clip(a x + b, 0, 1)`` is ``clip(x + b / a, 0, 1 / a) * a``.

    In this order the clip is at the input's scale, not at that of all ``a x + b``.
    """
    if node.op != "HardSigmoid":
        return None
    alpha, beta = node.real("alpha", 0.2), node.real("beta", 0.5)
    if alpha <= 0:
        return None
    width = 6.0 if _is_sixth(node) else 1 / alpha
    y = node.output
    names = (f"{y}:offset", f"{y}:low", f"{y}:high", f"{y}:slope")
    values = (beta / alpha, 0.0, width, 1 / width)
    arrays = (np.array(v, np.float32) for v in values)
    shifted, clipped = f"{y}:shifted", f"{y}:clipped"
    offset, low, high, slope = names
    new = [
        Node("Add", f"{node.name}:shift", (node.inputs[0], offset), (shifted,)),
        Node("Clip", f"{node.name}:clip", (shifted, low, high), (clipped,)),
        Node("Mul", f"{node.name}:scale", (clipped, slope), (y,)),
    ]
    shapes = dict.fromkeys((shifted, clipped), graph.shapes[y]) if y in graph.shapes else {}
    return graph.expand(node, new, dict(zip(names, arrays, strict=True)), shapes)


def constant_division(graph: Graph, node: Node) -> Graph | None:
    """Division by a constant is multiplication by its reciprocal, and Neg one by -1."""
    name = f"{node.output}:factor"
    if node.op == "Neg":
        factor: Array = np.array(-1, np.float32)
    elif node.op == "Div":
        divisor = graph.constant(node, 1)
        if divisor is None or node.inputs[0] in graph.constants or not divisor.all():
            return None
        factor = (1 / divisor.astype(np.float64)).astype(np.float32)
        if not np.isfinite(factor).all():
            return None
    else:
        return None
    new = Node("Mul", node.name, (node.inputs[0], name), node.outputs)
    return graph.swap([node], new, {name: factor})


def sum_to_mean(graph: Graph, node: Node) -> Graph | None:
    """ReduceSum is ReduceMean times the number of elements.

    TFLite's own SUM of int8 overflows in tflite-runtime 2.14: the reference kernel, which is
    that of Arm, was 112 quanta off on a map of 4 x 5.
    """
    before = graph.shapes.get(node.inputs[0], (-1,)) if node.inputs else (-1,)
    after = graph.shapes.get(node.output, (-1,))
    if node.op != "ReduceSum" or -1 in before or -1 in after:
        return None
    count, name, mean = (
        np.prod(before) / np.prod(after),
        f"{node.output}:count",
        (f"{node.output}:mean"),
    )
    attributes = dict(node.attributes)
    inputs = node.inputs[:1]
    axes = graph.constant(node, 1)
    constants: dict[str, Array] = {name: np.array(count, np.float32)}
    if axes is not None:  # ReduceMean has them as an attribute until opset 18
        if graph.opset < 18:
            attributes["axes"] = [int(a) for a in axes]
        else:
            inputs = node.inputs
    elif len(node.inputs) > 1 and node.inputs[1]:
        return None
    if attributes.pop("noop_with_empty_axes", 0) and axes is None:
        return None
    new = [
        Node("ReduceMean", node.name, inputs, (mean,), attributes),
        Node("Mul", f"{node.name}:count", (mean, name), node.outputs),
    ]
    return graph.expand(node, new, constants, {mean: after})


def split_to_slices(graph: Graph, node: Node) -> Graph | None:
    """Split is one Slice for each output that is read."""
    if node.op != "Split" or any(o not in graph.shapes for o in node.outputs):
        return None
    axis = node.integer("axis", 0)
    start, new = 0, []
    constants: dict[str, Array] = {}
    for output in node.outputs:
        end = start + graph.shapes[output][axis]
        if graph.shapes[output][axis] < 0:
            return None
        names = tuple(f"{output}:{what}" for what in ("start", "end", "axis"))
        for name, value in zip(names, (start, end, axis), strict=True):
            constants[name] = np.array([value], np.int64)
        new.append(Node("Slice", f"{node.name}:{output}", (node.inputs[0], *names), (output,)))
        start = end
    return graph.expand(node, new, constants)


def batch_norm_alone(graph: Graph, node: Node) -> Graph | None:
    """BatchNormalization that no layer takes up is a product and a sum by constants."""
    statistics = [graph.constant(node, i) for i in range(1, 5)]
    shape = graph.shapes.get(node.inputs[0], ()) if node.inputs else ()
    if (
        node.op != "BatchNormalization"
        or node.integer("training_mode", 0)
        or len(shape) < 2
        or any(s is None for s in statistics)
    ):
        return None
    gamma, beta, mean, var = (np.asarray(s, np.float64) for s in statistics)
    scale = gamma / np.sqrt(var + node.real("epsilon", 1e-5))  # (C,)
    y = node.output
    names, scaled = (f"{y}:factor", f"{y}:offset"), f"{y}:scaled"
    arrays = (
        values.astype(np.float32).reshape(-1, *(1,) * (len(shape) - 2))
        for values in (scale, beta - mean * scale)
    )
    new = [
        Node("Mul", f"{node.name}:scale", (node.inputs[0], names[0]), (scaled,)),
        Node("Add", f"{node.name}:shift", (scaled, names[1]), (y,)),
    ]
    return graph.expand(node, new, dict(zip(names, arrays, strict=True)), {scaled: shape})


def rows_to_conv(graph: Graph, node: Node) -> Graph | None:
    """MatMul of each row of (1, ..., K) by a constant (K, N) is a convolution of size 1.

    The Transposes around it are names of axes only, and cost nothing in the TFLite file.
    """
    weight = graph.constant(node, 1) if node.op == "MatMul" else None
    shape = graph.shapes.get(node.inputs[0], ()) if node.inputs else ()
    if weight is None or weight.ndim != 2 or len(shape) not in (3, 4) or shape[0] != 1:
        return None
    old = [node]
    bias: Array = np.zeros(weight.shape[1], weight.dtype)
    add = graph.sole_consumer(node.output)
    if add is not None and add.op == "Add":
        name = add.inputs[1] if add.inputs[0] == node.output else add.inputs[0]
        offset = graph.constants.get(name)
        if offset is not None and offset.ndim <= 1 and offset.size in (1, weight.shape[1]):
            bias = np.broadcast_to(offset.reshape(-1), weight.shape[1:]).copy()
            old.append(add)
    rank, y = len(shape), old[-1].output
    first, back = (0, rank - 1, *range(1, rank - 1)), (0, *range(2, rank), 1)
    before, after, names = f"{y}:channels", f"{y}{ROWS}", (f"{y}:weight", f"{y}:bias")
    filters = weight.T.reshape(weight.shape[::-1] + (1,) * (rank - 2))
    turned = (1, shape[-1], *shape[1:-1])
    new = [
        Node("Transpose", f"{node.name}:to", (node.inputs[0],), (before,), {"perm": first}),
        Node("Conv", node.name, (before, *names), (after,)),
        Node("Transpose", f"{node.name}:from", (after,), (y,), {"perm": back}),
    ]
    shapes = {before: turned, after: (1, weight.shape[1], *turned[2:])}
    graph = graph.swap([node], None) if len(old) > 1 else graph
    return graph.expand(old[-1], new, dict(zip(names, (filters, bias), strict=True)), shapes)


def _is_sixth(node: Node) -> bool:
    alpha, beta = node.real("alpha", 0.2), node.real("beta", 0.5)
    return alpha > 0 and abs(1 / alpha - 6) < ALPHA_TOLERANCE * 6 and beta == 0.5


def any_batch(graph: Graph, node: Node) -> Graph | None:
    """Whatever only reshapes is one Reshape, which keeps a batch of any size if it can."""
    entry = OPERATORS.get(node.op)
    if entry is None or entry.moves is not Moves.RESHAPES:
        return None
    before, after = graph.shapes.get(node.inputs[0], ()), graph.shapes.get(node.output, ())
    if node.op == "Flatten" and node.integer("axis", 1) == 1:
        return None
    if not before or not after or -1 in before or -1 in after:
        return None
    target = (0 if before[0] == after[0] else after[0], *after[1:])  # 0 copies the size
    name = f"{node.output}:target"
    inputs = (node.inputs[0], name)
    array = np.array(target, np.int64)
    known = graph.constant(node, 1)
    if node.op == "Reshape" and known is not None and np.array_equal(known, array):
        return None
    new = replace(node, op="Reshape", inputs=inputs, attributes={})
    return graph.swap([node], new, {name: array})


def joined_reshapes(graph: Graph, node: Node) -> Graph | None:
    """A Reshape of a Reshape is the second one."""
    before = graph.producer(node.inputs[0]) if node.op in ("Reshape", "Flatten") else None
    if before is None or before.op != "Reshape" or node.op == "Flatten":
        return None
    if graph.sole_consumer(before.output) is not node:
        return None
    source, target = graph.shapes.get(before.inputs[0], ()), graph.shapes.get(node.output, ())
    if not source or not target or -1 in target:
        return None
    name = f"{node.output}:joined"
    array = np.array((0 if source[0] == target[0] else target[0], *target[1:]), np.int64)
    new = replace(node, inputs=(before.inputs[0], name), attributes={})
    return graph.swap([before, node], new, {name: array})
