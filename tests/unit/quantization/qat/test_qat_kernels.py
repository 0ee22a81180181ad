"""Where a device's arithmetic is not a rounded real function: bit for bit in evaluation."""

import numpy as np
import onnx
import pytest
import torch
from ai_edge_litert import interpreter as litert
from support.onnx_nets import graph_of, net, node, normal
from support.tflite_graphs import Array, File, T, constant

from edge_agent.bundle.affine import Affine
from edge_agent.common.arrays import F32
from edge_agent.inference.runtime import Interpreter
from quantization.lower import lower_graph
from quantization.qat import FakeQuantNetwork
from quantization.qat.kernels import apply
from quantization.scales.calibrate import Ranges
from quantization.scales.qdq import insert_qdq
from quantization.scales.ranges import Range, affine_of

EVERY = np.arange(-128, 128).astype(np.int8)


def on_litert(file: bytes, x: Array) -> Array:
    interpreter = litert.Interpreter(model_content=file, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    found: Array = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return found


def affines(seed: int) -> tuple[Affine, Affine, Affine]:
    random = np.random.default_rng(seed)
    zeros = random.integers(-128, 128, 3).tolist()
    a, b, c = random.uniform(0.02, 0.2, 3).astype(np.float32).tolist()
    return Affine(a, zeros[0]), Affine(b, zeros[1]), Affine(c, zeros[2])


def grid(q: Array, affine: Affine) -> torch.Tensor:
    return torch.from_numpy(q.astype(np.float32)) - affine.zero_point


@pytest.mark.parametrize("seed", range(12))
def test_a_hard_swish_is_litert_s(seed: int) -> None:
    """Every int8 value, at random scales; rounding the real function would miss some."""
    source, target, _ = affines(seed)
    x, y = (T((1, 1, 1, 256), a.scale, a.zero_point) for a in (source, target))
    file = File().then("HARD_SWISH", [x], [y], kind="HardSwishOptions").bytes(x, y)
    found = apply("HARD_SWISH", [(grid(EVERY, source), source)], target)
    assert found is not None
    wanted = on_litert(file, EVERY.reshape(1, 1, 1, 256)).ravel()
    np.testing.assert_array_equal(found.numpy() + target.zero_point, wanted)


@pytest.mark.parametrize("seed", range(6))
def test_a_prelu_is_litert_s(seed: int) -> None:
    """Every int8 value by every slope."""
    source, target, slopes = affines(seed)
    x, y = (T((1, 1, 256, 256), a.scale, a.zero_point) for a in (source, target))
    slope = constant(EVERY.reshape(1, 1, 256), slopes.scale, zero=slopes.zero_point)
    file = File().then("PRELU", [x, slope], [y]).bytes(x, y)
    values = np.broadcast_to(EVERY[:, None], (1, 1, 256, 256)).copy()
    inputs = [(grid(values, source), source), (grid(EVERY, slopes), slopes)]
    found = apply("PRELU", inputs, target)
    assert found is not None
    np.testing.assert_array_equal(found.numpy() + target.zero_point, on_litert(file, values))


def test_scales_without_a_reference_have_none() -> None:
    """HARD_SWISH from a scale a thousand times its output's: the runtimes refuse it, too."""
    source = Affine(10.0, 0)
    assert apply("HARD_SWISH", [(grid(EVERY, source), source)], Affine(0.01, 0)) is None


def test_the_network_asks_the_kernels_in_evaluation_only() -> None:
    """HARD_SWISH at scales where the two differ: in training the gradient counts, and time."""
    model = graph_of(net([node("HardSwish", "input")], (1, 1, 16, 16)))
    low, high = (128 * -0.05, 127 * 0.05)
    x = torch.from_numpy(Affine(0.05, 0).dequantize(EVERY).reshape(1, 1, 16, 16))
    differing = 0
    for end in np.linspace(5, 7, 20):
        ranges = Ranges({"input": Range(low, high), "output": Range(-0.375, float(end))}, 1)
        network = FakeQuantNetwork(model, ranges)
        trained, evaluated = network.train()(x), network.eval()(x)
        differing += int((trained != evaluated).sum())
        file = lower_graph(insert_qdq(model, ranges))
        q = file.input.quantize(x.numpy().transpose(file.source.order))
        wanted = on_litert(file.tflite, q).transpose(0, 3, 1, 2)
        np.testing.assert_array_equal(network.quantized(x)["output"].numpy(), wanted)
    assert 0 < differing < 100


def distance(
    ranges: dict[str, Range], nodes: list[onnx.NodeProto], constants: dict[str, F32], x: F32
) -> int:
    """How far LiteRT is from a network on one sample."""
    model = graph_of(net(nodes, x.shape, constants))
    given = Ranges(ranges, 1)
    network, file = FakeQuantNetwork(model, given).eval(), lower_graph(insert_qdq(model, given))
    with Interpreter(file.tflite) as interpreter:
        found = interpreter.infer(file.input.quantize(x.transpose(file.source.order)))[0]
    ours = network.quantized(torch.from_numpy(x))["output"].numpy().astype(int)
    return int(np.abs(ours.transpose(file.results[0].order) - found.astype(int)).max())


# The first three are scales at which hundreds of pairs would round the other way in float32;
# at the last, every other sum is a tie.
@pytest.mark.parametrize(
    ("a", "b", "y"),
    [(1.6875, 2.0625, 3.375), (1.5, 0.875, 1.75), (3.375, 2.625, 5.25), (1.0, 1.0, 2.0)],
)
def test_sums_are_exact_to_the_last_bit(a: float, b: float, y: float) -> None:
    """All 65,536 pairs of int8 values."""
    first, second = (affine_of(Range(-end, end)).dequantize(EVERY) for end in (a, b))
    second[[0, -1]] = -b, b  # from which a constant's scale comes
    x = np.repeat(first, 256).reshape(1, 1, 256, 256)
    ranges = {"input": Range(-a, a), "output": Range(-y, y)}
    assert distance(ranges, [node("Add", "input", "c")], {"c": second}, x) == 0


def test_a_zero_point_alone_makes_another_scale() -> None:
    """A Sigmoid joined to a value whose scale happens to be 1/256 as well is moved to its zero."""
    nodes = [node("Sigmoid", "input", to="gate"), node("Concat", "gate", "input", axis=1)]
    half = Range(-0.5, 127 / 256)
    ranges = {"input": half, "gate": Range(0, 1), "output": half}
    assert distance(ranges, nodes, {}, normal(1, 4, 8, 8)) == 0
