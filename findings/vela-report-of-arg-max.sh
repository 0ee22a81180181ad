#!/usr/bin/env bash
# Vela compiles a file with an int8 ARG_MAX and says that it succeeded. With
# `--show-cpu-operations`, which only asks for a list, it writes the compiled file and then ends
# in `KeyError: '0'` and status 1, so a script that asks for the list takes a compiled network for
# a failed one.
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


x = np.random.default_rng(0).integers(-128, 128, (1, 4, 4, 8)).astype(np.int8)
network = Network()
given = network.tensor("in", x.shape, 0.05, 3)
axis = network.tensor("axis", [], data=np.int32(3), kind=INT32)
out = network.tensor("out", x.shape[:3], kind=INT32)
network.operator("ARG_MAX", 2, [given, axis], [out], "ArgMaxOptions", outputType=INT32)
file = network.file([given], [out])
assert np.array_equal(litert(file, x), x.argmax(axis=3)), "LiteRT runs the file, and rightly"
with open("arg-max.tflite", "wb") as target:
    target.write(file)
print("ethos-u-vela", version("ethos-u-vela"))
PYTHON

vela=("$folder/venv/bin/vela" arg-max.tflite --accelerator-config ethos-u55-128)
plain=0
"${vela[@]}" --output-dir plain > plain.txt 2>&1 || plain=$?
echo "without the option: status $plain, wrote $(cd plain && echo *.tflite)"
asked=0
"${vela[@]}" --output-dir asked --show-cpu-operations > asked.txt 2>&1 || asked=$?
echo "with --show-cpu-operations: status $asked, wrote $(cd asked && echo *.tflite)"
tail -n 1 asked.txt
if [ "$plain" -ne 0 ] || [ ! -s plain/arg-max_vela.tflite ]; then
    echo "The behaviour has changed: Vela does not compile ARG_MAX." >&2
    exit 1
fi
if [ "$asked" -eq 0 ] || [ ! -s asked/arg-max_vela.tflite ] || ! grep -q '^KeyError' asked.txt; then
    echo "The behaviour has changed: the report no longer ends in a KeyError behind a written file." >&2
    exit 1
fi
echo "As recorded: compiled both times, and with the option a KeyError behind it."
