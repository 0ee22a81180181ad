"""Quantities: ranges, units and how a share of a range becomes a value."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.tasks.regress.spec import Quantity, RegressSpec


def pressure(**more: object) -> dict[str, object]:
    return {"name": "pressure", "unit": "bar", "low": 0, "high": 10, **more}


@pytest.mark.parametrize(
    ("share", "value"),
    [(0, 0.0), (1, 10.0), (0.5, 5.0), (-0.5, 0.0), (1.5, 10.0), (0.42378, 4.24), (-1e-9, 0.0)],
)
def test_a_share_becomes_a_value_in_the_range(share: float, value: float) -> None:
    """Cut to the range, rounded to its decimals, and never a negative zero."""
    found = Quantity(name="p", low=0, high=10).value(share)
    assert found == value
    assert math.copysign(1, found) == 1


@pytest.mark.parametrize(
    ("low", "high", "places"),
    [(0, 10, 2), (0, 100, 1), (0, 1, 3), (-20, 120, 1), (0, 250, 0), (0, 1000, 0), (0, 1e-6, 6)],
)
def test_without_decimals_250_steps_can_be_told_apart(low: float, high: float, places: int) -> None:
    """As few decimals as do that; a step finer than an int8 output shows would show nothing."""
    assert Quantity(name="p", low=low, high=high).places == places


def test_decimals_that_are_said_hold() -> None:
    """A count has none, and rounding does not step over an end of the range."""
    assert Quantity(name="n", low=0, high=20, decimals=0).value(0.333) == 7
    assert Quantity(name="n", low=0.46, high=1.46, decimals=1).value(1) == 1.46
    assert Quantity(name="n", low=0.46, high=1.46, decimals=1).value(0) == 0.5


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.floats(0, 1))
def test_a_value_and_its_share_are_inverse(low: float, span: float, share: float) -> None:
    """Up to the rounding of the value."""
    quantity = Quantity(name="p", low=low, high=low + span)
    value = quantity.value(share)
    assert quantity.low <= value <= quantity.high
    assert quantity.value(quantity.share(value)) == pytest.approx(value, abs=1e-6 * span)
    assert abs(quantity.share(value) - share) <= 10**-quantity.places / quantity.span


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (pressure(high=0), "quantity 'pressure': expected low below high, found 0 and 0"),
        (pressure(low=11), "quantity 'pressure': expected low below high, found 11 and 10"),
        (pressure(device_class="speed"), "expected a device_class of water, gas"),
        (pressure(device_class="pressure", unit="barn"), "takes for pressure, mPa, Pa"),
        (pressure(decimals=7), "decimals"),
        (pressure(unit="b\nar"), "unit"),
        (pressure(high=1e12), "high"),
        (pressure(colour="red"), "colour"),
    ],
)
def test_a_quantity_that_cannot_be_is_refused(fields: dict[str, object], message: str) -> None:
    """Each mistake has a message that names it."""
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(fields, Quantity)


def test_what_home_assistant_takes_is_taken() -> None:
    """Must not fire: a class with one of its units, and a unit without a class."""
    assert msgspec.convert(pressure(device_class="pressure"), Quantity).unit == "bar"
    assert msgspec.convert(pressure(unit="cars"), Quantity).unit == "cars"


def test_a_spec_has_an_output_for_each_quantity() -> None:
    """And no two of one name."""
    one, other = Quantity(name="a", low=0, high=1), Quantity(name="b", low=0, high=1)
    assert RegressSpec(quantities=(one, other)).shape == (1, 2)
    with pytest.raises(ValueError, match="expected distinct names, found a repeated one"):
        RegressSpec(quantities=(one, one))
    with pytest.raises(msgspec.ValidationError, match="length >= 1"):
        msgspec.convert({"task": "regress", "quantities": []}, RegressSpec)
