#!/usr/bin/env bash
# mnnconvert takes an int8 FULLY_CONNECTED and says "Converted Success!", but the layer's scales
# in what it writes are zero or no numbers: the values that come out have nothing to do with the
# right ones (zeros, numbers of 1e-39, 3.4e38). The very same weights as a 1x1 CONV_2D come out
# right. Nothing is said.
#
# Seen on 2026-12-01 with MNN 3.6.1, beside ai-edge-litert 2.3.0.
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


SCALE, ZERO, OUT_SCALE, OUT_ZERO = 0.05, 3, 0.2, -10
draw = np.random.default_rng(0)
kernel = draw.integers(-127, 128, (4, 16)).astype(np.int8)
x = draw.integers(-128, 128, (1, 16)).astype(np.int8)
real = (x.astype(np.float32) - ZERO) * np.float32(SCALE)
np.save("real.npy", real)
for name, middle in ("dense", []), ("conv", [1, 1]):
    network = Network()
    given = network.tensor("in", [1, *middle, 16], SCALE, ZERO)
    weights = network.tensor("weights", [4, *middle, 16], 0.01, data=kernel)
    bias = network.tensor("bias", [4], 0.01 * SCALE, data=np.int32([100, -200, 300, 0]), kind=INT32)
    out = network.tensor("out", [1, *middle, 4], OUT_SCALE, OUT_ZERO)
    if middle:
        network.operator(
            "CONV_2D", 3, [given, weights, bias], [out], "Conv2DOptions",
            padding=schema.Padding.VALID, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1,
        )
    else:
        network.operator(
            "FULLY_CONNECTED", 4, [given, weights, bias], [out], "FullyConnectedOptions"
        )
    file = network.file([given], [out])
    answer = litert(file, x.reshape(1, *middle, 16)).ravel()
    np.save(f"{name}.npy", (answer.astype(np.float32) - OUT_ZERO) * np.float32(OUT_SCALE))
    with open(f"{name}.tflite", "wb") as target:
        target.write(file)
PYTHON

# mnnconvert calls the first pip on the PATH; a stand-in keeps it from installing anything.
mkdir stand-in
printf '#!/bin/sh\necho "pip $*" >> "%s"\n' "$folder/calls.txt" > stand-in/pip
chmod +x stand-in/pip

for name in dense conv; do
    PATH="$folder/stand-in:$PATH" "$folder/venv/bin/mnnconvert" -f TFLITE --modelFile "$name.tflite" \
        --MNNModel "$name.mnn" --bizCode finding > "$name.txt" 2>&1
    echo "$name: $(grep 'Converted' "$name.txt")"
done

"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import MNN
import numpy as np

QUANTUM = 0.2
print("MNN", version("MNN"))
off = {}
for name, shape in ("dense", [1, 16]), ("conv", [1, 1, 1, 16]):
    given = MNN.expr.placeholder(shape, MNN.expr.NHWC)
    given.write(np.load("real.npy").reshape(shape))
    network = MNN.nn.load_module_from_file(f"{name}.mnn", ["in"], ["out"])
    out = MNN.expr.convert(network.forward([given])[0], MNN.expr.NHWC)
    answer, right = np.array(out.read(), np.float64).ravel(), np.load(f"{name}.npy")
    off[name] = np.abs(answer - right).max() / QUANTUM
    print(f"  {name}: MNN {answer}, LiteRT {right}, off by {off[name]:.3g} quanta")
if not off["conv"] <= 2:
    sys.exit("The behaviour has changed: MNN's CONV_2D is wrong, too.")
if off["dense"] <= 5:
    sys.exit("The behaviour has changed: MNN's FULLY_CONNECTED is right.")
print("As recorded: the convolution is right, the dense layer of the same weights is not.")
PYTHON
