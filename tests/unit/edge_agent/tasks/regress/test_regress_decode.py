"""Outputs to numbers: which are sure, which are the same, and which are worth publishing."""

import numpy as np
import pytest

from edge_agent.stream.config import PublishConfig
from edge_agent.stream.filter import ReportFilter
from edge_agent.tasks.regress.answer import UNSURE, Measurement
from edge_agent.tasks.regress.decode import SAME, difference, measure
from edge_agent.tasks.regress.spec import Quantity, RegressSpec

PRESSURE = Quantity(name="pressure", unit="bar", low=0, high=10)
WARMTH = Quantity(name="warmth", unit="°C", low=-20, high=80, decimals=0)
ONE, TWO = RegressSpec(quantities=(PRESSURE,)), RegressSpec(quantities=(PRESSURE, WARMTH))


def read(*shares: float, spec: RegressSpec = ONE) -> Measurement:
    return measure(np.array([shares], np.float32), spec)


def test_each_output_is_a_share_of_its_own_range() -> None:
    """In the order of the quantities, with name, unit and range."""
    found = read(0.25, 0.5, spec=TWO)
    assert [each.value for each in found.quantities] == [2.5, 30]
    assert [(each.low, each.high) for each in found.quantities] == [(0, 10), (-20, 80)]
    assert found.brief() == "2.5 bar, 30 °C"
    assert found.headline() == "pressure 2.5 bar, warmth 30 °C"
    assert found.sure


@pytest.mark.parametrize(
    ("share", "value", "sure"),
    [(-0.01, 0, True), (-0.03, 0, False), (1.01, 10, True), (1.03, 10, False), (0.5, 5, True)],
)
def test_what_lies_beyond_the_range_is_cut_and_not_sure(
    share: float, value: float, sure: bool
) -> None:
    """From where the slack ends; in a second quantity as well."""
    found = read(share)
    assert (found.quantities[0].value, found.sure) == (value, sure)
    assert read(0.5, share, spec=TWO).sure is sure
    assert ("not sure" in found.headline()) is not sure


@pytest.mark.parametrize("count", [0, 2])
def test_another_number_of_outputs_is_refused(count: int) -> None:
    """A network for other quantities."""
    with pytest.raises(ValueError, match=f"expected 1 numbers, found {count}"):
        measure(np.zeros((1, count), np.float32), ONE)


def test_results_are_the_same_within_a_part_of_the_range() -> None:
    """Must fire beyond it and must not within, whichever quantity it is."""
    assert difference(read(0.5), read(0.5 + SAME - 0.001), ONE) == ""
    assert difference(read(0.5), read(0.54), ONE) == "expected pressure 5 bar, found 5.4 bar"
    apart = difference(read(0.5, 0.5, spec=TWO), read(0.5, 0.6, spec=TWO), TWO)
    assert apart == "expected warmth 30 °C, found 40 °C"


def test_the_lead_is_how_far_the_furthest_value_moved() -> None:
    """As a share of its own range; what is not sure leads by all there is."""
    standing = read(0.5, 0.5, spec=TWO).gist()
    assert read(0.5, 0.5, spec=TWO).lead(standing) == 0
    assert read(0.52, 0.5, spec=TWO).lead(standing) == pytest.approx(0.02)
    assert read(0.52, 0.4, spec=TWO).lead(standing) == pytest.approx(0.1)
    assert read(0.5).lead(UNSURE) == 1
    assert read(1.5).lead(read(0.5).gist()) == 1
    assert read(1.5).gist() == UNSURE


def test_a_margin_is_a_dead_band() -> None:
    """A needle that trembles within it is no news, and neither is a slow drift until it adds up."""
    judge = ReportFilter(PublishConfig(when="changed", margin=0.02))
    shares = [0.5, 0.51, 0.49, 0.515, 0.52, 0.51, 0.54]
    told = [judge.judge(read(share), float(at)) for at, share in enumerate(shares)]
    assert told == ["change", None, None, None, "change", None, "change"]
