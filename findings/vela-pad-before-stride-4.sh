#!/usr/bin/env bash
# A CONV_2D of stride 4 that Vela cannot put on the Ethos-U55 is left to the processor when its
# padding is SAME, and the file is compiled. The very same convolution with its padding written
# out, as PAD and a CONV_2D VALID, ends the compilation: `RuntimeError: Non-passthrough operation
# (Conv2D) could not run on NPU`, and no file is written.
#
# Seen on 2026-12-01 with ethos-u-vela 5.2.0, accelerator ethos-u55-128.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install -q \
    ethos-u-vela==5.2.0 ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy==2.4.6
cd "$folder"

"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

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


draw = np.random.default_rng(0)
x = draw.integers(-128, 128, (1, 16, 16, 4)).astype(np.int8)
kernel = draw.integers(-127, 128, (8, 7, 7, 4)).astype(np.int8)
answers = {}
for name in "same", "padded":
    network = Network()
    given = convolved = network.tensor("in", x.shape, 0.05, 3)
    if name == "padded":
        # SAME of 16 pixels, kernel 7 and stride 4: one pixel before and two behind.
        pads = np.int32([[0, 0], [1, 2], [1, 2], [0, 0]])
        widths = network.tensor("pads", [4, 2], data=pads, kind=INT32)
        convolved = network.tensor("wide", [1, 19, 19, 4], 0.05, 3)
        network.operator("PAD", 2, [given, widths], [convolved], "PadOptions")
    weights = network.tensor("weights", kernel.shape, 0.01, data=kernel)
    bias = network.tensor("bias", [8], 0.0005, data=np.zeros(8, np.int32), kind=INT32)
    out = network.tensor("out", [1, 4, 4, 8], 0.5)
    padding = schema.Padding.SAME if name == "same" else schema.Padding.VALID
    network.operator(
        "CONV_2D", 3, [convolved, weights, bias], [out], "Conv2DOptions",
        padding=padding, strideH=4, strideW=4, dilationHFactor=1, dilationWFactor=1,
    )
    file = network.file([given], [out])
    answers[name] = litert(file, x, OpResolverType.BUILTIN_REF)
    with open(f"{name}.tflite", "wb") as target:
        target.write(file)
assert np.array_equal(answers["same"], answers["padded"]), "LiteRT runs both, and they are one"
print("ethos-u-vela", version("ethos-u-vela"))
PYTHON

for name in same padded; do
    status=0
    "$folder/venv/bin/vela" "$name.tflite" --accelerator-config ethos-u55-128 \
        --output-dir "of-$name" > "$name.txt" 2>&1 || status=$?
    wrote=no; [ ! -s "of-$name/${name}_vela.tflite" ] || wrote=yes
    echo "$name: status $status, compiled file written: $wrote"
    grep -E '^RuntimeError|^ *(CPU|NPU) operators' "$name.txt" || true
    if [ "$name" = same ]; then
        expected="0 yes"
    else
        expected="1 no"
    fi
    if [ "$status $wrote" != "$expected" ]; then
        echo "The behaviour has changed: status and file were '$expected' for $name." >&2
        exit 1
    fi
done
if ! grep -q 'Conv2D.*could not run on NPU' padded.txt; then
    echo "The behaviour has changed: Vela names another reason." >&2
    exit 1
fi
echo "As recorded: SAME is compiled, the same convolution behind a PAD ends the compilation."
