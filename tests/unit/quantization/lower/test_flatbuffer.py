"""The bytes of a TFLite file: equal ones for equal networks, aligned, each constant once."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from support.onnx_nets import converted, net, node, normal, parsed

from quantization.convert import Conversion


def convert_once() -> Conversion:
    """Two convolutions that share their weights, a pooling and a dense layer."""
    model = net(
        [
            node("Conv", "input", "w", to="a", pads=[1, 1, 1, 1]),
            node("Relu", "a", to="b"),
            node("Conv", "b", "w", to="c", pads=[1, 1, 1, 1]),
            node("Add", "b", "c", to="d"),
            node("GlobalAveragePool", "d", to="e"),
            node("Flatten", "e", to="f"),
            node("Gemm", "f", "v"),
        ],
        (1, 4, 6, 6),
        {"w": normal(4, 4, 3, 3), "v": normal(4, 3)},
    )
    return converted(model)


@pytest.fixture(name="made", scope="module")
def _made() -> Conversion:
    return convert_once()


def test_equal_models_give_equal_bytes(made: Conversion) -> None:
    """Converting twice gives the same file."""
    assert convert_once().tflite == made.tflite


def test_constants_stand_at_multiples_of_sixteen(made: Conversion) -> None:
    """Every buffer's bytes are aligned in the file, as the schema's force_align demands."""
    model = schema.Model.GetRootAs(made.tflite, 0)
    offsets = []
    for i in range(model.BuffersLength()):
        buffer = model.Buffers(i)
        if buffer.DataLength():
            field = buffer._tab.Offset(4)
            offsets.append(buffer._tab.Vector(field))
    assert len(offsets) > 4
    assert {offset % 16 for offset in offsets} == {0}


def test_shared_weights_are_stored_once(made: Conversion) -> None:
    """The weights that two convolutions share are one tensor and one buffer."""
    model = parsed(made.tflite)
    first, second = [o for o in model.subgraphs[0].operators if len(o.inputs) == 3][:2]
    assert first.inputs[1] == second.inputs[1]
    stored = [bytes(b.data) for b in model.buffers if b.data is not None]
    assert len(stored) == len(set(stored))


def test_operator_versions_are_those_that_old_runtimes_have(made: Conversion) -> None:
    """The version of each operator is the first with its int8 kernel."""
    names = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
    codes = parsed(made.tflite).operatorCodes
    assert {names[c.builtinCode]: c.version for c in codes} == {
        "CONV_2D": 3,
        "ADD": 2,
        "MEAN": 2,
        "RESHAPE": 1,
        "FULLY_CONNECTED": 4,
    }
    assert [c.deprecatedBuiltinCode for c in codes] == [c.builtinCode for c in codes]


def test_the_file_says_what_it_is(made: Conversion) -> None:
    """Identifier, schema version, int8 NHWC in and int8 out with the scales of the result."""
    assert made.tflite[4:8] == b"TFL3"
    model = parsed(made.tflite)
    assert model.version == 3
    (graph,) = model.subgraphs
    source, result = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    assert (source.name, result.name) == (b"input", b"output")
    assert source.shape.tolist() == [1, 6, 6, 4]
    assert result.shape.tolist() == [1, 3]
    for tensor, affine in ((source, made.input), (result, made.output)):
        assert tensor.type == schema.TensorType.INT8
        assert tensor.quantization.scale.tolist() == [np.float32(affine.scale)]
        assert tensor.quantization.zeroPoint.tolist() == [affine.zero_point]
