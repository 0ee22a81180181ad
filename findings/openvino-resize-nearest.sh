#!/usr/bin/env bash
# A RESIZE_NEAREST_NEIGHBOR with half_pixel_centers takes, in LiteRT, the pixel in which the
# centre of the new pixel lies: floor((i + 0.5) * before / after). OpenVINO takes the one before
# where that centre lies just on the border of two: from 4 to 6 pixels it reads 0 0 1 2 2 3 and
# LiteRT 0 1 1 2 3 3, so a third of each row and column differs. To twice the size both agree.
# Nothing is said.
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


x = np.arange(4, dtype=np.int8).reshape(1, 1, 4, 1)
same = {}
for after in 8, 6:
    network = Network()
    given = network.tensor("in", x.shape, 0.05, 3)
    size = network.tensor("size", [2], data=np.int32([1, after]), kind=INT32)
    out = network.tensor("out", [1, 1, after, 1], 0.05, 3)
    network.operator(
        "RESIZE_NEAREST_NEIGHBOR", 3, [given, size], [out], "ResizeNearestNeighborOptions",
        alignCorners=False, halfPixelCenters=True,
    )
    file = network.file([given], [out])
    reference = litert(file, x, OpResolverType.BUILTIN_REF).ravel()
    default, answer = litert(file, x).ravel(), vino(file, x)[0].ravel()
    print(f"4 to {after}: LiteRT's reference {reference}, default {default}, OpenVINO {answer}")
    if not np.array_equal(reference, np.floor((np.arange(after) + 0.5) * 4 / after)):
        sys.exit("The behaviour has changed: LiteRT takes other pixels.")
    same[after] = np.array_equal(reference, default), np.array_equal(reference, answer)
print("openvino", version("openvino"), "ai-edge-litert", version("ai-edge-litert"))
if same != {8: (True, True), 6: (True, False)}:
    sys.exit(f"The behaviour has changed: who agrees with the reference is {same}.")
print("As recorded: OpenVINO takes other pixels from 4 to 6, and the same from 4 to 8.")
PYTHON
