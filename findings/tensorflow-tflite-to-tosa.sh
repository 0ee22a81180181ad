#!/usr/bin/env bash
# `tf.mlir.experimental.tflite_to_tosa_bytecode` is public, but ends in a `NameError` as soon as
# it is called: the function that it hands its file to, ExperimentalTFLiteToTosaBytecode, is in
# none of the modules where it is looked for. It is the way from a TFLite file to TOSA, and with
# this release there is none. The file itself is sound: the same TensorFlow's interpreter runs it.
#
# Seen on 2026-12-01 with tensorflow-cpu 2.21.0.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install -q \
    tensorflow-cpu==2.21.0 flatbuffers==25.12.19 numpy==2.4.6
cd "$folder"

TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import flatbuffers
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

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


network = Network()
given = network.tensor("in", [1, 4], 0.05, 3)
out = network.tensor("out", [1, 4], 0.05, 3)
network.operator("RELU", 2, [given], [out])
file = network.file([given], [out])
with open("relu.tflite", "wb") as target:
    target.write(file)

interpreter = tf.lite.Interpreter(model_content=file)
interpreter.allocate_tensors()
interpreter.set_tensor(given, np.int8([[-9, 0, 3, 9]]))
interpreter.invoke()
print("tensorflow", tf.__version__, "runs the file:", interpreter.get_tensor(out))
try:
    tf.mlir.experimental.tflite_to_tosa_bytecode("relu.tflite", "relu.tosa")
except NameError as error:
    print(f"  tflite_to_tosa_bytecode: NameError: {error}")
else:
    sys.exit("The behaviour has changed: tflite_to_tosa_bytecode converts the file.")
print("As recorded: the public function calls a name that is not defined.")
PYTHON
