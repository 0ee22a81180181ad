"""ADD, SUB and MUL of two tensors of different scales, broadcast as NumPy does."""

from edge_agent.common.arrays import I8
from quantization.reference.fixed_point import I64, multiply, quantize_multiplier
from quantization.reference.kernels.output import centred, to_int8
from quantization.reference.model import ReferenceOperator
from quantization.reference.registry import kernel, refuse, require_int8

# Bits that a value is shifted up before it is rescaled, so that the rounding hurts little:
# 20, because 8 bits of value and their sum leave 32 - 9 - 1 and some room.
LEFT_SHIFT = 20


@kernel("ADD")
def add(operator: ReferenceOperator, a: I8, b: I8) -> I8:
    """Both inputs on the scale ``2 * max(s_a, s_b) / 2**20``, then their sum on the output's."""
    return _on_common_scale(operator, a, b, 1)


@kernel("SUB")
def sub(operator: ReferenceOperator, a: I8, b: I8) -> I8:
    """As ADD, with b taken away."""
    return _on_common_scale(operator, a, b, -1)


@kernel("MUL")
def mul(operator: ReferenceOperator, a: I8, b: I8) -> I8:
    """``M * (a - z_a) * (b - z_b)`` with ``M = s_a * s_b / s_y``, computed in float32."""
    require_int8(operator, 0, 1)
    first, second, y = operator.input(0), operator.input(1), operator.output
    factor = quantize_multiplier(float(first.scale * second.scale / y.scale))
    return to_int8(multiply(centred(a, first) * centred(b, second), factor), operator)


def _on_common_scale(operator: ReferenceOperator, a: I8, b: I8, sign: int) -> I8:
    require_int8(operator, 0, 1)
    first, second, y = operator.input(0), operator.input(1), operator.output
    common = 2 * max(float(first.scale), float(second.scale))
    real = common / (2**LEFT_SHIFT * float(y.scale))
    if real >= 1:  # the last step is a factor below 1
        refuse(operator, f"into a scale as small as {y.scale} has no reference")

    def lifted(x: I8, index: int) -> I64:
        tensor = operator.input(index)
        factor = quantize_multiplier(float(tensor.scale) / common)
        return multiply(centred(x, tensor) << LEFT_SHIFT, factor)

    total = lifted(a, 0) + sign * lifted(b, 1)
    return to_int8(multiply(total, quantize_multiplier(real)), operator)
