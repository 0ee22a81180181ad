"""The order of axes that the readers of a tensor want."""

from quantization.lower.graph import Operation, TypedGraph, TypedTensor
from quantization.lower.layout import Order, as_onnx, before_transpose, channels_last
from quantization.operators.rules import OutputLayout
from quantization.operators.table import PAIR, find


def wish(graph: TypedGraph, tensor: TypedTensor) -> Order:
    """The order that the first reader which wants one wants; else the usual one.

    Usual is channels last for rank 4, a feature map, and ONNX's own for any other rank.
    """
    rank = len(tensor.shape)
    usual = channels_last(rank) if rank == 4 else as_onnx(rank)
    return _wish(graph, tensor, set()) or usual


def _wish(graph: TypedGraph, tensor: TypedTensor, seen: set[TypedTensor]) -> Order | None:
    for operation in graph.consumers(tensor):
        if operation.output in seen:
            continue
        seen.add(operation.output)
        found = _wish_of(graph, operation, tensor, seen)
        if found is not None:
            return found
    return None


def _wish_of(
    graph: TypedGraph, operation: Operation, tensor: TypedTensor, seen: set[TypedTensor]
) -> Order | None:
    node, rank = operation.node, len(tensor.shape)
    rule = OutputLayout.KEPT if node.op in PAIR else find(node).layout
    if rule is OutputLayout.CHANNELS_LAST:
        return channels_last(rank) if operation.inputs[0] is tensor else None
    same_rank = len(operation.output.shape) == rank
    later = _wish(graph, operation.output, seen) if rule is not OutputLayout.OWN else None
    if later is None:
        return None
    if rule is OutputLayout.TRANSPOSED:
        return before_transpose(later, transpose_permutation(operation))
    return later if same_rank else None


def transpose_permutation(operation: Operation) -> Order:
    """The permutation of an ONNX Transpose; by default it reverses the axes."""
    rank = len(operation.value().shape)
    return operation.node.integers("perm", tuple(reversed(range(rank))))
