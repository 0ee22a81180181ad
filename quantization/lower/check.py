"""The refusal of what cannot be lowered, before anything is computed from it."""

from collections.abc import Collection

from quantization.errors import ModelError
from quantization.graph.graph import Graph, Node
from quantization.lower.lowering import emit
from quantization.lower.reading import read_typed
from quantization.operators.rules import Scale
from quantization.operators.table import find, refuse
from quantization.scales.calibrate import Ranges
from quantization.scales.imported import Scales
from quantization.scales.plan import int8_values
from quantization.scales.qdq import NO_SCALES, insert_qdq
from quantization.scales.ranges import Range


def check_lowering(
    graph: Graph, scales: Scales = NO_SCALES, float_layers: Collection[str] = ()
) -> None:
    """Pass a folded network through quantisation and lowering, with ranges that are made up.

    Args:
        graph: as `fold_graph` or `import_model` returns it.
        scales: those the model brought.
        float_layers: the layers that stay in float.

    What lowering would refuse is thus refused here, in the same words, and calibration
    over many samples is not begun in vain.

    Raises:
        UnsupportedOperatorError: if a node, or the form of one, has no lowering.
        ModelError: if a shape is not static, or one of `float_layers` no layer of the network.
    """
    _check_nodes(graph)
    unit = Ranges({value: Range(-1.0, 1.0) for value in int8_values(graph)}, samples=0)
    emit(read_typed(insert_qdq(graph, unit, scales, float_layers)))


def check_float_lowering(graph: Graph) -> None:
    """Pass a folded network through lowering in float32; raises what `check_lowering` does."""
    _check_nodes(graph)
    emit(read_typed(graph))


def _check_nodes(graph: Graph) -> None:
    for node in graph.nodes:
        find(node)
    for node in graph.nodes:
        _check_indices(graph, node)
        for value in node.outputs:
            if -1 in graph.shapes.get(value, (-1,)):
                raise ModelError(
                    f"node {node.name!r} ({node.op}): the shape of its output {value!r} is not "
                    "known before run time; a TFLite file needs static shapes"
                )


def _check_indices(graph: Graph, node: Node) -> None:
    """Indices leave the network: no operator here computes with them."""
    for value in node.inputs:
        before = graph.producer(value)
        if before is not None and find(before).scale is Scale.INDEX:
            refuse(before, f"has no lowering except as an output; node {node.name!r} reads it")
