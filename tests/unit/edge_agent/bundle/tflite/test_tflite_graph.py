"""The graph of a file before a runtime sees it: each thing that must hold, one at a time.

The files are written here and only looked at: none is run.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge_agent.bundle.tflite.check import MAX_VALUES_BYTES, check_model, read_calls
from edge_agent.common.errors import BundleError

pytest.importorskip("flatbuffers")
schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
from support.tflite_graphs import File, T, constant  # noqa: E402  # needs them

Edit = Callable[[Any], None]
ADD, FULLY_CONNECTED, RELU, RESHAPE = 0, 9, 19, 22


def reshaped(edit: Edit = lambda model: None) -> bytes:
    """Relu, then a reshape to a constant shape; tensors: 0 source, 1 middle, 2 shape, 3 result."""
    source, middle, result = T((1, 4), 0.5), T((1, 4), 0.5), T((2, 2), 0.5)
    target = constant(np.array([2, 2], np.int32))
    file = File().then("RELU", [source], [middle])
    file.then("RESHAPE", [middle, target], [result], {"newShape": [2, 2]}, kind="ReshapeOptions")
    return finished(file, source, result, edit)


def dense(edit: Edit = lambda model: None) -> bytes:
    """A fully connected layer; tensors: 0 source, 1 weights, 2 bias, 3 result."""
    source, result = T((1, 3), 0.5), T((1, 2), 0.5)
    weights = constant(np.ones((2, 3), np.int8), 0.25)
    bias = constant(np.zeros(2, np.int32), 0.125)
    file = File().then(
        "FULLY_CONNECTED",
        [source, weights, bias],
        [result],
        {"keepNumDims": False},
        kind="FullyConnectedOptions",
    )
    return finished(file, source, result, edit)


def finished(file: File, source: T, result: T, edit: Edit) -> bytes:
    """The file's bytes, after `edit` of its document."""
    document = schema.ModelT.InitFromPackedBuf(file.bytes(source, result), 0)
    edit(document)
    builder = pytest.importorskip("flatbuffers").Builder(1024)
    builder.Finish(document.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def code(number: int, *, older: int, newer: int) -> Edit:
    """The operator's code in the field of older files and in that of newer ones."""

    def edit(model: Any) -> None:
        found = model.operatorCodes[number]
        found.deprecatedBuiltinCode, found.builtinCode = older, newer

    return edit


def operator(number: int, **fields: Any) -> Edit:
    """One operator with other fields."""

    def edit(model: Any) -> None:
        for name, value in fields.items():
            assert hasattr(model.subgraphs[0].operators[number], name)
            setattr(model.subgraphs[0].operators[number], name, value)

    return edit


def graph(**fields: Any) -> Edit:
    def edit(model: Any) -> None:
        for name, value in fields.items():
            setattr(model.subgraphs[0], name, value)

    return edit


def signature(key: str = "serving", graph: int = 0, source: int = 0, result: int = 3) -> Edit:
    """A signature, as other converters write it beside the graph."""

    def port(index: int) -> Any:
        found = schema.TensorMapT()
        found.name, found.tensorIndex = "x", index
        return found

    def edit(model: Any) -> None:
        entry = schema.SignatureDefT()
        entry.signatureKey, entry.subgraphIndex = key, graph
        entry.inputs, entry.outputs = [port(source)], [port(result)]
        model.signatureDefs = [entry]

    return edit


def no_options(number: int) -> Edit:
    return operator(number, builtinOptions=None, builtinOptionsType=0)


def of_another(number: int) -> Edit:
    """The options of an operator that this one is not."""
    return operator(
        number, builtinOptions=schema.GatherOptionsT(), builtinOptionsType=OPTIONS["GatherOptions"]
    )


OPTIONS = {name: getattr(schema.BuiltinOptions, name) for name in ("GatherOptions",)}


@pytest.mark.parametrize(
    "sound",
    [
        reshaped(),
        reshaped(code(0, older=RELU, newer=0)),
        reshaped(code(0, older=0, newer=RELU)),
        reshaped(no_options(1)),
        reshaped(signature()),
        reshaped(signature(source=3, result=0)),
        dense(),
        dense(operator(0, inputs=[0, 1, -1])),
        dense(operator(0, inputs=[0, 1])),
    ],
)
def test_what_is_sound_passes(sound: bytes) -> None:
    """Must not fire: each thing at the last value that it may have."""
    check_model(sound, "m")


def test_the_operators_are_read_in_their_order() -> None:
    """By name, each with what it reads and writes."""
    (first, relu), (second, reshape) = read_calls(reshaped(), "m")
    assert (first, second) == ("RELU", "RESHAPE")
    assert relu.outputs[0] is reshape.inputs[0]
    assert reshape.options["new_shape"].tolist() == [2, 2]


LONG = "k" * 70


@pytest.mark.parametrize(
    ("unsound", "reason"),
    [
        (reshaped()[:4] + b"TFL2" + reshaped()[8:], "expected a TFLite file, b'TFL3' in byte 4"),
        (reshaped(graph(inputs=[])), "m: expected inputs, found none"),
        (reshaped(graph(outputs=[])), "m: expected outputs, found none"),
        (reshaped(graph(inputs=[4])), "m: inputs: expected a tensor of 0 to 3, found 4"),
        (reshaped(graph(inputs=[0, 0])), "m: inputs: expected what nothing else writes, found te"),
        (reshaped(graph(inputs=[0, 2])), "m: inputs: expected what nothing else writes, found te"),
        (reshaped(graph(outputs=[4])), "m: outputs: expected a tensor of 0 to 3, found 4"),
        (reshaped(signature(graph=1)), "signature 'serving': expected a graph of 0 to 0, found 1"),
        (reshaped(signature(source=4)), "expected a tensor of 0 to 3, found 4"),
        (reshaped(signature(result=4)), "expected a tensor of 0 to 3, found 4"),
        (reshaped(signature(LONG, graph=1)), f"m: signature '{LONG[:64]}': expected"),
        (reshaped(code(0, older=32, newer=0)), "a builtin operator, found the custom operator"),
        (reshaped(operator(0, inputs=[])), "RELU: expected 1 to 1 inputs, found 0"),
        (reshaped(operator(0, inputs=[0, 0])), "RELU: expected 1 to 1 inputs, found 2"),
        (reshaped(operator(1, inputs=[1, 1])), "RESHAPE: expected a constant as input 1, found a"),
        (dense(operator(0, inputs=[0, 1, -2])), "expected a tensor of 0 to 3, found -2"),
        (dense(operator(0, inputs=[0, -1, 2])), "expected a tensor of 0 to 3, found -1"),
        (dense(operator(0, inputs=[0, 1, 2, 2])), "expected 2 to 3 inputs, found 4"),
        (dense(no_options(0)), "expected FullyConnectedOptions, found no options"),
        (dense(of_another(0)), "expected FullyConnectedOptions, found GatherOptions"),
        (reshaped(of_another(1)), "RESHAPE: expected ReshapeOptions, found GatherOptions"),
        (reshaped(of_another(0)), "RELU: expected no options, found GatherOptions"),
        (reshaped(operator(0, customOptions=[1])), "a builtin operator's fields, found others"),
        (reshaped(operator(0, intermediates=[0])), "a builtin operator's fields, found others"),
        (reshaped(operator(0, mutatingVariableInputs=[True])), "fields, found others"),
        (reshaped(operator(1, outputs=[0])), "expected what nothing else writes, found tensor 0"),
        (reshaped(operator(1, outputs=[2])), "expected what nothing else writes, found tensor 2"),
        (reshaped(operator(1, outputs=[4])), "RESHAPE: expected a tensor of 0 to 3, found 4"),
        (reshaped(operator(1, outputs=[])), "expected outputs of [(2, 2)], found []"),
    ],
)
def test_what_is_not_is_refused_by_its_name(unsound: bytes, reason: str) -> None:
    """Must fire: the file, the place in it, what was expected and what was found."""
    with pytest.raises(BundleError) as caught:
        check_model(unsound, "m")
    assert reason in str(caught.value)


@pytest.mark.parametrize(("more", "sound"), [(0, True), (1, False)])
def test_the_values_of_a_network_have_a_bound(more: int, sound: bool) -> None:
    """All that are computed, together; constants do not count."""
    side = MAX_VALUES_BYTES // 2
    source, result = T((1, side), 0.5), T((1, side + more), 0.5)
    model = File().then("RELU", [source], [result]).bytes(source, result)
    # The sum is looked at first; here the shapes do not fit either once it is over the bound.
    if sound:
        check_model(model, "m")
        return
    with pytest.raises(BundleError, match=f"at most {MAX_VALUES_BYTES} bytes in all, found"):
        check_model(model, "m")
