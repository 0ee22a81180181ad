"""Arithmetic on two values, either of which may be constant or broadcast."""

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from quantization.lower import layout, wishes
from quantization.lower.draft import TfliteDraft
from quantization.lower.graph import Operation, TypedTensor
from quantization.lower.registry import lowers
from quantization.operators.table import refuse

# The broadcasting kernels of tflite-runtime 2.14 walk over this many axes.
MAX_RANK = 4
# ADD and SUB bring both inputs to the scale of twice the larger over 2**20 first. The output's
# must be coarser: the kernels' last step multiplies by a factor below 1.
COMMON_STEPS = 2**20


@lowers("Add")
def add(operation: Operation, network: TfliteDraft) -> None:
    """ADD."""
    _check_scales(operation)
    _emit(operation, network, schema.BuiltinOperator.ADD, schema.AddOptionsT())


@lowers("Sub")
def sub(operation: Operation, network: TfliteDraft) -> None:
    """SUB."""
    _check_scales(operation)
    _emit(operation, network, schema.BuiltinOperator.SUB, schema.SubOptionsT())


@lowers("Mul")
def mul(operation: Operation, network: TfliteDraft) -> None:
    """MUL."""
    _emit(operation, network, schema.BuiltinOperator.MUL, schema.MulOptionsT())


@lowers("PRelu")
def prelu(operation: Operation, network: TfliteDraft) -> None:
    """PRELU with a constant slope that broadcasts to the input."""
    x, slope, order = operation.value(), operation.weight(1), network.orders[operation.value()]
    if len(x.shape) > MAX_RANK:
        refuse(operation.node, f"of rank {len(x.shape)} has no lowering, only up to {MAX_RANK}")
    inputs = [network.value(x), broadcast(network, slope, order)]
    output = network.write(operation.output, order)
    network.emit(schema.BuiltinOperator.PRELU, 1, inputs, output)


def _emit(operation: Operation, network: TfliteDraft, code: int, options: Any) -> None:
    a, b = operation.operand(0), operation.operand(1)
    rank = len(operation.output.shape)
    if rank > MAX_RANK and a.shape != b.shape:
        shapes = f"{a.shape} and {b.shape}"
        refuse(operation.node, f"of shapes {shapes} has no lowering above rank {MAX_RANK}")
    order = _common_order(operation, network)
    inputs = [broadcast(network, tensor, order) for tensor in (a, b)]
    options.fusedActivationFunction = operation.activation.value
    network.emit(code, 2, inputs, network.write(operation.output, order), options)


def _check_scales(operation: Operation) -> None:
    """Refuse a sum that is so much smaller than what it sums up that no kernel computes it."""
    scales = [t.affine.scale for t in operation.inputs[:2] if t is not None and t.affine]
    y = operation.output.affine
    if y is not None and scales and 2 * max(scales) >= COMMON_STEPS * y.scale:
        refuse(
            operation.node,
            f"from a scale of {max(scales):.3g} into one of {y.scale:.3g} has no kernel: "
            "are there extreme values among the calibration samples?",
        )


def _common_order(operation: Operation, network: TfliteDraft) -> layout.Order:
    """The order of the largest computed operand of the output's rank, else of the output's wish."""
    y = operation.output
    computed = [t for t in operation.inputs[:2] if t is not None and t.data is None]
    full = [t for t in computed if len(t.shape) == len(y.shape)]
    if not full:
        return wishes.wish(network.graph, y)
    return network.orders[max(full, key=_elements)]


def _elements(tensor: TypedTensor) -> int:
    count = 1
    for size in tensor.shape:
        count *= size
    return count


def broadcast(network: TfliteDraft, tensor: TypedTensor, order: layout.Order) -> int:
    """The index of an operand with all axes of a result that lies in `order`.

    ONNX aligns shapes at the last axis: the axes that a smaller operand lacks are the first.
    """
    lacking = len(order) - len(tensor.shape)
    own = tuple(axis - lacking for axis in order if axis >= lacking)
    shape = tuple(1 if axis < lacking else tensor.shape[axis - lacking] for axis in order)
    return network.value(tensor, own, shape)
