"""Write bright.tflite: the smallest int8 network that gives two different answers.

It sums an 8x8 RGB image: `dark` below mid-grey, `bright` above. Made with the flatbuffer
schema of ai-edge-litert; run it again only to change the model.
"""

from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

SIDE, CHANNELS, CLASSES = 8, 3, 2
INPUTS = SIDE * SIDE * CHANNELS
# Input: (pixel / 255 - 0) / 1 in [0, 1]; weights +-1/127; output in about [-1.6, 1.6].
INPUT_SCALE, INPUT_ZERO = 1 / 255, -128
WEIGHT_SCALE = 1 / 127
OUTPUT_SCALE, OUTPUT_ZERO = 0.0125, 0


def main() -> None:
    """Build the model and write it beside this file."""
    data = Path(__file__).with_name("bright.tflite")
    data.write_bytes(build())


def build() -> bytes:
    """RESHAPE (1, 8, 8, 3) to (1, 192), FULLY_CONNECTED to (1, 2)."""
    weights = np.stack([np.full(INPUTS, -1, np.int8), np.full(INPUTS, 1, np.int8)])
    # bias at mid-grey, so that 0.5 everywhere gives 0 for both: in steps of input * weight.
    half = round(0.5 * INPUTS * WEIGHT_SCALE / (INPUT_SCALE * WEIGHT_SCALE))
    bias = np.array([half, -half], np.int32)
    shape = np.array([1, INPUTS], np.int32)
    model = schema.ModelT()
    model.version = 3
    model.operatorCodes = [_code(schema.BuiltinOperator.RESHAPE), _code(9)]
    model.buffers = [_buffer(None), _buffer(shape), _buffer(weights), _buffer(bias)]
    graph = schema.SubGraphT()
    int8, int32 = schema.TensorType.INT8, schema.TensorType.INT32
    graph.tensors = [
        _tensor("input", (1, SIDE, SIDE, CHANNELS), int8, 0, INPUT_SCALE, INPUT_ZERO),
        _tensor("shape", (2,), int32, 1),
        _tensor("flat", (1, INPUTS), int8, 0, INPUT_SCALE, INPUT_ZERO),
        _tensor("weights", weights.shape, int8, 2, WEIGHT_SCALE, 0),
        _tensor("bias", (CLASSES,), int32, 3, INPUT_SCALE * WEIGHT_SCALE, 0),
        _tensor("output", (1, CLASSES), int8, 0, OUTPUT_SCALE, OUTPUT_ZERO),
    ]
    graph.inputs, graph.outputs = [0], [5]
    graph.operators = [
        _operator(0, [0, 1], 2, schema.BuiltinOptions.ReshapeOptions, schema.ReshapeOptionsT()),
        _operator(
            1,
            [2, 3, 4],
            5,
            schema.BuiltinOptions.FullyConnectedOptions,
            schema.FullyConnectedOptionsT(),
        ),
    ]
    graph.operators[0].builtinOptions.newShape = [1, INPUTS]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _code(number: int) -> "schema.OperatorCodeT":
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = number
    code.version = 1 if number == schema.BuiltinOperator.RESHAPE else 4
    return code


def _buffer(array: "np.ndarray | None") -> "schema.BufferT":
    buffer = schema.BufferT()
    if array is not None:
        buffer.data = np.frombuffer(array.tobytes(), np.uint8)
    return buffer


def _tensor(
    name: str,
    shape: tuple[int, ...],
    kind: int,
    buffer: int,
    scale: float | None = None,
    zero: int = 0,
) -> "schema.TensorT":
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, buffer
    if scale is not None:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero]
    return tensor


def _operator(
    code: int, inputs: list[int], output: int, kind: int, options: object
) -> "schema.OperatorT":
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, [output]
    operator.builtinOptionsType, operator.builtinOptions = kind, options
    return operator


if __name__ == "__main__":
    main()
