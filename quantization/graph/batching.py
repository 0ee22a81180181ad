"""Whether a folded network, made for one sample, also computes a batch of them."""

from quantization.graph.graph import Graph, Node

# Of these, each sample of a batch is computed by itself.
PER_SAMPLE = frozenset(
    [
        "AveragePool",
        "Clip",
        "Conv",
        "ConvTranspose",
        "DepthToSpace",
        "Flatten",
        "Gemm",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "HardSwish",
        "Identity",
        "LeakyRelu",
        "MaxPool",
        "Relu",
        "Sigmoid",
        "SpaceToDepth",
        "Tanh",
    ]
)
# Of these, too, unless their axis is that of the batch.
OVER_AN_AXIS = {"ArgMax": 0, "Concat": 0, "Gather": 0, "LogSoftmax": -1, "Softmax": -1}
BROADCASTING = frozenset(["Add", "MatMul", "Mul", "PRelu", "Sub"])
REDUCTIONS = frozenset(("ReduceMax", "ReduceMean", "ReduceSum"))


def takes_batches(graph: Graph) -> bool:
    """Whether the first axis of every value is the samples' and stays that."""
    return all(_is_per_sample(graph, node) for node in graph.nodes)


def _is_per_sample(graph: Graph, node: Node) -> bool:
    shape = graph.shapes.get(node.inputs[0], ())
    if not shape or graph.shapes.get(node.output, ())[:1] != (1,):
        return False
    rank = len(shape)
    if node.op in BROADCASTING:
        return _broadcasts_per_sample(graph, node)
    if shape[0] != 1:
        return False
    if node.op in PER_SAMPLE:
        return True
    if node.op in OVER_AN_AXIS:
        computed = not any(i in graph.constants for i in node.inputs) or node.op == "Gather"
        return computed and node.integer("axis", OVER_AN_AXIS[node.op]) % rank != 0
    if node.op == "Transpose":
        return node.integers("perm", (1,))[0] == 0
    if node.op == "Resize":
        scales = graph.constant(node, 2)  # sizes would be those of a batch of one
        return scales is not None and scales.size == rank and scales[0] == 1
    if node.op == "Reshape":
        target = graph.constant(node, 1)
        return target is not None and target.size > 0 and target[0] == 0
    return _axes_of_samples(graph, node, rank)


def _axes_of_samples(graph: Graph, node: Node, rank: int) -> bool:
    """Whether a reduction, a Slice or a Pad leaves the first axis alone."""
    if node.op in REDUCTIONS:
        given = graph.constant(node, 1)
        axes = node.integers("axes", ()) if given is None else tuple(given.tolist())
        return bool(axes) and all(a % rank for a in axes)
    if node.op == "Slice":
        given = graph.constant(node, 3)
        return given is not None and all(a % rank for a in given.tolist())
    if node.op == "Pad":
        pads = graph.constant(node, 1)
        whole = pads is not None and len(pads) == 2 * rank
        return whole and pads is not None and pads[0] == pads[rank] == 0
    return False


def _broadcasts_per_sample(graph: Graph, node: Node) -> bool:
    """Whether the operands' first axes are the samples', or are not there."""
    rank = len(graph.shapes[node.output])
    for name in node.inputs[:2]:
        shape = graph.shapes.get(name, ())
        if name in graph.constants:
            if len(shape) == rank and shape[0] != 1:
                return False
        elif len(shape) != rank or shape[0] != 1 or (node.op == "MatMul" and rank < 3):
            return False
    return True
