#!/usr/bin/env bash
# An int8 DEPTH_TO_SPACE is of version 2 where TensorFlow writes it. The default resolver of
# LiteRT and that of tflite-runtime take that version and run it; the resolver of the reference
# kernels (OpResolverType.BUILTIN_REF) refuses it in both: it has the kernel, and runs the same
# file with version 1, but is registered for version 1 alone. So a file that runs cannot be
# compared with the reference.
#
# Seen on 2026-12-01 with ai-edge-litert 2.3.0 and tflite-runtime 2.14.0 (with numpy 1.26.4).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install -q \
    ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy==2.4.6
cd "$folder"

python3.11 -m venv "$folder/older"
"$folder/older/bin/python" -m pip --disable-pip-version-check install -q \
    tflite-runtime==2.14.0 numpy==1.26.4

"$folder/venv/bin/python" - <<'PYTHON'
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

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


x = np.arange(16, dtype=np.int8).reshape(1, 2, 2, 4)
for number in 1, 2:
    network = Network()
    given = network.tensor("in", [1, 2, 2, 4], 0.05, 3)
    out = network.tensor("out", [1, 4, 4, 1], 0.05, 3)
    network.operator("DEPTH_TO_SPACE", number, [given], [out], "DepthToSpaceOptions", blockSize=2)
    with open(f"version-{number}.tflite", "wb") as target:
        target.write(network.file([given], [out]))
np.save("x.npy", x)
PYTHON

cat > ask.py <<'PYTHON'
"""Prints which versions which resolver takes; fails if not as recorded."""
import sys
from importlib.metadata import version

import numpy as np

try:
    package = "ai-edge-litert"
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
except ImportError:
    package = "tflite-runtime"
    from tflite_runtime.interpreter import Interpreter, OpResolverType

x = np.load("x.npy")
right = x.reshape(1, 2, 2, 2, 2, 1).transpose(0, 1, 3, 2, 4, 5).reshape(1, 4, 4, 1)
print(package, version(package))
for number in 1, 2:
    for resolver in OpResolverType.AUTO, OpResolverType.BUILTIN_REF:
        try:
            interpreter = Interpreter(f"version-{number}.tflite", experimental_op_resolver_type=resolver)
            interpreter.allocate_tensors()
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
            interpreter.invoke()
            answer = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
            said = "right" if np.array_equal(answer, right) else f"wrong: {answer.ravel()}"
        except (RuntimeError, ValueError) as error:
            said = f"refused: {error}".strip()
        print(f"  version {number}, {resolver.name}: {said}")
        refused = (number, resolver) == (2, OpResolverType.BUILTIN_REF)
        if not said.startswith("refused: Didn't find op for builtin opcode" if refused else "right"):
            sys.exit("The behaviour has changed: this line is new.")
print("As recorded: only BUILTIN_REF refuses, and only version 2.")
PYTHON
"$folder/venv/bin/python" ask.py
"$folder/older/bin/python" ask.py
