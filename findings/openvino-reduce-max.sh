#!/usr/bin/env bash
# OpenVINO's int8 REDUCE_MAX never answers with more than -1: a positive maximum comes out as -1,
# a negative one as it is. On ordinary maps that is -1 everywhere. REDUCE_MIN is right, and so is
# LiteRT with both. Nothing is said: the file is read, compiled and run.
#
# Seen on 2026-12-01 with openvino 2026.4.1 on an x86-64 processor, beside ai-edge-litert 2.3.0.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install -q \
    openvino==2026.4.1 ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy==2.4.6
cd "$folder"

"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import flatbuffers
import numpy as np
import openvino
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

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


def vino(file, x):
    """What OpenVINO answers with on the processor: every output."""
    with open("network.tflite", "wb") as target:
        target.write(file)
    compiled = openvino.compile_model("network.tflite", "CPU")
    answers = compiled(x)
    return [answers[each] for each in compiled.outputs]


draw = np.random.default_rng(0)
inputs = {
    "of all numbers": draw.integers(-128, 128, (1, 4, 4, 6)).astype(np.int8),
    "of negative numbers": draw.integers(-128, -40, (1, 4, 4, 6)).astype(np.int8),
}
wrong = set()
for name, numpys in ("REDUCE_MIN", np.min), ("REDUCE_MAX", np.max):
    network = Network()
    given = network.tensor("in", [1, 4, 4, 6], 0.05, 3)
    axes = network.tensor("axes", [2], data=np.int32([1, 2]), kind=INT32)
    out = network.tensor("out", [1, 6], 0.05, 3)
    network.operator(name, 2, [given, axes], [out], "ReducerOptions", keepDims=False)
    file = network.file([given], [out])
    for which, x in inputs.items():
        right = numpys(x, axis=(1, 2))
        print(f"{name} {which}, calculated", right)
        for who, answer in ("LiteRT", litert(file, x)), ("OpenVINO", vino(file, x)[0]):
            print(f"  {who:8}", answer)
            if not np.array_equal(answer, right):
                wrong.add((name, which, who, answer.min(), answer.max()))
print("openvino", version("openvino"), "ai-edge-litert", version("ai-edge-litert"))
if wrong != {("REDUCE_MAX", "of all numbers", "OpenVINO", -1, -1)}:
    sys.exit(f"The behaviour has changed: wrong are {sorted(wrong)}.")
print("As recorded: of these only OpenVINO's REDUCE_MAX is wrong, and there all -1.")
PYTHON
