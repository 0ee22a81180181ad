"""A stream of numbers in Home Assistant: what Jinja makes of the templates."""

import json
from datetime import UTC, datetime

import msgspec
import pytest

from edge_agent.contract.messages import BundleRef, StateMessage
from edge_agent.contract.topics import Topics
from edge_agent.tasks.regress.answer import Measurement, QuantityValue
from edge_agent.tasks.regress.entities import entities
from edge_agent.tasks.regress.options import RegressOptions
from edge_agent.tasks.regress.spec import Quantity, RegressSpec

SPEC = RegressSpec(
    quantities=(
        Quantity(name="oil.pressure", unit="bar", low=0, high=10, device_class="pressure"),
        Quantity(name="cars", low=0, high=30, decimals=0),
    )
)


def state(*, sure: bool) -> dict[str, object]:
    answer = Measurement(
        quantities=(
            QuantityValue(name="oil.pressure", value=4.2, unit="bar", low=0, high=10),
            QuantityValue(name="cars", value=7, unit="", low=0, high=30),
        ),
        sure=sure,
    )
    message = StateMessage(
        device="d",
        stream="yard",
        boot="b",
        seq=1,
        captured_at=datetime(2026, 12, 1, tzinfo=UTC),
        bundle=BundleRef(name="n", id="i"),
        result=answer,
    )
    found: dict[str, object] = json.loads(msgspec.json.encode(message))
    return found


def said(template: object, *, sure: bool = True) -> str:
    jinja2 = pytest.importorskip("jinja2", reason="only the host can render templates")
    return str(jinja2.Template(str(template)).render(value_json=state(sure=sure)))


def test_each_quantity_is_a_sensor_of_its_own() -> None:
    """With its unit, class and decimals; a count has neither unit nor class."""
    found = dict(entities(RegressOptions(), SPEC, "yard", Topics("d")))
    oil, cars = found["oil_2e_pressure__value"], found["cars__value"]
    assert (oil["unit_of_measurement"], oil["device_class"]) == ("bar", "pressure")
    assert {"unit_of_measurement", "device_class"}.isdisjoint(cars)
    assert [each["suggested_display_precision"] for each in (oil, cars)] == [2, 0]
    assert {each["state_class"] for each in (oil, cars)} == {"measurement"}
    assert {each["state_topic"] for each in (oil, cars)} == {Topics("d").state("yard")}


@pytest.mark.parametrize(("key", "value", "end"), [("oil_2e_pressure", 4.2, 10), ("cars", 7, 30)])
def test_templates_give_value_and_range(key: str, value: float, end: float) -> None:
    """Of its own quantity; what is not sure is not known."""
    entity = dict(entities(RegressOptions(), SPEC, "yard", Topics("d")))[f"{key}__value"]
    assert float(said(entity["value_template"])) == value
    assert said(entity["value_template"], sure=False) == "None"
    attributes = json.loads(said(entity["json_attributes_template"]))
    assert (attributes["min"], attributes["max"], attributes["sure"]) == (0, end, True)
