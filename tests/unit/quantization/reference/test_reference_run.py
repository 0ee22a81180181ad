"""The reference interpreter, beside a device's, and the layer where another one leaves it."""

import numpy as np
import pytest
from support.onnx_nets import converted, net, node, normal, to_device
from support.tflite_graphs import File, T, constant

from edge_agent.common.arrays import I8
from edge_agent.inference.runtime import Interpreter
from quantization.convert import Conversion, convert
from quantization.errors import QuantizationError
from quantization.recipe import QuantRecipe
from quantization.reference import (
    KERNELS,
    TfliteFileError,
    UnsupportedKernelError,
    exposed,
    first_difference,
    run,
    trace,
)
from quantization.reference.model import read


def residual() -> Conversion:
    """A convolution with its activation, an addition and a mean."""
    nodes = [
        node("Conv", "input", "w", to="a", pads=[1, 1, 1, 1]),
        node("Relu", "a", to="b"),
        node("Add", "b", "input", to="c"),
        node("GlobalAveragePool", "c"),
    ]
    return converted(net(nodes, (1, 4, 6, 6), {"w": normal(4, 4, 3, 3)}))


@pytest.fixture(name="made", scope="module")
def _made() -> Conversion:
    return residual()


@pytest.fixture(name="x", scope="module")
def _x(made: Conversion) -> I8:
    return made.input.quantize(to_device(normal(1, 4, 6, 6, seed=5)))


def test_it_computes_what_the_device_does(made: Conversion, x: I8) -> None:
    """One network of this project, through the device's own interpreter."""
    with Interpreter(made.tflite) as interpreter:
        np.testing.assert_array_equal(run(made.tflite, x), interpreter.infer(x)[0])


def test_a_trace_has_every_value_by_name_in_order(made: Conversion, x: I8) -> None:
    """The input first, each operator's output with the file's shape, the result last."""
    values = trace(made.tflite, x)
    network = read(made.tflite)
    assert list(values) == [t.name for t in network.written]
    assert [v.shape for v in values.values()] == [t.shape for t in network.written]
    assert values["input"] is x
    np.testing.assert_array_equal(values["output"], run(made.tflite, x))


def test_equal_tensors_have_no_difference(made: Conversion, x: I8) -> None:
    """Must not fire: the reference beside itself."""
    assert first_difference(made.tflite, x, trace(made.tflite, x)) is None


def test_the_first_operator_that_differs_is_named(made: Conversion, x: I8) -> None:
    """Must fire: one value of the addition is off, and what is behind it follows from that."""
    found = {name: value.copy() for name, value in trace(made.tflite, x).items()}
    found["c"][0, 2, 3, 1] += -3 if found["c"][0, 2, 3, 1] > 0 else 3
    difference = first_difference(made.tflite, x, found)
    assert difference is not None
    assert (difference.operator, difference.tensor, difference.quanta) == ("ADD", "c", 3)
    assert (difference.index, difference.elements, difference.size) == ((0, 2, 3, 1), 1, 144)
    assert str(difference).startswith(
        "ADD 'c': 1 of 144 values differ, by up to 3 (at (0, 2, 3, 1): expected "
    )
    assert first_difference(made.tflite, x, found, tolerance=2) == difference
    later = first_difference(made.tflite, x, found, tolerance=3)
    assert later is None or later.operator == "MEAN"


def test_an_operator_is_judged_on_the_inputs_the_device_gave_it(made: Conversion, x: I8) -> None:
    """Alone, a layer behind the culprit is right; else the culprit's difference goes on."""
    found = {name: value.copy() for name, value in trace(made.tflite, x).items()}
    before = next(n for n in found if found[n].shape == (1, 6, 6, 4) and n != "input")
    found[before][:] = 100
    wrong = {n: trace(made.tflite, x)[n] for n in found if n != before}
    everything_behind = {before: found[before], **wrong}
    alone = first_difference(made.tflite, x, {"c": wrong["c"]}, alone=False)
    assert alone is None
    culprit = first_difference(made.tflite, x, everything_behind)
    assert culprit is not None
    assert culprit.tensor == before


def test_tensors_of_another_network_are_refused(made: Conversion, x: I8) -> None:
    """No common name, or a common one of another shape: each says what was expected."""
    with pytest.raises(TfliteFileError, match=r"expected tensors of the network, such as '.*'; "):
        first_difference(made.tflite, x, {"elsewhere": x})
    with pytest.raises(
        TfliteFileError, match=r"'c': expected shape \(1, 6, 6, 4\), found \(1, 4, 6, 6\)"
    ):
        first_difference(made.tflite, x, {"c": x.transpose(0, 3, 1, 2)})


def test_an_exposed_network_returns_every_tensor(made: Conversion, x: I8) -> None:
    """In order, and computes the same; it is still a file that loads."""
    file = read(exposed(made.tflite))
    network = read(made.tflite)
    assert [t.name for t in file.outputs] == [o.output.name for o in network.operators]
    ours, theirs = trace(made.tflite, x), trace(exposed(made.tflite), x)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(theirs[name], value)


def test_an_unknown_operator_is_one_error_before_anything_runs() -> None:
    """It names the operator, its output and what is supported; it is the package's own error."""
    a, b, c = T((1, 4), 0.5), T((1, 4), 0.5), T((1, 4), 0.5)
    file = File().then("RELU", [a], [b]).then("FLOOR", [b], [c]).bytes(a, c)
    with pytest.raises(UnsupportedKernelError) as caught:
        run(file, np.zeros((1, 4), np.int8))
    message = str(caught.value)
    assert message.startswith(
        "operator FLOOR that writes 't2' has no reference; supported: ADD, ARG_MAX, AVERAGE_POOL_2D"
    )
    assert all(name in message for name in KERNELS)
    assert isinstance(caught.value, QuantizationError)


def test_an_operator_on_floats_is_refused() -> None:
    """The reference defines int8: a float addition is named with the tensor that is float."""
    a, b = T((1, 4), dtype=np.float32), T((1, 4), dtype=np.float32)
    file = File().then("ADD", [a, a], [b], kind="AddOptions").bytes(a, b)
    with pytest.raises(
        UnsupportedKernelError, match=r"^operator ADD that writes 't1' on float32 \('t1'\) has no"
    ):
        run(file, np.zeros((1, 4), np.float32))


def test_a_float_layer_is_refused_before_anything_runs() -> None:
    """Also where its operator only moves values; the casts around it alone are defined."""
    nodes = [
        node("Conv", "input", "w", to="a"),
        node("Flatten", "a", to="b"),
        node("Mul", "b", "k"),
    ]
    constants = {"w": normal(4, 4, 1, 1), "k": normal(144)}
    model = net(nodes, (1, 4, 6, 6), constants)
    made = convert(model, [normal(8, 4, 6, 6)], QuantRecipe(float_layers=("b", "output")))
    with pytest.raises(
        UnsupportedKernelError,
        match=r"^operator TRANSPOSE that writes '(.*)' on float32 \('\1'\) has no reference; supp",
    ):
        run(made.tflite, np.zeros((1, 6, 6, 4), np.int8))


def test_a_concatenation_of_different_scales_is_refused() -> None:
    """As the runtimes refuse it; the message has both scales."""
    a, b, c = T((1, 4), 0.5, 1), constant(np.zeros((1, 4), np.int8), 0.25), T((1, 8), 0.5, 1)
    file = File().then("CONCATENATION", [a, b], [c], {"axis": 1}, kind="ConcatenationOptions")
    with pytest.raises(
        UnsupportedKernelError,
        match=r"of 't1' \(scale 0\.25, zero point 0\) into another scale \(0\.5, 1\)",
    ):
        run(file.bytes(a, c), np.zeros((1, 4), np.int8))


def test_an_addition_into_too_fine_a_scale_is_refused() -> None:
    """From the bound on; the next larger scale is computed. Only the reference looks at these."""
    zeros = np.zeros((1, 4), np.int8)
    for scale, refused in ((2.0**-19, True), (2.0**-18, False)):
        a, b, c = T((1, 4), 1.0), constant(zeros, 1.0), T((1, 4), scale)
        file = File().then("ADD", [a, b], [c], kind="AddOptions").bytes(a, c)
        if refused:
            with pytest.raises(UnsupportedKernelError, match=r"into a scale as small as 1\.9"):
                run(file, zeros)
        else:
            np.testing.assert_array_equal(run(file, zeros), zeros)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"", "expected a TFLite file (b'TFL3'), found b''"),
        (b"\x08\x00\x00\x00ONNX", "expected a TFLite file (b'TFL3'), found b'ONNX'"),
        (b"\xff\xff\xff\x7fTFL3", "the TFLite file is damaged: "),
    ],
)
def test_what_is_no_tflite_file_is_refused(file: bytes, message: str) -> None:
    """An empty file, another format, and one whose first offset leads nowhere."""
    with pytest.raises(TfliteFileError) as caught:
        run(file, np.zeros(1, np.int8))
    assert str(caught.value).startswith(message)


def test_a_truncated_file_is_refused(made: Conversion, x: I8) -> None:
    """Cut anywhere, it is one error of this package or a network that still computes."""
    for length in range(8, len(made.tflite), 401):
        with pytest.raises(QuantizationError):
            run(made.tflite[:length], x)


def test_another_input_is_refused(made: Conversion, x: I8) -> None:
    """Of another shape or type, naming both."""
    with pytest.raises(
        TfliteFileError, match=r"'input': expected int8 \(1, 6, 6, 4\), found int8 \(1, 4, 6, 6\)"
    ):
        run(made.tflite, x.transpose(0, 3, 1, 2))
    with pytest.raises(TfliteFileError, match=r"found uint8 \(1, 6, 6, 4\)"):
        run(made.tflite, x.view(np.uint8))


def test_a_shape_that_disagrees_with_the_operator_is_refused() -> None:
    """A file whose pooling claims an output it cannot have."""
    a, b = T((1, 4, 4, 1), 0.5), T((1, 3, 3, 1), 0.5)
    options = {"filterHeight": 2, "filterWidth": 2, "strideH": 2, "strideW": 2}
    file = File().then("MAX_POOL_2D", [a], [b], options, kind="Pool2DOptions").bytes(a, b)
    with pytest.raises(
        TfliteFileError,
        match=r"computed int8 \(1, 2, 2, 1\), the file says int8 \(1, 3, 3, 1\)",
    ):
        run(file, np.zeros((1, 4, 4, 1), np.int8))
