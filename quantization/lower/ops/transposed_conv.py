"""Transposed convolution."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantization.lower.draft import TfliteDraft
from quantization.lower.graph import Operation
from quantization.lower.ops.select import emit_slice
from quantization.lower.registry import lowers
from quantization.lower.window import nhwc, plane, read_map, steps, write_map
from quantization.operators.table import refuse


@lowers("ConvTranspose")
def conv_transpose(operation: Operation, network: TfliteDraft) -> None:
    """TRANSPOSE_CONV of everything its windows reach, and a SLICE of what the pads leave."""
    node, x, y = operation.node, operation.value(), operation.output
    weight, bias = operation.weight(1), operation.weight(2)  # (I, O, kh, kw), (O,)
    if len(x.shape) not in (3, 4) or node.integer("group", 1) != 1:
        refuse(node, "with groups, or of more than two dimensions, has no lowering")
    strides, kernel = steps(operation, "strides"), plane(weight.shape[2:])
    if set(steps(operation, "dilations")) != {1}:
        refuse(node, "with dilations has no lowering")
    pads = node.integers("pads", (0,) * 2 * len(x.shape[2:]))
    begins = plane(pads[: len(pads) // 2], 0)
    (_, *size, _), (_, *wanted, outputs) = nhwc(x.shape), nhwc(y.shape)
    full = [(n - 1) * s + k for n, s, k in zip(size, strides, kernel, strict=True)]
    if any(b < 0 or b + w > f for b, w, f in zip(begins, wanted, full, strict=True)):
        refuse(node, "with output_padding beyond its windows has no lowering")
    # TFLite's SAME gives stride times the size, and leaves out half of the rest before.
    same = all(
        w == n * s and b == (f - w) // 2
        for w, n, s, b, f in zip(wanted, size, strides, begins, full, strict=True)
    )
    options = schema.TransposeConvOptionsT()
    options.strideH, options.strideW = strides
    options.padding = schema.Padding.SAME if same else schema.Padding.VALID
    made = (1, *(wanted if same else full), outputs)
    spatial = tuple(range(2, len(weight.shape)))
    filters = network.weight(weight, (1, *spatial, 0), shape=(outputs, *kernel, weight.shape[0]))
    shape = network.constant("shape", np.array(made, np.int32))
    inputs = (shape, filters, read_map(network, x), network.weight(bias, (0,)))
    whole = same or list(full) == list(wanted)
    output = write_map(network, y) if whole else network.intermediate(f"{y.name}:whole", made, y)
    # Version 3 is the first with a bias.
    network.emit(schema.BuiltinOperator.TRANSPOSE_CONV, 3, inputs, output, options)
    if not whole:
        begin, step, size_kept = (
            np.array(values, np.int64)
            for values in ((0, *begins, 0), (1, 1, 1, 1), (1, *wanted, outputs))
        )
        emit_slice(network, output, write_map(network, y), begin, step, size_kept)
