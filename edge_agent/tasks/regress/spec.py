"""`RegressSpec`: what a manifest says of the outputs of a network that reads numbers."""

import math
from typing import Annotated, TypeAlias

import msgspec

from edge_agent.common.strict import Name, Probability, Strict
from edge_agent.tasks.units import UNITS

# What a float64 holds to a millionth of the range, whatever the unit.
LARGEST = 1e9
Reach: TypeAlias = Annotated[float, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
Unit: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]{0,32}$(?!\n)")]
# An int8 output has 255 steps; a finer number would only show their edges.
STEPS = 250
MOST_DECIMALS = 6


class Quantity(Strict, frozen=True, kw_only=True):
    """One number that a picture shows, and the range it lies in.

    Args:
        name: what it is called in answers and tables.
        unit: `bar`; empty for a count.
        low, high: where its scale begins and ends, in the unit.
        decimals: how many its value is rounded to; None takes as few as tell 250 steps of the
            range apart.
        device_class: Home Assistant's, for a unit that it takes with it.

    Raises:
        ValueError: an empty range, or a class that does not go with the unit.
    """

    name: Name
    unit: Unit = ""
    low: Reach
    high: Reach
    decimals: Annotated[int, msgspec.Meta(ge=0, le=MOST_DECIMALS)] | None = None
    device_class: str | None = None

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(
                f"quantity {self.name!r}: expected low below high, found {self.low:g} and "
                f"{self.high:g}"
            )
        if self.device_class is None:
            return
        if self.device_class not in UNITS:
            raise ValueError(
                f"quantity {self.name!r}: expected a device_class of {', '.join(UNITS)}, "
                f"found {self.device_class!r}"
            )
        if self.unit not in UNITS[self.device_class]:
            units = ", ".join(UNITS[self.device_class])
            raise ValueError(
                f"quantity {self.name!r}: expected a unit that Home Assistant takes for "
                f"{self.device_class}, {units}, found {self.unit!r}"
            )

    @property
    def span(self) -> float:
        """From the low to the high end, in the unit."""
        return self.high - self.low

    @property
    def places(self) -> int:
        """How many decimals its value has."""
        if self.decimals is not None:
            return self.decimals
        return min(MOST_DECIMALS, max(0, math.ceil(math.log10(STEPS / self.span))))

    def value(self, share: float) -> float:
        """The value at `share` of the range, cut to it and rounded."""
        cut = min(1.0, max(0.0, share))
        rounded = round(self.low + cut * self.span, self.places)
        # Rounding may step over an end; and there is no negative zero.
        return min(self.high, max(self.low, rounded)) + 0.0

    def share(self, value: float) -> float:
        """Where `value` lies in the range: 0 at its low end, 1 at its high one."""
        return (value - self.low) / self.span


class RegressSpec(Strict, frozen=True, kw_only=True, tag_field="task", tag="regress"):
    """How raw outputs become numbers: each is a share of its quantity's range.

    Args:
        quantities: in the order of the network's outputs.
        slack: how far outside 0 to 1 an output may lie for its value still to be sure; chosen
            on the validation split.
    """

    quantities: Annotated[tuple[Quantity, ...], msgspec.Meta(min_length=1, max_length=32)]
    slack: Probability = 0.02

    def __post_init__(self) -> None:
        names = [quantity.name for quantity in self.quantities]
        if len(set(names)) != len(names):
            raise ValueError("quantities: expected distinct names, found a repeated one")

    @property
    def shape(self) -> tuple[int, int]:
        """The network's output shape, (1, R)."""
        return (1, len(self.quantities))
