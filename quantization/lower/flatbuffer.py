"""The flatbuffer: a `TfliteDraft` as the bytes of a `.tflite` file."""

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantization.lower.draft import TfliteDraft, TfliteOperator, TfliteTensor

SCHEMA_VERSION = 3
FILE_IDENTIFIER = b"TFL3"
# Kernels load constants as vectors: the schema demands `force_align: 16` of buffers.
ALIGNMENT = 16
# Codes above this one do not fit the schema's first, one-byte field.
LARGEST_BYTE_CODE = 127

TYPES = {
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.float32): schema.TensorType.FLOAT32,
}


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]  # the schema has no types
    """A buffer whose bytes stand at a multiple of 16 in the file; the schema's own do not."""

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802  # the schema's name
        """Write the bytes, then the table that points at them."""
        vector = None
        content: bytes = self.data
        if content:
            builder.StartVector(1, len(content), ALIGNMENT)
            builder.head -= len(content)
            builder.Bytes[builder.head : builder.head + len(content)] = content
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        offset: int = schema.BufferEnd(builder)
        return offset


def serialize(network: TfliteDraft, source: int, results: Sequence[int]) -> bytes:
    """The TFLite file of a network that reads tensor `source` and returns tensors `results`."""
    buffers: dict[bytes, int] = {b"": 0}  # by convention, buffer 0 is the empty one
    codes: dict[tuple[int, int], int] = {}
    graph = schema.SubGraphT()
    graph.name = "main"
    graph.inputs, graph.outputs = [source], list(results)
    graph.tensors = [_tensor(tensor, buffers) for tensor in network.tensors]
    graph.operators = [_operator(operator, codes) for operator in network.operators]
    model = schema.ModelT()
    model.version = SCHEMA_VERSION
    model.description = "edgeward"
    model.operatorCodes = [_operator_code(code, version) for code, version in codes]
    model.subgraphs = [graph]
    model.buffers = [_buffer(data) for data in buffers]
    builder = flatbuffers.Builder(sum(map(len, buffers)) + 2**14)
    builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


def _buffer(data: bytes) -> _AlignedBuffer:
    buffer = _AlignedBuffer()
    buffer.data = data
    return buffer


def _tensor(tensor: TfliteTensor, buffers: dict[bytes, int]) -> Any:
    made = schema.TensorT()
    made.name = tensor.name
    made.shape = np.array(tensor.shape, np.int32)
    made.type = TYPES[tensor.dtype]
    made.buffer = 0
    if tensor.data is not None:
        # A flatbuffer is little-endian on every machine.
        data = tensor.data.astype(tensor.dtype.newbyteorder("<")).tobytes()
        made.buffer = buffers.setdefault(data, len(buffers))
    if tensor.quantization is not None:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale = tensor.quantization.scales
        made.quantization.zeroPoint = tensor.quantization.zero_points
        made.quantization.quantizedDimension = tensor.quantization.axis or 0
    return made


def _operator(operator: TfliteOperator, codes: dict[tuple[int, int], int]) -> Any:
    made = schema.OperatorT()
    made.opcodeIndex = codes.setdefault((operator.code, operator.version), len(codes))
    made.inputs, made.outputs = list(operator.inputs), list(operator.outputs)
    if operator.options is not None:
        kind = type(operator.options).__name__.removesuffix("T")
        made.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        made.builtinOptions = operator.options
    return made


def _operator_code(code: int, version: int) -> Any:
    made = schema.OperatorCodeT()
    made.builtinCode, made.version = code, version
    made.deprecatedBuiltinCode = min(code, LARGEST_BYTE_CODE)
    return made
