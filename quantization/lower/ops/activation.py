"""Activations that are operators of their own, and what TFLite computes like them."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_agent.bundle.affine import QMAX, QMIN, Affine
from quantization.lower import layout
from quantization.lower.graph import Operation
from quantization.lower.network import Network
from quantization.lower.registry import FUSED_BOUNDS, Activation, Layout, operator

CLIPS = {
    Activation.RELU: schema.BuiltinOperator.RELU,
    Activation.RELU6: schema.BuiltinOperator.RELU6,
    Activation.RELU_N1_TO_1: schema.BuiltinOperator.RELU_N1_TO_1,
}


def emit_unary(
    operation: Operation, network: Network, code: int, version: int, options: Any = None
) -> None:
    """Emit an operator that acts on each element, in the order its input has."""
    x = operation.value()
    inputs, output = [network.value(x)], network.write(operation.output, network.orders[x])
    network.emit(code, version, inputs, output, options)


@operator("Identity")
def identity(operation: Operation, network: Network) -> None:
    """QUANTIZE: the same value at another scale, as a model that brings scales may want it."""
    emit_unary(operation, network, schema.BuiltinOperator.QUANTIZE, 2, schema.QuantizeOptionsT())


@operator("Relu")
def relu(operation: Operation, network: Network) -> None:
    """RELU, where nothing before it could take it up."""
    emit_unary(operation, network, schema.BuiltinOperator.RELU, 2)


@operator("Clip")
def clip(operation: Operation, network: Network) -> None:
    """RELU, RELU6 or RELU_N1_TO_1 by its bounds; else MAXIMUM and MINIMUM at the output's scale."""
    low, high = (operation.parameter(i) for i in (1, 2))
    bounds = (
        -np.inf if low is None else float(low.item()),
        np.inf if high is None else float(high.item()),
    )
    if bounds in FUSED_BOUNDS:
        code = CLIPS[FUSED_BOUNDS[bounds]]
        version = 1 if code == schema.BuiltinOperator.RELU_N1_TO_1 else 2
        emit_unary(operation, network, code, version)
        return
    x, y = operation.value(), operation.output
    affine, quantization = y.quantization.affine, y.quantization
    order, shape = network.orders[x], layout.shape(y.shape, network.orders[x])
    # What int8 cannot hold at the output's scale is clipped by QUANTIZE already.
    cuts = [
        (code, int(affine.quantize(np.array(bound, np.float32))))
        for code, bound, end in (
            (schema.BuiltinOperator.MAXIMUM, bounds[0], QMIN),
            (schema.BuiltinOperator.MINIMUM, bounds[1], QMAX),
        )
        if np.isfinite(bound) and int(affine.quantize(np.array(bound, np.float32))) != end
    ]
    source = network.value(x)
    for i, (code, bound) in enumerate([(schema.BuiltinOperator.QUANTIZE, 0), *cuts]):
        is_last = i == len(cuts)
        name = f"{y.name}:{'rescaled' if i == 0 else 'raised'}"
        target = (
            network.write(y, order) if is_last else network.intermediate(name, shape, quantization)
        )
        if code == schema.BuiltinOperator.QUANTIZE:
            network.emit(code, 2, [source], target, schema.QuantizeOptionsT())
        else:
            constant = network.constant("bound", np.array([bound], np.int8), quantization)
            options = schema.MaximumMinimumOptionsT()
            network.emit(code, 2, [source, constant], target, options)
        source = target


@operator("LeakyRelu")
def leaky_relu(operation: Operation, network: Network) -> None:
    """LEAKY_RELU."""
    options = schema.LeakyReluOptionsT()
    options.alpha = operation.node.real("alpha", 0.01)
    emit_unary(operation, network, schema.BuiltinOperator.LEAKY_RELU, 2, options)


@operator("HardSwish")
def hard_swish(operation: Operation, network: Network) -> None:
    """HARD_SWISH."""
    emit_unary(operation, network, schema.BuiltinOperator.HARD_SWISH, 1, schema.HardSwishOptionsT())


# The TFLite specification fixes the outputs of the next four.
@operator("Sigmoid", scale=Affine(1 / 256, QMIN))
def sigmoid(operation: Operation, network: Network) -> None:
    """LOGISTIC."""
    emit_unary(operation, network, schema.BuiltinOperator.LOGISTIC, 2)


@operator("Tanh", scale=Affine(1 / 128, 0))
def tanh(operation: Operation, network: Network) -> None:
    """TANH."""
    emit_unary(operation, network, schema.BuiltinOperator.TANH, 2)


@operator("Softmax", scale=Affine(1 / 256, QMIN), layout=Layout.OWN)
def softmax(operation: Operation, network: Network) -> None:
    """SOFTMAX over the last TFLite axis, which of a feature map is ONNX's axis of channels."""
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    _over_last_axis(operation, network, schema.BuiltinOperator.SOFTMAX, options)


@operator("LogSoftmax", scale=Affine(16 / 256, QMAX), layout=Layout.OWN)
def log_softmax(operation: Operation, network: Network) -> None:
    """LOG_SOFTMAX over the last TFLite axis."""
    options = schema.LogSoftmaxOptionsT()
    _over_last_axis(operation, network, schema.BuiltinOperator.LOG_SOFTMAX, options)


def _over_last_axis(operation: Operation, network: Network, code: int, options: Any) -> None:
    x, axis = operation.value(), operation.node.integer("axis", -1)
    order = layout.last(network.orders[x], axis)
    inputs, output = [network.value(x, order)], network.write(operation.output, order)
    network.emit(code, 2, inputs, output, options)
