#!/usr/bin/env bash
# An int8 RELU6 that stands on its own, and whose output has another scale than its input, is not
# rescaled by tflite-micro: it clips the input's numbers and hands them out as the output's.
# LiteRT gives the right values with its reference and with its default kernels. The same with
# RELU is right in tflite-micro. Nothing is said: the file loads and runs.
#
# Seen on 2026-12-01 with tflite-micro 0.dev20261023182759, beside ai-edge-litert 2.3.0.
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


SCALE, OUT_SCALE, OUT_ZERO = 0.1, 6 / 255, -128
x = np.arange(-128, 128, 16, dtype=np.int8).reshape(1, 16)
np.set_printoptions(linewidth=120)
got = {}
for name, highest in ("RELU", 99), ("RELU6", 6):
    network = Network()
    given = network.tensor("in", x.shape, SCALE)
    out = network.tensor("out", x.shape, OUT_SCALE, OUT_ZERO)
    network.operator(name, 2, [given], [out])
    file = network.file([given], [out])
    real = np.clip(x * SCALE, 0, highest)
    right = np.clip(np.round(real / OUT_SCALE) + OUT_ZERO, -128, 127).astype(int)
    print(f"{name} of", x.ravel())
    print("  calculated            ", right.ravel())
    answers = {
        "LiteRT's reference": litert(file, x, OpResolverType.BUILTIN_REF),
        "LiteRT's default": litert(file, x),
        "tflite-micro": micro(file, x),
    }
    for who, answer in answers.items():
        got[name, who] = abs(answer.astype(int) - right).max()
        print(f"  {who:22}", answer.ravel(), "off by up to", got[name, who])
print("tflite-micro", version("tflite-micro"), "ai-edge-litert", version("ai-edge-litert"))
wrong = {key for key, off in got.items() if off > 1}
if wrong != {("RELU6", "tflite-micro")}:
    sys.exit(f"The behaviour has changed: wrong are {sorted(wrong)}, and only tflite-micro's RELU6 was.")
print("As recorded: of these only tflite-micro's RELU6 is wrong.")
PYTHON
