"""Reductions: MEAN, SUM, REDUCE_MAX and ARG_MAX over axes that are given as a constant."""

import math

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_agent.common.arrays import I8
from quantization.graph.graph import Array
from quantization.reference.fixed_point import Multiplier, multiply, quantize_multiplier
from quantization.reference.kernels.output import clamp
from quantization.reference.model import ReferenceOperator
from quantization.reference.registry import kernel, refuse, require_int8


def _axes(x: Array, axes: Array) -> tuple[int, ...]:
    return tuple(sorted({int(a) % x.ndim for a in np.ravel(axes)}))


@kernel("MEAN")
def mean(operator: ReferenceOperator, x: I8, axes: Array) -> I8:
    """The sum rescaled by ``s_x / s_y / count``: the division is part of the multiplier."""
    require_int8(operator, 0)
    over = _axes(x, axes)
    count = math.prod(x.shape[a] for a in over)
    sums = x.sum(axis=over, dtype=np.int64) - operator.input(0).zero_point * count
    factor = divided(_ratio(operator), count)
    return clamp(multiply(sums, factor) + operator.output.zero_point).reshape(operator.output.shape)


@kernel("SUM")
def sum_(operator: ReferenceOperator, x: I8, axes: Array) -> I8:
    """The sum rescaled by ``s_x / s_y``, of the bytes as if they were unsigned.

    The specification would have them signed. The kernels of tflite-runtime 2.14 and LiteRT 2.3
    run their uint8 code on an int8 tensor, limits of 0 and 255 included: a network should not
    use the operator, and what it computes where one does is this.
    """
    require_int8(operator, 0)
    over = _axes(x, axes)
    count = math.prod(x.shape[a] for a in over)
    sums = x.view(np.uint8).sum(axis=over, dtype=np.int64) - operator.input(0).zero_point * count
    scaled = multiply(sums, _ratio(operator)) + operator.output.zero_point
    result: I8 = np.clip(scaled, 0, 255).astype(np.uint8).view(np.int8)
    return result.reshape(operator.output.shape)


def _ratio(operator: ReferenceOperator) -> Multiplier:
    return quantize_multiplier(float(operator.input(0).scale) / float(operator.output.scale))


def divided(factor: Multiplier, count: int) -> Multiplier:
    """A multiplier divided by an integer above 0, its mantissa rounded down."""
    # First as many bits to the left as the division takes away, as far as the shift allows.
    shift = min(count.bit_length() - 1, 32, 31 + factor.exponent)
    return Multiplier((factor.mantissa << shift) // count, factor.exponent - shift)


@kernel("REDUCE_MAX")
def reduce_max(operator: ReferenceOperator, x: I8, axes: Array) -> I8:
    """The largest value; the scale does not change."""
    require_int8(operator, 0)
    result: I8 = x.max(axis=_axes(x, axes)).reshape(operator.output.shape)
    return result


@kernel("ARG_MAX")
def arg_max(operator: ReferenceOperator, x: I8, axis: Array) -> Array:
    """The index of the first of the largest values, int32 or int64 as the file says."""
    if operator.options.outputType not in (schema.TensorType.INT32, schema.TensorType.INT64):
        refuse(operator, "with an output that is neither int32 nor int64 has no reference")
    indices: Array = np.argmax(x, axis=int(axis.item())).astype(operator.output.dtype)
    return indices
