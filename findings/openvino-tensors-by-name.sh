#!/usr/bin/env bash
# In a TFLite file operators name their tensors by index; a tensor's name is there "for debugging
# and importing back into tensorflow", says the schema, which does not ask that it be unique.
# LiteRT goes by index. OpenVINO goes by name: of two constants that are both called "begin" it
# gives one to both SLICEs, and both outputs are the same half of the input. With names of their
# own the file is right. Nothing is said.
#
# Seen on 2026-12-01 with openvino 2026.4.1, beside ai-edge-litert 2.3.0.
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
    """What LiteRT answers with; all outputs if there are several."""
    interpreter = Interpreter(model_content=file, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    outputs = [interpreter.get_tensor(each["index"]) for each in interpreter.get_output_details()]
    return outputs[0] if len(outputs) == 1 else outputs


def vino(file, x):
    """What OpenVINO answers with on the processor: every output."""
    with open("network.tflite", "wb") as target:
        target.write(file)
    compiled = openvino.compile_model("network.tflite", "CPU")
    answers = compiled(x)
    return [answers[each] for each in compiled.outputs]


x = np.arange(8, dtype=np.int8).reshape(1, 1, 1, 8)
same = {}
for names in ("begin of the first", "begin of the second"), ("begin", "begin"):
    network = Network()
    given = network.tensor("in", x.shape, 0.05, 3)
    size = network.tensor("size", [4], data=np.int32([1, 1, 1, 4]), kind=INT32)
    outs = []
    for name, channel in zip(names, (0, 4), strict=True):
        begin = network.tensor(name, [4], data=np.int32([0, 0, 0, channel]), kind=INT32)
        outs.append(network.tensor(f"out{channel}", [1, 1, 1, 4], 0.05, 3))
        network.operator("SLICE", 2, [given, begin, size], outs[-1:], "SliceOptions")
    file = network.file([given], outs)
    print(f"two constants called {names}")
    for who, answers in ("LiteRT", litert(file, x)), ("OpenVINO", vino(file, x)):
        halves = [each.ravel().tolist() for each in answers]
        same[names[0] == names[1], who] = halves == [[0, 1, 2, 3], [4, 5, 6, 7]]
        print(f"  {who:8}", *halves)
print("openvino", version("openvino"), "ai-edge-litert", version("ai-edge-litert"))
if [key for key, right in same.items() if not right] != [(True, "OpenVINO")]:
    sys.exit(f"The behaviour has changed: right or not (names alike, who) are {same}.")
print("As recorded: only OpenVINO is wrong, and only where the two have one name.")
PYTHON
