"""Dense layers: every input times a weight, summed, for each output."""

from edge_agent.common.arrays import I8
from quantization.graph.graph import Array
from quantization.reference.fixed_point import multiply, quantize_multiplier
from quantization.reference.kernels.output import centred, to_int8
from quantization.reference.model import ReferenceOperator
from quantization.reference.registry import kernel, refuse, require_int8


@kernel("FULLY_CONNECTED")
def fully_connected(
    operator: ReferenceOperator, x: I8, weights: I8, bias: Array | None = None
) -> I8:
    """X (..., K) as rows of K, weights (O, K), bias (O,) int32: ``M * (bias + x @ w.T)``.

    TensorFlow Lite 8-bit quantization specification, FULLY_CONNECTED. LiteRT 2.3 rounds the
    product by M once instead of twice, and is a quantum away where that differs.
    """
    require_int8(operator, 0, 1)
    source, filters, y = operator.input(0), operator.input(1), operator.output
    if len(filters.scales) > 1:
        refuse(operator, "with a scale per output has no reference: tflite-runtime has no kernel")
    rows = centred(x, source).reshape(-1, weights.shape[1])
    sums = rows @ centred(weights, filters).T
    if bias is not None:
        sums = sums + bias
    # The product of the two scales is taken in float32 here, unlike in a convolution.
    real = float(source.scale * filters.scale) / float(y.scale)
    return to_int8(multiply(sums, quantize_multiplier(real)), operator).reshape(y.shape)
