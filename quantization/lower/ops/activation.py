"""Activations that are operators of their own, and what TFLite computes like them."""

from dataclasses import replace
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantization.lower import layout
from quantization.lower.draft import TfliteDraft
from quantization.lower.graph import Operation, TypedTensor
from quantization.lower.ops.cast import emit_cast, emit_copy
from quantization.lower.registry import lowers
from quantization.operators.activation import FUSED_BOUNDS, Activation, within_reach

CLIPS = {
    Activation.RELU: schema.BuiltinOperator.RELU,
    Activation.RELU6: schema.BuiltinOperator.RELU6,
    Activation.RELU_N1_TO_1: schema.BuiltinOperator.RELU_N1_TO_1,
}


def emit_unary(
    operation: Operation, network: TfliteDraft, code: int, version: int, options: Any = None
) -> None:
    """Emit an operator that acts on each element, in the order its input has."""
    x = operation.value()
    inputs, output = [network.value(x)], network.write(operation.output, network.orders[x])
    network.emit(code, version, inputs, output, options)


@lowers("Identity")
def identity(operation: Operation, network: TfliteDraft) -> None:
    """QUANTIZE: the same value at another scale, as a model that brings scales may want it."""
    emit = emit_copy if operation.output.affine is None else emit_cast
    emit(network, operation.value(), operation.output)


@lowers("Relu")
def relu(operation: Operation, network: TfliteDraft) -> None:
    """RELU, where nothing before it could take it up."""
    emit_unary(operation, network, schema.BuiltinOperator.RELU, 2)


@lowers("Clip")
def clip(operation: Operation, network: TfliteDraft) -> None:
    """RELU, RELU6 or RELU_N1_TO_1 by its bounds; else MAXIMUM and MINIMUM at the output's scale."""
    low, high = (operation.parameter(i) for i in (1, 2))
    bounds = (
        -np.inf if low is None else float(low.item()),
        np.inf if high is None else float(high.item()),
    )
    applied = within_reach(FUSED_BOUNDS.get(bounds, Activation.NONE), operation.output.affine)
    if applied in CLIPS:
        code = CLIPS[applied]
        version = 1 if code == schema.BuiltinOperator.RELU_N1_TO_1 else 2
        emit_unary(operation, network, code, version)
        return
    x, y = operation.value(), operation.output
    # What the output's type cannot hold is cut by QUANTIZE already, or is no bound.
    cuts = [
        (code, y.stored(bound))
        for code, bound, end in (
            (schema.BuiltinOperator.MAXIMUM, bounds[0], y.lowest),
            (schema.BuiltinOperator.MINIMUM, bounds[1], y.highest),
        )
        if np.isfinite(bound) and y.stored(bound) != end
    ]
    if y.affine is None:
        _cut(network, x, y, cuts)
    elif not cuts:
        emit_cast(network, x, y)
    else:
        rescaled = replace(y, name=f"{y.name}:rescaled")
        emit_cast(network, x, rescaled)
        _cut(network, rescaled, y, cuts)


def _cut(
    network: TfliteDraft, x: TypedTensor, y: TypedTensor, cuts: list[tuple[int, float]]
) -> None:
    """Emit MAXIMUM and MINIMUM with bounds as they are stored."""
    if not cuts:
        emit_copy(network, x, y)
        return
    for code, bound in cuts:
        raised = replace(y, name=f"{y.name}:raised")
        target = y if code == cuts[-1][0] else raised
        inputs, output = [network.value(x)], network.write(target, network.orders[x])
        inputs.append(network.constant("bound", np.array([bound], y.dtype), y.quantization))
        network.emit(code, 2, inputs, output, schema.MaximumMinimumOptionsT())
        x = target


@lowers("LeakyRelu")
def leaky_relu(operation: Operation, network: TfliteDraft) -> None:
    """LEAKY_RELU."""
    options = schema.LeakyReluOptionsT()
    options.alpha = operation.node.real("alpha", 0.01)
    emit_unary(operation, network, schema.BuiltinOperator.LEAKY_RELU, 2, options)


@lowers("HardSwish")
def hard_swish(operation: Operation, network: TfliteDraft) -> None:
    """HARD_SWISH."""
    emit_unary(operation, network, schema.BuiltinOperator.HARD_SWISH, 1, schema.HardSwishOptionsT())


# The TFLite specification fixes the outputs of the next four.
@lowers("Sigmoid")
def sigmoid(operation: Operation, network: TfliteDraft) -> None:
    """LOGISTIC."""
    emit_unary(operation, network, schema.BuiltinOperator.LOGISTIC, 2)


@lowers("Tanh")
def tanh(operation: Operation, network: TfliteDraft) -> None:
    """TANH."""
    emit_unary(operation, network, schema.BuiltinOperator.TANH, 2)


@lowers("Softmax")
def softmax(operation: Operation, network: TfliteDraft) -> None:
    """SOFTMAX over the last TFLite axis, which of a feature map is ONNX's axis of channels."""
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    _over_last_axis(operation, network, schema.BuiltinOperator.SOFTMAX, options)


@lowers("LogSoftmax")
def log_softmax(operation: Operation, network: TfliteDraft) -> None:
    """LOG_SOFTMAX over the last TFLite axis."""
    options = schema.LogSoftmaxOptionsT()
    _over_last_axis(operation, network, schema.BuiltinOperator.LOG_SOFTMAX, options)


def _over_last_axis(operation: Operation, network: TfliteDraft, code: int, options: Any) -> None:
    x, axis = operation.value(), operation.node.integer("axis", -1)
    order = layout.last(network.orders[x], axis)
    inputs, output = [network.value(x, order)], network.write(operation.output, order)
    network.emit(code, 2, inputs, output, options)
