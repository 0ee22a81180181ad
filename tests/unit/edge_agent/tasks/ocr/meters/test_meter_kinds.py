"""Kinds of meters: units that go with them, counters and gauges, and what is refused."""

import re

import pytest

from edge_agent.tasks.ocr.meters.kinds import (
    KINDS,
    MeterKind,
    check_kind,
    counts,
    rate_facts,
    state_class,
)
from edge_agent.tasks.ocr.meters.rules import MeterRules


def test_a_unit_of_another_kind_is_refused_with_those_that_go() -> None:
    """Must fire: and `m3` is no unit there."""
    text = "unit: expected one that Home Assistant takes for kind = 'gas', CCF, ft³, L, m³, MCF, "
    for unit in ("m3", "gal", "kWh", ""):
        with pytest.raises(ValueError, match=re.escape(f"{text}found {unit!r}")):
            MeterRules(kind="gas", unit=unit)


def test_a_gauge_that_counts_up_is_refused() -> None:
    """Must fire: `monotone` is true where nothing is said."""
    with pytest.raises(ValueError, match="expected monotone = false with 'temperature'"):
        MeterRules(kind="temperature", unit="°C")


@pytest.mark.parametrize(("kind", "unit"), [(k, u) for k, f in KINDS.items() for u in f.units])
def test_what_goes_together_is_taken(kind: MeterKind, unit: str) -> None:
    """Must not fire: for every unit of every kind; and every counter has a rate."""
    check_kind(kind, unit, monotone=KINDS[kind].counts)
    if KINDS[kind].counts:
        facts = rate_facts(kind, unit)
        assert facts.factor > 0
        assert facts.device_class in (None, "power", "volume_flow_rate")


def test_without_a_kind_any_unit_goes() -> None:
    """As before: it is only passed on."""
    assert MeterRules(unit="widgets").unit == "widgets"
    assert rate_facts(None, "kWh").device_class is None
    assert rate_facts(None, "").unit == "1/h"


@pytest.mark.parametrize(
    ("kind", "monotone", "expected"),
    [
        ("water", True, "total_increasing"),
        ("electricity", False, "total"),
        ("temperature", False, "measurement"),
        (None, True, "total_increasing"),
        (None, False, "measurement"),
    ],
)
def test_how_it_counts(kind: MeterKind | None, expected: str, *, monotone: bool) -> None:
    """A meter that runs both ways has no measurement of now, but a total."""
    assert state_class(kind, monotone=monotone) == expected
    assert counts(kind, monotone=monotone) == (expected != "measurement")


@pytest.mark.parametrize(
    ("unit", "of_rate", "factor"),
    [
        ("kWh", "kW", 1.0),
        ("GJ", "MW", 1 / 3.6),  # 3.6 GJ/h is 1 MW
        ("Gcal", "MW", 1.163),  # 1 Gcal/h, as of heating plants
        ("cal", "W", 0.0011622),
    ],
)
def test_a_rate_of_energy_is_a_power(unit: str, of_rate: str, factor: float) -> None:
    """By numbers from outside."""
    facts = rate_facts("heat", unit)
    assert (facts.device_class, facts.unit) == ("power", of_rate)
    assert facts.factor == pytest.approx(factor, rel=1e-3)
