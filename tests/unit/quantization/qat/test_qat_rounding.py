"""Rounding onto the grid, the factors of the kernels, and the gradients that go through."""

import numpy as np
import pytest
import torch
from ai_edge_litert import interpreter as litert
from ai_edge_litert import schema_py_generated as schema
from support.tflite_graphs import Array, File, T, constant

from edge_agent.bundle.affine import Affine
from quantization.qat.rounding import Cut, Rounding, rounded, saturated
from quantization.qat.scaling import of_sum, ratio, short

EVERY = np.arange(-128, 128).astype(np.int8)


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32, requires_grad=True)


def test_rounding_is_the_devices() -> None:
    """Half to even and cut off at the ends, for values and ties beyond both of them."""
    affine = Affine(0.25, -3)
    x = np.arange(-40, 40, 0.125).astype(np.float32)
    found = saturated(torch.from_numpy(x) / affine.scale, Cut.of(affine)) + affine.zero_point
    np.testing.assert_array_equal(found.numpy(), affine.quantize(x))


@pytest.mark.parametrize(
    ("rounding", "wanted"),
    [
        (Rounding.EVEN, [-2, 0, 0, 2, 2]),
        (Rounding.UP, [-1, 0, 1, 2, 3]),
        (Rounding.AWAY, [-2, -1, 1, 2, 3]),
    ],
)
def test_halves_go_where_the_kernel_sends_them(rounding: Rounding, wanted: list[int]) -> None:
    """To the even integer, upwards, or away from 0."""
    x = torch.tensor([-1.5, -0.5, 0.5, 1.5, 2.5])
    assert saturated(x, Cut.of(Affine(1.0, 0)), rounding=rounding).tolist() == wanted


def test_away_is_counted_from_the_int8_value_0() -> None:
    """The older kernels round what they store, not what it means."""
    cut = Cut.of(Affine(1.0, 10))
    found = saturated(torch.tensor([-10.5, -9.5]), cut, rounding=Rounding.AWAY)
    assert found.tolist() == [-11, -9]  # int8 values of -0.5 and 0.5


def test_rounding_passes_gradients_and_saturation_does_not() -> None:
    """In the range, up to half a quantum beyond its ends, the gradient is passed on as it is."""
    x = leaf(-128.6, -128.4, 0.3, 127.4, 127.6)
    saturated(x, Cut.of(Affine(1.0, 0))).backward(torch.arange(1.0, 6.0))
    assert x.grad is not None
    assert x.grad.tolist() == [0, 2, 3, 4, 0]
    y = leaf(0.3)
    rounded(y).backward()
    assert y.grad is not None
    assert y.grad.item() == 1


def test_what_saturates_trains_the_end_it_was_cut_at() -> None:
    """Each end gets the gradients beyond it, times its quanta, over the root of the elements."""
    x = torch.tensor([[-200.0, -150.0, 3.0, 300.0]])
    low, high = leaf(0.0), leaf(0.0)
    y = saturated(x, Cut.of(Affine(1.0, -28)), low[0], high[0])
    y.backward(torch.tensor([[1.0, 10.0, 100.0, 1000.0]]))
    assert low.grad is not None
    assert high.grad is not None
    assert low.grad.item() == 11 * -100 / 2
    assert high.grad.item() == 1000 * 155 / 2


def test_rounding_errors_train_both_ends() -> None:
    """By the quantum, a 255th of the range: what rounding added, had it been that much larger."""
    x, gradient = torch.tensor([[0.25, 1.75, -3.0, 400.0]]), torch.tensor([[1.0, 2.0, 5.0, 0.0]])
    low, high = leaf(0.0), leaf(0.0)
    saturated(x, Cut.of(Affine(1.0, -28)), low[0], high[0]).backward(gradient)
    errors = 1 * -0.25 + 2 * 0.25
    assert low.grad is not None
    assert high.grad is not None
    assert low.grad.item() == pytest.approx(errors * 100 / 255 / 2)
    assert high.grad.item() == pytest.approx(errors * 155 / 255 / 2)


def test_an_activation_trains_no_range() -> None:
    """What a fused ReLU6 cuts off is lost to it: neither x nor an end of the range learns."""
    affine, x, low, high = Affine(0.1, -128), leaf(-5.0, 0.0, 30.0, 59.9, 61.0), leaf(0), leaf(0)
    y = saturated(x, Cut.of(affine, (0.0, 6.0)), low[0], high[0])
    assert y.tolist() == [0, 0, 30, 60, 60]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 1, 1, 0]
    assert low.grad is None
    assert high.grad is None


def test_the_narrower_of_range_and_activation_counts() -> None:
    """A range that ends below 6 is what cuts, and learns; its lower end is the ReLU's."""
    cut = Cut.of(Affine(4 / 255, -128), (0.0, 6.0))
    assert (cut.low, cut.high, cut.range_low, cut.range_high) == (0, 255, False, True)


def litert_result(file: bytes, *inputs: Array) -> Array:
    interpreter = litert.Interpreter(model_content=file, num_threads=1)
    interpreter.allocate_tensors()
    for detail, x in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], x)
    interpreter.invoke()
    found: Array = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return found.astype(int)


def drawn(seed: int) -> tuple[list[float], list[int]]:
    """Three scales and three zero points."""
    random = np.random.default_rng(seed)
    return random.uniform(0.02, 0.2, 3).tolist(), random.integers(-128, 128, 3).tolist()


def quanta(zero: int) -> torch.Tensor:
    return torch.from_numpy(EVERY.astype(np.float64)) - zero


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", ["QUANTIZE", "LEAKY_RELU"])
def test_short_factors_are_litert_s(name: str, seed: int) -> None:
    """A requantisation and a LEAKY_RELU, for every int8 value: bit for bit."""
    (a, b, _), (za, zb, _) = drawn(seed)
    slope = 0.1 if name == "LEAKY_RELU" else 1.0
    x, y = T((1, 1, 1, 256), a, za), T((1, 1, 1, 256), b, zb)
    kind = {"QUANTIZE": "QuantizeOptions", "LEAKY_RELU": "LeakyReluOptions"}[name]
    options = {"alpha": slope} if name == "LEAKY_RELU" else None
    file = File().then(name, [x], [y], options, version=2, kind=kind).bytes(x, y)
    t, factor = quanta(za), ratio(a, b)
    scaled = torch.where(t < 0, t * short(factor, slope), t * short(factor))
    found = saturated(scaled, Cut.of(Affine(b, zb)), rounding=Rounding.UP) + zb
    wanted = litert_result(file, EVERY.reshape(1, 1, 1, 256)).ravel()
    np.testing.assert_array_equal(found.numpy(), wanted)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["ADD", "SUB"])
def test_the_factors_of_sums_are_litert_s(name: str, seed: int) -> None:
    """All 65,536 pairs of int8 values: bit for bit."""
    (a, b, c), (za, zb, zy) = drawn(seed)
    first, second = T((1, 256, 1, 1), a, za), constant(EVERY.reshape(1, 1, 256, 1), b, zero=zb)
    y = T((1, 256, 256, 1), 2 * c, zy)
    file = File().then(name, [first, second], [y], version=2, kind=f"{name.title()}Options")
    for_a, for_b = of_sum(ratio(a, 2 * c), ratio(b, 2 * c))
    sign = 1 if name == "ADD" else -1
    scaled = quanta(za)[:, None] * for_a + sign * quanta(zb)[None] * for_b
    found = saturated(scaled, Cut.of(Affine(2 * c, zy)), rounding=Rounding.UP) + zy
    wanted = litert_result(file.bytes(first, y), EVERY.reshape(1, 256, 1, 1))[0, :, :, 0]
    np.testing.assert_array_equal(found.numpy(), wanted)


def test_averages_round_as_litert_s() -> None:
    """A pooling of 2 x 2, where a quarter of all means is a tie."""
    x = np.random.default_rng(0).integers(-128, 128, (1, 32, 32, 1)).astype(np.int8)
    a, y = T(x.shape, 0.1, -17), T((1, 16, 16, 1), 0.1, -17)
    options = {"filterHeight": 2, "filterWidth": 2, "strideH": 2, "strideW": 2,
               "padding": schema.Padding.VALID}  # fmt: skip
    file = File().then("AVERAGE_POOL_2D", [a], [y], options, version=2, kind="Pool2DOptions")
    means = torch.from_numpy(x.astype(np.float32) + 17)[0, :, :, 0].unfold(0, 2, 2).unfold(1, 2, 2)
    cut = Cut.of(Affine(0.1, -17))
    found = saturated(means.mean((2, 3)), cut, rounding=Rounding.AWAY) - 17
    np.testing.assert_array_equal(found, litert_result(file.bytes(a, y), x)[0, :, :, 0])
