"""From float32 to int8, from one int8 scale to another, and back to float32."""

from ai_edge_litert import schema_py_generated as schema

from quantization.lower import layout
from quantization.lower.draft import TfliteDraft
from quantization.lower.graph import FLOAT32, TypedTensor


def emit_cast(network: TfliteDraft, x: TypedTensor, y: TypedTensor) -> None:
    """Emit a QUANTIZE or DEQUANTIZE of tensor `x` into `y`, in the order that `x` has."""
    order = network.orders[x]
    inputs, output = [network.value(x)], network.write(y, order)
    if x in network.elements:
        network.elements[y] = network.elements[x]
    if y.dtype == FLOAT32:
        code, options = schema.BuiltinOperator.DEQUANTIZE, schema.DequantizeOptionsT()
    else:
        code, options = schema.BuiltinOperator.QUANTIZE, schema.QuantizeOptionsT()
    network.emit(code, 2, inputs, output, options)


def emit_copy(network: TfliteDraft, x: TypedTensor, y: TypedTensor) -> None:
    """Emit a RESHAPE that changes nothing, for a value that must have a second name."""
    order = network.orders[x]
    made = network.reshape(network.value(x), layout.shape(x.shape, order), y.name, y)
    network.place(y, made, order)
