"""Operators that only name or order axes anew."""

from quantization.lower import layout, wishes
from quantization.lower.draft import TfliteDraft
from quantization.lower.graph import Operation, TypedTensor
from quantization.lower.registry import lowers
from quantization.operators.table import PAIR


@lowers("Reshape")
def reshape(operation: Operation, network: TfliteDraft) -> None:
    """RESHAPE; a TRANSPOSE before it only where the elements would come out in another order.

    Where only dense layers read a flattened map, their weights take the order instead.
    """
    x, y = operation.value(), operation.output
    own = network.orders[x]
    wish = wishes.wish(network.graph, y)
    order = layout.through_reshape(x.shape, y.shape, own, wish)
    if order is None and len(y.shape) == 2 and y.shape[0] == 1 and _only_feeds_dense(network, y):
        network.elements[y] = layout.flattened_elements(x.shape, own)
        order = layout.as_onnx(len(y.shape))
    if order is None:
        own = layout.before_reshape(x.shape, y.shape, wish)
        order = layout.through_reshape(x.shape, y.shape, own, wish)
        assert order is not None, "ONNX's own order can always be reshaped"
    shape = layout.shape(y.shape, order)
    made = network.reshape(network.value(x, own), shape, y.name, y)
    network.place(y, made, order)


for _name in ("Flatten", "Squeeze", "Unsqueeze"):
    lowers(_name)(reshape)


@lowers("Transpose")
def transpose(operation: Operation, network: TfliteDraft) -> None:
    """No operator: the same tensor by other names of its axes."""
    x, y = operation.value(), operation.output
    permutation = wishes.transpose_permutation(operation)
    network.place(y, network.value(x), layout.of_transposed(network.orders[x], permutation))


def _only_feeds_dense(network: TfliteDraft, y: TypedTensor) -> bool:
    """Whether dense layers read a value, or what it is cast to, and nothing else does."""
    readers = network.graph.consumers(y)
    return (
        bool(readers)
        and y not in network.graph.outputs
        and all(
            reader.node.op == "Gemm"
            or (reader.node.op in PAIR and _only_feeds_dense(network, reader.output))
            for reader in readers
        )
    )
