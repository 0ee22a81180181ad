"""What a meter measures, as Home Assistant classes it: its units, and the unit of its rate.

Only with a class, a unit of that class and a counter's state class does the Energy dashboard take a
sensor, as `components/energy/validate.py` of Home Assistant 2026.2 has it;
`make test-home-assistant` holds the tables against a real one.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from edge_agent.tasks.units import UNITS

MeterKind: TypeAlias = Literal[
    "water",
    "gas",
    "electricity",
    "heat",
    "energy",
    "volume",
    "power",
    "flow",
    "temperature",
    "pressure",
    "humidity",
]


@dataclass(frozen=True)
class KindFacts:
    """What is known of a kind.

    Args:
        device_class: Home Assistant's.
        counts: whether it is a counter; else a gauge, which shows how things are.
    """

    device_class: str
    counts: bool = True

    @property
    def units(self) -> tuple[str, ...]:
        """Those that Home Assistant takes for the class."""
        return UNITS[self.device_class]


@dataclass(frozen=True)
class RateFacts:
    """How the rate of a meter is shown.

    Args:
        device_class: Home Assistant's; None where it has none for the unit.
        unit: of the rate.
        factor: from the meter's unit an hour to `unit`.
    """

    device_class: str | None
    unit: str
    factor: float = 1.0


KINDS: dict[MeterKind, KindFacts] = {
    "water": KindFacts("water"),
    "gas": KindFacts("gas"),
    "electricity": KindFacts("energy"),
    "heat": KindFacts("energy"),
    "energy": KindFacts("energy"),
    "volume": KindFacts("volume"),
    "power": KindFacts("power", counts=False),
    "flow": KindFacts("volume_flow_rate", counts=False),
    "temperature": KindFacts("temperature", counts=False),
    "pressure": KindFacts("pressure", counts=False),
    "humidity": KindFacts("humidity", counts=False),
}

_CALORIE = 4.184 / 3600  # watts of a calorie an hour; the thermochemical one, as there
_VOLUME_RATES = {
    "m³": RateFacts("volume_flow_rate", "m³/h"),
    "L": RateFacts("volume_flow_rate", "L/h"),
    "gal": RateFacts("volume_flow_rate", "gal/h"),
    "ft³": RateFacts("volume_flow_rate", "ft³/min", 1 / 60),
    "CCF": RateFacts("volume_flow_rate", "ft³/min", 100 / 60),
    "MCF": RateFacts("volume_flow_rate", "ft³/min", 1000 / 60),
    "mL": RateFacts("volume_flow_rate", "L/h", 1 / 1000),
}
_ENERGY_RATES = {
    **{f"{scale}Wh": RateFacts("power", f"{scale}W") for scale in ("m", "", "k", "M", "G", "T")},
    "J": RateFacts("power", "W", 1 / 3600),
    "kJ": RateFacts("power", "W", 1 / 3.6),
    "MJ": RateFacts("power", "kW", 1 / 3.6),
    "GJ": RateFacts("power", "MW", 1 / 3.6),
    "cal": RateFacts("power", "W", _CALORIE),
    "kcal": RateFacts("power", "W", 1000 * _CALORIE),
    "Mcal": RateFacts("power", "kW", 1000 * _CALORIE),
    "Gcal": RateFacts("power", "MW", 1000 * _CALORIE),
}


def check_kind(kind: MeterKind | None, unit: str, *, monotone: bool) -> None:
    """Refuse a kind that contradicts the rest of a meter's rules.

    Raises:
        ValueError: Home Assistant takes no such unit for it, or a gauge is to count up.
    """
    if kind is None:
        return
    facts = KINDS[kind]
    if unit not in facts.units:
        raise ValueError(
            f"unit: expected one that Home Assistant takes for kind = {kind!r}, "
            f"{', '.join(facts.units)}, found {unit!r}"
        )
    if monotone and not facts.counts:
        raise ValueError(f"kind: expected monotone = false with {kind!r}, which does not count up")


def counts(kind: MeterKind | None, *, monotone: bool) -> bool:
    """Whether a meter is a counter: as its kind says; without one, if it only counts up."""
    return monotone if kind is None else KINDS[kind].counts


def state_class(kind: MeterKind | None, *, monotone: bool) -> str:
    """Home Assistant's state class of a meter.

    `total_increasing` takes a fall for a new start from zero, which one that runs both ways is not.
    """
    if not counts(kind, monotone=monotone):
        return "measurement"
    return "total_increasing" if monotone else "total"


def rate_facts(kind: MeterKind | None, unit: str) -> RateFacts:
    """How the rate of a counter is shown, by its kind and unit."""
    rates = {} if kind is None else _ENERGY_RATES if unit in UNITS["energy"] else _VOLUME_RATES
    return rates.get(unit, RateFacts(None, f"{unit}/h" if unit else "1/h"))
