"""The rewrites that keep the batch in front, where recurrent layers turn it away.

Those want time first: (T, 1, I). The order of axes costs no operator of its own, but where
the first axis is not that of the samples, calibration cannot take them in batches, and a
product of each row is not seen as the convolution it is.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import assert_never

import numpy as np

from quantization.graph.graph import Array, Graph, Node
from quantization.operators.rules import Moves
from quantization.operators.table import OPERATORS

# A chain is followed element by element: not worth it for larger values.
MAX_ELEMENTS = 2**20
TURN = {"perm": (1, 0, 2)}


def batch_first_product(graph: Graph, node: Node) -> Graph | None:
    """MatMul of (T, 1, K) by a constant (K, N), with the Add after it, is one of (1, T, K)."""
    weight = graph.constant(node, 1) if node.op == "MatMul" else None
    shape = graph.shapes.get(node.inputs[0], ()) if node.inputs else ()
    if weight is None or weight.ndim != 2 or len(shape) != 3 or shape[0] < 2 or shape[1] != 1:
        return None
    add = graph.sole_consumer(node.output)
    added = [i for i in add.inputs if i in graph.constants] if add and add.op == "Add" else []
    last = add if add and added and graph.constants[added[0]].ndim < 2 else node
    x, y = f"{node.output}:rows", last.output
    rows, result = (1, shape[0], shape[2]), (1, shape[0], weight.shape[1])
    product, total = f"{y}:product", f"{y}:total"
    new = [
        Node("Transpose", f"{y}:to rows", (node.inputs[0],), (x,), TURN),
        replace(node, inputs=(x, node.inputs[1]), outputs=(product,)),
    ]
    if last is not node:
        new.append(replace(last, inputs=(product, *added), outputs=(total,)))
        graph = graph.swap([node], None)
    new.append(Node("Transpose", f"{y}:to times", new[-1].outputs, (y,), TURN))
    return graph.expand(last, new, {}, {x: rows, product: result, total: result})


def batch_stays_in_front(graph: Graph, node: Node) -> Graph | None:
    """A chain of moves from (1, ...) to (1, ...) through another first axis, without it."""
    if not _moves(graph, node) or graph.shapes[node.output][0] != 1:
        return None
    chain: list[Node] = []
    found, before = None, graph.producer(node.output)
    while before is not None and _moves(graph, before):
        if chain and before.output in graph.outputs:
            break
        chain.insert(0, before)
        if graph.shapes[before.inputs[0]][0] == 1 and any(_turns(graph, n) for n in chain):
            found = _direct(graph, chain) or found
        before = graph.producer(before.inputs[0])
    return found


def _moves(graph: Graph, node: Node) -> bool:
    """Whether a node moves values of a known shape, or a part of them."""
    entry = OPERATORS.get(node.op)
    if entry is None or entry.moves is Moves.NEVER or node.inputs[0] in graph.constants:
        return False
    shapes = [graph.shapes.get(value, ()) for value in (node.inputs[0], node.output)]
    index = graph.constant(node, 1)
    by_one = entry.moves is not Moves.PICKS or (index is not None and index.ndim == 0)
    return by_one and all(shape and -1 not in shape for shape in shapes)


def _turns(graph: Graph, node: Node) -> bool:
    """Whether a node reads or drops a first axis that is not the batch's."""
    dropped = OPERATORS[node.op].moves is Moves.PICKS and node.integer("axis", 0) == 0
    return dropped or graph.shapes[node.inputs[0]][0] != 1


def _direct(graph: Graph, chain: Sequence[Node]) -> Graph | None:
    """The graph with the last of a chain as a Slice or Transpose, and a Reshape, of its first."""
    source, last = chain[0].inputs[0], chain[-1]
    shape, y = graph.shapes[source], last.output
    if np.prod(shape) > MAX_ELEMENTS:
        return None
    elements: Array = np.arange(np.prod(shape)).reshape(shape)
    moved = _moved(graph, chain, elements)
    found = _part if moved.size < elements.size else _turn
    move, turned, constants = found(source, elements, moved, f"{y}:turned")
    if not _same_order(turned, moved):
        return None
    target = f"{y}:shape"
    constants[target] = np.array(moved.shape, np.int64)
    new = [move, Node("Reshape", last.name, (*move.outputs, target), (y,))]
    if _same_order(turned, elements):
        new = [replace(new[1], inputs=(source, target))]
    elif turned.shape == moved.shape:
        new = [replace(move, outputs=(y,))]
    graph = graph.expand(last, new, constants, dict.fromkeys(move.outputs, turned.shape))
    for old in reversed(chain[:-1]):  # unless others read them
        if not graph.consumers(old.output) and old.output not in graph.outputs:
            graph = graph.swap([old], None)
    is_same = shape == moved.shape and _same_order(moved, elements)
    return graph.bypass(new[0]) if is_same and y not in graph.outputs else graph


def _part(
    source: str, elements: Array, moved: Array, value: str
) -> tuple[Node, Array, dict[str, Array]]:
    """The Slice of the second axis that begins where a part does, and what it takes."""
    row = int(np.prod(elements.shape[2:]))
    start, end = int(moved.flat[0]) // row, (int(moved.flat[0]) + moved.size) // row
    names = tuple(f"{value}:{what}" for what in ("start", "end", "axis"))
    bounds = (np.array([bound], np.int64) for bound in (start, end, 1))
    node = Node("Slice", value, (source, *names), (value,))
    return node, elements[:, start:end], dict(zip(names, bounds, strict=True))


def _turn(
    source: str, elements: Array, moved: Array, value: str
) -> tuple[Node, Array, dict[str, Array]]:
    """The Transpose behind the batch that orders elements as they are moved, if one does."""
    perm = same = tuple(range(elements.ndim))
    for rest in permutations(same[1:]):
        if _same_order(elements.transpose(0, *rest), moved):
            perm = (0, *rest)
            break
    node = Node("Transpose", value, (source,), (value,), {"perm": perm})
    return node, elements.transpose(perm), {}


def _moved(graph: Graph, chain: Sequence[Node], elements: Array) -> Array:
    """What a chain makes of the elements of its first value."""
    for node in chain:
        index, rule = graph.constant(node, 1), OPERATORS[node.op].moves
        match rule:
            case Moves.TRANSPOSES:
                elements = elements.transpose(node.integers("perm", range(elements.ndim)[::-1]))
            case Moves.PICKS:
                assert index is not None, "_moves refuses an index that is computed"
                elements = elements.take(int(index), node.integer("axis", 0))
            case Moves.RESHAPES:
                elements = elements.reshape(graph.shapes[node.output])
            case Moves.NEVER:
                raise AssertionError("a chain is of nodes that move values")
            case _:
                assert_never(rule)
    return elements


def _same_order(a: Array, b: Array) -> bool:
    return np.array_equal(a.reshape(-1), b.reshape(-1))
