#!/usr/bin/env bash
# mnnconvert, the converter that comes with MNN, runs `pip install -U aliyun-log-python-sdk`
# before it converts anything, with the first pip on the PATH, which need not be that of its own
# environment, in no fixed version, and without a question. The package is for a report about its
# use, which is no part of a conversion: with a pip that installs nothing, the file is converted
# all the same. `pip show MNN` does not list the package among what MNN requires.
#
# A stand-in for pip stands first on the PATH here, so nothing is installed and nothing reported.
#
# Seen on 2026-12-01 with MNN 3.6.1.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install -q \
    MNN==3.6.1 ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy==2.4.6
cd "$folder"

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


network = Network()
given = network.tensor("in", [1, 4, 4, 8], 0.05, 3)
out = network.tensor("out", [1, 4, 4, 8], 0.05, 3)
network.operator("RELU", 2, [given], [out])
with open("relu.tflite", "wb") as target:
    target.write(network.file([given], [out]))
PYTHON

mkdir stand-in
printf '#!/bin/sh\necho "pip $*" >> "%s"\n' "$folder/calls.txt" > stand-in/pip
chmod +x stand-in/pip

"$folder/venv/bin/python" -m pip --disable-pip-version-check show MNN | grep -E '^(Name|Version|Requires):'
PATH="$folder/stand-in:$PATH" "$folder/venv/bin/mnnconvert" -f TFLITE --modelFile relu.tflite \
    --MNNModel relu.mnn --bizCode finding > said.txt 2>&1
grep -E 'Converted' said.txt || true
if [ ! -s relu.mnn ]; then
    echo "The behaviour has changed: without the package there is no converted file." >&2
    exit 1
fi
if ! grep -q '^pip install .*aliyun-log-python-sdk' calls.txt 2> calls-missing.txt; then
    echo "The behaviour has changed: mnnconvert no longer calls pip." >&2
    exit 1
fi
echo "As recorded, it called: $(sort -u calls.txt)"
