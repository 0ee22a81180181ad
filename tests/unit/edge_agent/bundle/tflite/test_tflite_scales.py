"""The types and scales that kernels are given: up to the bound of each, and not at it."""

from collections.abc import Callable

import pytest
from support.tflite_calls import call, held, value

from edge_agent.bundle.tflite.call import FileTensor, KernelCall
from edge_agent.bundle.tflite.refuse import Refuse
from edge_agent.bundle.tflite.scales import check_scales, check_types
from edge_agent.common.errors import BundleError

REFUSE = Refuse("m")
# Powers of 2 make every product and bound exact.
JUST_BELOW = 1 - 2**-20


def of(scale: float, dtype: str = "int8") -> FileTensor:
    return value(4, dtype=dtype, scales=(scale,))


def filters(*scales: float) -> FileTensor:
    return held([[1]] * len(scales), "int8", scales)


def refused(check: Callable[[str, KernelCall, Refuse], None], name: str, found: KernelCall) -> bool:
    try:
        check(name, found, REFUSE)
    except BundleError:
        return True
    return False


@pytest.mark.parametrize(
    ("name", "source"),
    [("CONV_2D", 0), ("DEPTHWISE_CONV_2D", 0), ("FULLY_CONNECTED", 0), ("TRANSPOSE_CONV", 2)],
)
@pytest.mark.parametrize("order", [1, -1])
def test_the_largest_product_of_scales_stays_below_256_outputs(
    name: str, source: int, order: int
) -> None:
    """Of filters with scales of their own it is the largest that counts, wherever it stands."""

    def asks(largest: float, x_scale: float = 2.0, y_scale: float = 0.5) -> bool:
        weights = filters(*(2.0**-9, largest)[::order])
        x, inputs = of(x_scale), [held([1]), weights, held([1])]
        inputs[source] = x
        inputs.append(of(2.0**-20))  # biases have scales of their own, which do not count
        return refused(check_scales, name, call(*inputs, to=(of(y_scale),)))

    assert asks(64.0)
    assert not asks(64.0 * JUST_BELOW)
    assert asks(64.0 * JUST_BELOW, x_scale=4.0)
    assert not asks(64.0, y_scale=1.0)


@pytest.mark.parametrize(
    ("name", "least"), [("ADD", 2.0**-17), ("SUB", 2.0**-17), ("SQUARED_DIFFERENCE", 2.0**-8)]
)
@pytest.mark.parametrize("order", [1, -1])
def test_twice_the_larger_scale_of_a_sum_stays_below_its_bound(
    name: str, least: float, order: int
) -> None:
    """The kernels bring both inputs to it first; which of the two is the larger is no matter."""

    def asks(output: float) -> bool:
        return refused(check_scales, name, call(*(of(0.25), of(4.0))[::order], to=(of(output),)))

    assert asks(least)
    assert not asks(least / JUST_BELOW)


@pytest.mark.parametrize("place", [0, 1])
def test_products_of_what_has_no_scale_have_no_bound(place: int) -> None:
    """Must not fire, nor fall: the kernels themselves refuse floats that give 8 bits."""
    inputs: list[FileTensor | None] = [of(2.0), filters(64.0), None]
    inputs[place] = held([[1.0]], "float32")
    assert not refused(check_scales, "CONV_2D", call(*inputs, to=(of(0.5),)))


def test_a_sum_of_what_has_no_scale_has_no_bound() -> None:
    """Must not fire, nor fall, over one input without a scale or over both."""
    plain = held([1.0], "float32")
    for inputs in ((plain, plain), (plain, of(2.0**-40)), (None, plain)):
        assert not refused(check_scales, "ADD", call(*inputs, to=(of(2.0**-40),)))
    assert refused(check_scales, "ADD", call(plain, of(1.0), to=(of(2.0**-40),)))


def test_a_sum_in_float_has_no_bound() -> None:
    """Must not fire: only values of 8 bits are brought to one scale."""
    wide = call(of(1.0), of(1.0), to=(of(2.0**-40, "int16"),))
    assert not refused(check_scales, "ADD", wide)
    assert not refused(check_scales, "MAXIMUM", call(of(1.0), of(1.0), to=(of(2.0**-40),)))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_a_quantised_value_has_one_scale_and_a_constant_one_or_more(dtype: str) -> None:
    """A kernel reads the first of a value's scales, and of a constant one for each channel."""

    def asks(x: FileTensor) -> bool:
        return refused(check_scales, "RELU", call(x, to=(of(1.0),)))

    assert not asks(value(4, dtype=dtype, scales=(0.5,)))
    assert asks(value(4, dtype=dtype, scales=()))
    assert asks(value(4, dtype=dtype, scales=(0.5,) * 4))
    assert not asks(held([1] * 4, dtype, (0.5,) * 4))
    assert not asks(held([1] * 4, dtype, (0.5,)))
    assert asks(held([1] * 4, dtype))
    assert not asks(held([1] * 4, "int32"))
    assert not asks(value(4, dtype="float32", scales=()))


def test_a_written_value_without_a_scale_is_refused_too() -> None:
    """Must fire on an output as on an input."""
    with pytest.raises(BundleError, match=r"^m: expected a scale for int8 'value', found 0$"):
        check_scales("RELU", call(of(1.0), to=(value(4, scales=()),)), REFUSE)


FLOAT, INT8, INT32 = value(4, dtype="float32", scales=()), of(1.0), held([1])


@pytest.mark.parametrize(
    ("name", "found", "sound"),
    [
        ("RELU", call(INT8, to=(INT8,)), True),
        ("RELU", call(INT8, to=(FLOAT,)), False),
        ("ADD", call(INT8, INT8, to=(INT8,)), True),
        ("ADD", call(INT8, FLOAT, to=(INT8,)), False),
        ("CONCATENATION", call(INT8, INT8, INT8, to=(INT8,)), True),
        ("CONCATENATION", call(INT8, INT8, FLOAT, to=(INT8,)), False),
        ("PRELU", call(INT8, FLOAT, to=(INT8,)), False),
        ("GATHER", call(INT8, INT32, to=(INT8,)), True),
        ("GATHER", call(INT8, INT32, to=(INT32,)), False),
        ("SPLIT", call(INT32, INT8, to=(INT8, INT8)), True),
        ("SPLIT", call(INT32, INT8, to=(INT8, FLOAT)), False),
        ("TRANSPOSE_CONV", call(INT32, INT8, INT8, to=(INT8,)), True),
        ("TRANSPOSE_CONV", call(INT32, INT8, INT8, to=(INT32,)), False),
        ("QUANTIZE", call(FLOAT, to=(INT8,)), True),
        ("DEQUANTIZE", call(INT8, to=(FLOAT,)), True),
        ("ARG_MAX", call(INT8, INT32, to=(INT32,)), True),
    ],
)
def test_only_converters_change_a_type(name: str, found: KernelCall, sound: bool) -> None:
    """Must fire where a kernel would take four bytes for one, and must not fire elsewhere."""
    assert refused(check_types, name, found) == (not sound)
