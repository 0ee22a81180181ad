#!/usr/bin/env bash
# tf2onnx converts a TFLite file with RELU_N1_TO_1 "successfully", with status 0 and without a
# word of warning about it, and writes a node TFL_RELU_N1_TO_1, which is no operator of ONNX.
# ONNX's own checker and ONNX Runtime refuse the file. With RELU in its place both take it. So the
# status of the conversion does not tell whether there is a network.
#
# Seen on 2026-12-01 with tf2onnx 1.17.0, tensorflow-cpu 2.21.0, onnx 1.23.2 and onnxruntime
# 1.32.0.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install -q \
    tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.32.0 tensorflow-cpu==2.21.0 \
    flatbuffers==25.12.19 numpy==2.4.6
cd "$folder"

TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'PYTHON'
import flatbuffers
import numpy as np
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


for name in "RELU", "RELU_N1_TO_1":
    network = Network()
    given = network.tensor("in", [1, 4, 4, 1], 0.05, 3)
    out = network.tensor("out", [1, 4, 4, 1], 0.05, 3)
    network.operator(name, 2 if name == "RELU" else 1, [given], [out])
    with open(f"{name}.tflite", "wb") as target:
        target.write(network.file([given], [out]))
PYTHON

for name in RELU RELU_N1_TO_1; do
    TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" -m tf2onnx.convert \
        --tflite "$name.tflite" --output "$name.onnx" > "$name.txt" 2>&1
    echo "$name: tf2onnx says: $(grep -o 'Successfully converted.*' "$name.txt")"
done

"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import onnx
import onnxruntime

print(*(f"{each} {version(each)}" for each in ("tf2onnx", "onnx", "onnxruntime")))
refused = {}
for name in "RELU", "RELU_N1_TO_1":
    nodes = [node.op_type for node in onnx.load(f"{name}.onnx").graph.node]
    try:
        onnxruntime.InferenceSession(f"{name}.onnx")
        said = "takes it"
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    try:
        onnx.checker.check_model(f"{name}.onnx")
        checked = "takes it"
    except onnx.checker.ValidationError as error:
        checked = f"ValidationError: {str(error).strip().splitlines()[0]}"
    refused[name] = (said != "takes it", checked != "takes it")
    print(f"  {name}: nodes {nodes}")
    print(f"    ONNX Runtime: {said}")
    print(f"    ONNX's checker: {checked}")
if refused != {"RELU": (False, False), "RELU_N1_TO_1": (True, True)}:
    sys.exit(f"The behaviour has changed: refused by ONNX Runtime, by the checker: {refused}.")
print("As recorded: the conversion succeeds, and nothing can read what it wrote.")
PYTHON
