#!/usr/bin/env bash
# The reference kernel of int8 RESIZE_BILINEAR, LiteRT's and the one of tflite-micro, keeps the
# step from pixel to pixel as a whole number of 1/1024 and multiplies it by the position. What is
# lost in rounding the step adds up: from 12 rows to 24 it costs less than a quantum, from 100 to
# 640 with align_corners dozens of quanta near the far edge. LiteRT's default kernels are within
# one quantum of the calculated values at every size. So the reference is no judge of an
# upsampling, and a large one differs between tflite-micro and LiteRT's default.
#
# Seen on 2026-12-01 with ai-edge-litert 2.3.0 and tflite-micro 0.dev20261023182759.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install -q \
    tflite-micro==0.dev20261023182759 ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy==2.4.6
cd "$folder"

"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro.python.tflite_micro import runtime

INT8, INT32 = schema.TensorType.INT8, schema.TensorType.INT32


class Network:
    """A TFLite file of one subgraph, built tensor by tensor and operator by operator."""

    def __init__(self):
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.buffers, self.codes = [schema.BufferT()], []

    def tensor(self, name, shape, scale=None, zero=0, data=None, kind=INT8):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        if scale is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero]
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, name, version, inputs, outputs, options=None, **values):
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), version
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = len(self.codes), inputs, outputs
        if options:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            operator.builtinOptions = getattr(schema, options + "T")()
            vars(operator.builtinOptions).update(values)
        self.codes.append(code)
        self.graph.operators.append(operator)

    def file(self, inputs, outputs):
        self.graph.inputs, self.graph.outputs = inputs, outputs
        model = schema.ModelT()
        model.version, model.subgraphs = 3, [self.graph]
        model.operatorCodes, model.buffers = self.codes, self.buffers
        builder = flatbuffers.Builder()
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def litert(file, x, resolver=OpResolverType.AUTO):
    """What LiteRT answers with."""
    interpreter = Interpreter(model_content=file, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def micro(file, x):
    interpreter = runtime.Interpreter.from_bytes(file, arena_size=1 << 20)
    interpreter.set_input(x, 0)
    interpreter.invoke()
    return interpreter.get_output(0)


def calculated(column, rows):
    """A column stretched so that its ends stay its ends."""
    at = np.arange(rows) * (len(column) - 1) / (rows - 1)
    return np.interp(at, np.arange(len(column)), column)


off = {}
for before, after in (12, 24), (100, 640):
    column = np.where(np.arange(before) % 2, 127, -128).astype(np.int8)
    x = np.repeat(column, 2).reshape(1, before, 2, 1)
    network = Network()
    given = network.tensor("in", x.shape, 0.05, 3)
    size = network.tensor("size", [2], data=np.int32([after, 2]), kind=INT32)
    out = network.tensor("out", [1, after, 2, 1], 0.05, 3)
    network.operator(
        "RESIZE_BILINEAR", 3, [given, size], [out], "ResizeBilinearOptions", alignCorners=True
    )
    file = network.file([given], [out])
    right = calculated(column.astype(float), after)
    answers = {
        "LiteRT's reference": litert(file, x, OpResolverType.BUILTIN_REF),
        "LiteRT's default": litert(file, x),
        "tflite-micro": micro(file, x),
    }
    for who, answer in answers.items():
        each = abs(answer[0, :, 0, 0] - right)
        off[after, who] = each.max()
        print(f"{before} to {after} rows, {who}: off by up to {each.max():.2f}, in row {each.argmax()}")
print("ai-edge-litert", version("ai-edge-litert"), "tflite-micro", version("tflite-micro"))
wrong = {key for key, most in off.items() if most > 10}
if wrong != {(640, "LiteRT's reference"), (640, "tflite-micro")}:
    sys.exit(f"The behaviour has changed: off by more than 10 quanta are {sorted(wrong)}.")
print("As recorded: the reference and tflite-micro are far off at 640 rows, the default is not.")
PYTHON
