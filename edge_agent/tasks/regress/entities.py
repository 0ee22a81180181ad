"""What Home Assistant is told of a stream of numbers: a sensor for each, with unit and range.

An MQTT sensor of Home Assistant has no keys for a least and a largest value, so the ends of the
range are attributes of the entity, `min` and `max`: a gauge card has settings of these names.
"""

from collections.abc import Iterator

from edge_agent.contract.topics import Topics
from edge_agent.tasks.entity import plain
from edge_agent.tasks.regress.options import RegressOptions
from edge_agent.tasks.regress.spec import Quantity, RegressSpec
from edge_agent.tasks.task import Entity, Json


def entities(
    _options: RegressOptions, spec: RegressSpec, stream: str, topics: Topics
) -> Iterator[Entity]:
    """The entities of a stream."""
    topic = topics.state(stream)
    for place, quantity in enumerate(spec.quantities):
        base = {"p": "sensor", "name": f"{stream} {quantity.name}", "state_topic": topic}
        yield f"{plain(quantity.name)}__value", {**base, **_sensor(quantity, place, topic)}


def _sensor(quantity: Quantity, place: int, topic: str) -> Json:
    mine, sure = f"value_json.result.quantities[{place}]", "value_json.result.sure"
    attributes = (
        f"{{{{ {{'min': {mine}.low, 'max': {mine}.high, 'sure': {sure}, "
        "'captured_at': value_json.captured_at} | tojson }}"
    )
    sensor: Json = {
        # Home Assistant takes `None` for what is not known.
        "value_template": f"{{{{ {mine}.value if {sure} else 'None' }}}}",
        "state_class": "measurement",
        "suggested_display_precision": quantity.places,
        "json_attributes_topic": topic,
        "json_attributes_template": attributes,
    }
    if quantity.device_class is not None:
        sensor["device_class"] = quantity.device_class
    return {**sensor, "unit_of_measurement": quantity.unit} if quantity.unit else sensor
