"""Small ONNX networks written out by hand, and the two runtimes that judge a conversion."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edge_agent.common.arrays import F32, I8
from edge_agent.inference.runtime import Interpreter
from quantization.convert import Conversion, convert
from quantization.fold.fold import fold_graph
from quantization.graph.graph import Graph, read, write
from quantization.lower.lowering import TflitePort
from quantization.recipe import QuantRecipe

Array = NDArray[Any]

# How far float32 may be from ONNX Runtime's, relative to the largest value: sums of up to a
# thousand products in another order.
FLOAT_ERROR = 1e-5


def net(
    nodes: Sequence[onnx.NodeProto],
    shape: Sequence[int | str],
    constants: Mapping[str, Array] | None = None,
    *,
    outputs: Sequence[str] = ("output",),
    opset: int = 17,
    dtype: int = onnx.TensorProto.FLOAT,
) -> onnx.ModelProto:
    """A model of `nodes` that reads "input" of `shape` and returns `outputs`."""
    types: dict[str, int] = {}  # of the values that are not float
    for one in nodes:
        if one.op_type == "ArgMax" or not types.keys().isdisjoint(one.input[:1]):
            types[one.output[0]] = onnx.TensorProto.INT64
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info("input", dtype, shape)],
        [
            helper.make_tensor_value_info(o, types.get(o, onnx.TensorProto.FLOAT), None)
            for o in outputs
        ],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", opset)])
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def node(op: str, *inputs: str, to: str = "output", **attributes: Any) -> onnx.NodeProto:
    """One node with one output."""
    return helper.make_node(op, inputs, [to], name=f"{op} to {to}", **attributes)


def normal(*shape: int, seed: int = 0) -> F32:
    """Normally distributed float32 numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def graph_of(model: onnx.ModelProto) -> Graph:
    """The folded graph of a model."""
    return fold_graph(read(model))


def as_model(network: onnx.ModelProto | Graph) -> onnx.ModelProto:
    """A network as ONNX, whichever of the two it is."""
    return write(network) if isinstance(network, Graph) else network


def converted(model: onnx.ModelProto, samples: F32 | None = None) -> Conversion:
    """A model converted by its own samples, or by 32 normally distributed ones."""
    if samples is None:
        dims = model.graph.input[0].type.tensor_type.shape.dim
        samples = normal(32, *(d.dim_value for d in dims[1:]), seed=1)
    return convert(model, [samples], QuantRecipe())


def in_float(model: onnx.ModelProto) -> Conversion:
    """A model converted as it is, in float32."""
    return convert(model, recipe=QuantRecipe(precision="float32"))


def run_onnx(model: onnx.ModelProto | Graph, x: F32) -> F32:
    """The first output for one batch, in float between the values, nothing optimised away."""
    result: F32 = run_onnx_all(model, x)[0]
    return result


def run_onnx_all(model: onnx.ModelProto | Graph, x: F32) -> list[Array]:
    """Every output for one batch, in float between the values, nothing optimised away."""
    session = open_session(as_model(model))
    results: list[Array] = session.run(None, {"input": x})
    return results


def to_device(x: Array) -> Array:
    """NCHW as NHWC; any other rank as it is."""
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def run_tflite(made: Conversion, x: F32) -> I8:
    """The int8 output for one sample (1, ...) in ONNX's layout."""
    with Interpreter(made.tflite) as interpreter:
        return interpreter.infer(made.input.quantize(to_device(x)))[0]


def quanta_apart(made: Conversion, x: F32) -> int:
    """How far the TFLite file is from ONNX Runtime on the QDQ model, over samples (N, ...)."""
    worst = 0
    for found, wanted in zip(run_litert(made, x), expected(made, x), strict=True):
        for device, host in zip(found, wanted, strict=True):
            assert device.shape == host.shape
            worst = max(worst, int(np.abs(device.astype(int) - host.astype(int)).max()))
    return worst


def worst_error(found: Sequence[Array], wanted: Sequence[Array]) -> float:
    """The largest difference of float outputs, in units of an output's largest value or of 1."""
    worst = 0.0
    for device, host in zip(found, wanted, strict=True):
        assert device.shape == host.shape
        largest = max(1.0, float(np.abs(host).max()))
        worst = max(worst, float(np.abs(device - host).max()) / largest)
    return worst


def run_litert(made: Conversion, x: F32) -> list[list[Array]]:
    """For each sample of (N, ...), every output of the TFLite file on LiteRT."""
    with Interpreter(made.tflite) as interpreter:
        return [list(interpreter.infer(one[None])) for one in device_input(made, x)]


def device_input(made: Conversion, x: F32) -> Array:
    """Samples as the TFLite file takes them."""
    return _as_port(made.lowered.source, x)


def expected(made: Conversion, x: F32) -> list[list[Array]]:
    """For each sample, every output of the QDQ model on ONNX Runtime as the TFLite file has it."""
    session = open_session(made.qdq)
    return [
        [
            _as_port(port, array)
            for port, array in zip(
                made.lowered.results, session.run(None, {"input": one[None]}), strict=True
            )
        ]
        for one in x
    ]


def batched(outputs: Sequence[Sequence[Array]]) -> list[Array]:
    """Each output (N, ...) over all samples, from the outputs of each sample (1, ...)."""
    return [np.stack(arrays) for arrays in zip(*outputs, strict=True)]


def _as_port(port: TflitePort, array: Array) -> Array:
    turned = array.transpose(port.order)
    return turned if port.affine is None else port.affine.quantize(turned)


def open_session(model: onnx.ModelProto) -> ort.InferenceSession:
    """A model on ONNX Runtime, nothing optimised away."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def parsed(tflite: bytes) -> Any:
    """The file as the schema's objects."""
    return schema.ModelT.InitFromPackedBuf(tflite, 0)


_NAMES = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}


def operators(tflite: bytes) -> list[str]:
    """The names of a file's operators, in order."""
    model = parsed(tflite)
    return [
        _NAMES[model.operatorCodes[o.opcodeIndex].builtinCode] for o in model.subgraphs[0].operators
    ]


def float_tensors(tflite: bytes) -> list[str]:
    """The names of a file's tensors that are not integers."""
    integers = {schema.TensorType.INT8, schema.TensorType.INT32, schema.TensorType.INT64}
    tensors = parsed(tflite).subgraphs[0].tensors
    return [t.name.decode() for t in tensors if t.type not in integers]


def int8_tensors(tflite: bytes) -> list[str]:
    """The names of a file's tensors that are int8."""
    tensors = parsed(tflite).subgraphs[0].tensors
    return [t.name.decode() for t in tensors if t.type == schema.TensorType.INT8]
