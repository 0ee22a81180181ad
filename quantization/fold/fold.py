"""Folding: the same float network in the one form that the quantiser reads.

Exporters write one network in many ways. After folding, everything known before run time
is a constant, nothing is computed in vain, and each operator has one form: convolutions
carry their padding, bias and batch normalisation, and every dense layer is a Gemm.
"""

from dataclasses import replace

import numpy as np
import onnx

from quantization.errors import ModelError
from quantization.fold.rewrites import OF_NORMS, REWRITES
from quantization.graph.graph import Array, Graph, inferred, read, write
from quantization.graph.session import open_session
from quantization.operators.table import PAIR


def fold(model: onnx.ModelProto) -> onnx.ModelProto:
    """An equal float model in folded form; takes what `fold_graph` takes, and raises the same.

    Raises:
        ModelError: also if the model is not valid ONNX.
    """
    return write(fold_graph(read(model)))


def fold_graph(graph: Graph, *, norms: bool = True) -> Graph:
    """An equal float network in folded form, the shape of every value inferred.

    Args:
        graph: float32, with one input of a static shape (1, ...) and any outputs.
        norms: whether batch norms become part of the weights; a network that is trained
            keeps them.

    Raises:
        ModelError: if the graph has another number of inputs, no output,
            an output that is not computed from the input, an input shape that is not static
            or whose batch is not 1, weights that are not finite, or no operator that is left
            after folding.
        UnsupportedOperatorError: if an LSTM or GRU has a form that is not unrolled.
    """
    graph = _with_output_names(graph)
    _check_border(graph)
    _check_finite(graph)
    while True:
        folded = fold_constants(graph)
        if len(folded.nodes) == len(graph.nodes):
            break
        # A shape that was computed is a constant now, so more shapes can be inferred.
        graph = inferred(folded)
    for rewrite in REWRITES if norms else tuple(r for r in REWRITES if r not in OF_NORMS):
        for output in [node.output for node in graph.nodes]:
            node = graph.producer(output)
            if node is not None:  # an earlier rewrite may have taken it up
                graph = rewrite(graph, node) or graph
    graph = drop_unread(graph)
    if all(node.op == "Identity" for node in graph.nodes):
        raise ModelError("model: expected at least one operator that computes, found none")
    for output in graph.outputs:
        if graph.producer(output) is None:
            raise ModelError(
                f"output {output!r}: expected to be computed from the input, but is not"
            )
    return inferred(graph)


def fold_constants(graph: Graph) -> Graph:
    """The graph without the nodes whose result is known before the network runs."""
    known = {**graph.constants, **_static_shapes(graph)}
    ready, foldable = set(known) | {""}, []
    for node in graph.nodes:
        # Without inputs it is a random number generator, and with a subgraph it is a loop. The
        # int8 constants of a model that is quantised already must stay int8.
        plain = node.inputs and not any(_is_graph(a) for a in node.attributes.values())
        if plain and node.op not in PAIR and ready.issuperset(node.inputs):
            if node.output not in known:  # as a Shape of what is constant itself is
                foldable.append(node)
            ready.update(node.outputs)
    nodes = tuple(n for n in graph.nodes if n.output not in ready)
    used = {value for node in nodes for value in node.inputs} | set(graph.outputs)
    wanted = [o for node in foldable for o in node.outputs if o in used and o not in known]
    known |= _evaluate(replace(graph, nodes=tuple(foldable), constants=known), wanted)
    return replace(graph, nodes=nodes, constants=known)


def drop_unread(graph: Graph) -> Graph:
    """The graph without the nodes that no output depends on."""
    read_later, kept = set(graph.outputs), []
    for node in reversed(graph.nodes):
        if not read_later.isdisjoint(node.outputs):
            kept.append(node)
            read_later.update(node.inputs)
    return replace(graph, nodes=tuple(reversed(kept)))


def _static_shapes(graph: Graph) -> dict[str, Array]:
    """The results of the Shape nodes whose input has a static shape."""
    found: dict[str, Array] = {}
    for node in graph.nodes:
        shape = graph.shapes.get(node.inputs[0], (-1,)) if node.op == "Shape" else (-1,)
        if -1 not in shape:
            start, end = node.integer("start", 0), node.integer("end", len(shape))
            found[node.output] = np.array(shape[start:end], np.int64)
    return found


def _evaluate(constant: Graph, wanted: list[str]) -> dict[str, Array]:
    """The `wanted` values of a graph that reads no network input."""
    if not wanted:
        return {}
    model = write(replace(constant, inputs=(), outputs=()))
    # By name alone: their types are ONNX Runtime's to infer.
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    return dict(zip(wanted, open_session(model).run(wanted, {}), strict=True))


def _with_output_names(graph: Graph) -> Graph:
    """The graph with a name for each first output that nobody reads, as nodes are found by it."""
    nodes = tuple(
        n if n.output else replace(n, outputs=(f"{''.join(n.outputs)}:unread", *n.outputs[1:]))
        for n in graph.nodes
    )
    return replace(graph, nodes=nodes)


def _is_graph(attribute: object) -> bool:
    return isinstance(attribute, onnx.GraphProto)


def _check_border(graph: Graph) -> None:
    """One input of a static shape with batch 1, and outputs."""
    if len(graph.inputs) != 1:
        found = f"{len(graph.inputs)}: {list(graph.inputs)}"
        raise ModelError(f"model: expected one input, found {found}")
    if not graph.outputs:
        raise ModelError("model: expected at least one output, found none")
    shape = graph.shapes.get(graph.inputs[0], ())
    if len(shape) < 2 or -1 in shape or shape[0] != 1:
        found = ", ".join("?" if d == -1 else str(d) for d in shape)
        raise ModelError(
            f"input {graph.inputs[0]!r}: expected a static shape (1, ...), found ({found}); "
            "export the model with a batch of 1 and no dynamic axes"
        )


def _check_finite(graph: Graph) -> None:
    """No NaN and no infinity among the weights."""
    for name, array in graph.constants.items():
        # A scalar may be infinite: it is how some exporters write a Clip without a bound.
        if array.ndim and np.issubdtype(array.dtype, np.floating):
            bad = int(np.count_nonzero(~np.isfinite(array)))
            if bad:
                raise ModelError(f"weight {name!r}: {bad} of {array.size} values are not finite")
