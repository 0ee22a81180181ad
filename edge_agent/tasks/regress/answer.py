"""`Measurement`: the numbers that a picture shows; the same on host, device and wire."""

from collections.abc import Hashable

import msgspec

# The gist of every answer that is not sure.
UNSURE = ("unsure",)
# What decimals such as 4.3 - 4.2 are off by, in shares of a range.
ROUNDING_PLACES = 9


class QuantityValue(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity, and what a picture shows of it.

    Args:
        name: the quantity's.
        value: in the unit, within the range.
        unit: empty for a count.
        low, high: the range that it can show.
    """

    name: str
    value: float
    unit: str
    low: float
    high: float

    @property
    def written(self) -> str:
        """The value with its unit: `4.2 bar`."""
        return f"{self.value:.12g} {self.unit}".rstrip()

    def apart(self, value: float) -> float:
        """How far `value` is from this one, as a share of the range."""
        return round(abs(self.value - value) / (self.high - self.low), ROUNDING_PLACES)


class Measurement(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="measurement"):
    """The answer of a network that reads numbers from one picture.

    Args:
        quantities: what it shows, in the order of the bundle.
        sure: whether every output lay in its range, or near enough.
    """

    quantities: tuple[QuantityValue, ...]
    sure: bool

    @property
    def key(self) -> str:
        """Which thing in the frame it is about: empty, as it is about all of it."""
        return ""

    def gist(self) -> Hashable:
        """What makes it the same as another one: its values, or that it is not sure."""
        return tuple(each.value for each in self.quantities) if self.sure else UNSURE

    def lead(self, standing: Hashable) -> float:
        """How far the value that moved most is from that of the gist `standing`.

        As a share of its range: so `publish.margin` is a dead band round what stands.
        """
        if not self.sure or standing == UNSURE or not isinstance(standing, tuple):
            return 1.0
        pairs = zip(self.quantities, standing, strict=True)
        return max(each.apart(value) for each, value in pairs)

    def brief(self) -> str:
        """What it says and no more: the values with their units."""
        return ", ".join(each.written for each in self.quantities)

    def headline(self) -> str:
        """It in one line for people: `pressure 4.2 bar`."""
        sure = "" if self.sure else "  (not sure)"
        return ", ".join(f"{each.name} {each.written}" for each in self.quantities) + sure

    def details(self) -> tuple[str, ...]:
        """What there is to say beyond the headline: nothing."""
        return ()
