"""What Home Assistant is told of a region with text: a value, a text or a number of lines.

Each region has a state of its own (`Topics.state`), so every template is over one `StateMessage`.
What that calls `state` is the attribute `reading`: Home Assistant drops one of its own names.
"""

from collections.abc import Iterator

from edge_agent.contract.topics import Topics
from edge_agent.tasks.entity import plain
from edge_agent.tasks.ocr.meters.kinds import KINDS, counts, rate_facts, state_class
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.ocr.spec import TextSpec
from edge_agent.tasks.task import Entity, Json

# More characters Home Assistant refuses as a state.
MAX_STATE = 255
# A rate that was seen so long ago is none of now.
RATE_S = 3600
_SAYS = "value_json.result"
_LINES = f"{_SAYS}.lines | selectattr('state', 'eq', 'accepted')"
_PAGE = (
    f"{{% set accepted = {_LINES} | list %}}"
    "{{ {'reading': 'accepted' if accepted else 'held' if "
    f"{_SAYS}.lines else 'rejected', 'why': {_SAYS}.why, "
    "'text': accepted | map(attribute='text') | join('\\n'), "
    f"'held': ({_SAYS}.lines | count) - (accepted | count), "
    "'captured_at': value_json.captured_at} | tojson }}"
)


def _age(at: str) -> str:
    """How long before the frame the moment in the field `at` was, in seconds."""
    return f"(as_timestamp(value_json.captured_at) - as_timestamp({_SAYS}.{at}))"


def _reading(at: str) -> str:
    """The attributes of a reading whose value, or text, is of the moment in the field `at`."""
    age = f"{_age(at)} | round(1) if {_SAYS}.{at} else none"
    return (
        f"{{{{ {{'reading': {_SAYS}.state, 'why': {_SAYS}.why, 'text': {_SAYS}.text, "
        f"'confidence': {_SAYS}.confidence, 'captured_at': value_json.captured_at, "
        f"'accepted_at': {_SAYS}.{at}, 'age_s': {age}}} | tojson }}}}"
    )


def entities(
    options: TextOptions, _spec: TextSpec, stream: str, topics: Topics
) -> Iterator[Entity]:
    """The entities of all regions of a stream."""
    for region in options.regions:
        topic = topics.state(stream, region.name)
        yield from region_entities(region, stream, plain(region.name), topic)


def region_entities(region: TextRegion, stream: str, key: str, topic: str) -> Iterator[Entity]:
    """The entities of one region.

    Args:
        region: as configured.
        stream: the stream's name.
        key: what their keys start with.
        topic: where the region's state is said.
    """
    name, sensor = f"{stream} {region.name}", {"p": "sensor", "state_topic": topic}
    if region.page:
        yield f"{key}__lines", {"name": name, **sensor, **_lines(), **_attributes(topic, _PAGE)}
        return
    at = "accepted_at" if region.meter is None else "value_at"
    said = _attributes(topic, _reading(at))
    if region.meter is None:
        yield f"{key}__text", {"name": name, **sensor, **_text(), **said}
    else:
        yield f"{key}__value", {"name": name, **sensor, **_value(region.meter), **said}
        if counts(region.meter.kind, monotone=region.meter.monotone):
            yield f"{key}__rate", {"name": f"{name} rate", **sensor, **_rate(region.meter)}
    moment = {
        "name": f"{name} last accepted",
        "device_class": "timestamp",
        "value_template": f"{{{{ {_SAYS}.{at} }}}}",
        "entity_category": "diagnostic",
    }
    yield f"{key}__accepted_at", {**sensor, **moment}


def _attributes(topic: str, template: str) -> Json:
    return {"json_attributes_topic": topic, "json_attributes_template": template}


def _lines() -> Json:
    return {"value_template": f"{{{{ {_SAYS}.lines | count }}}}", "state_class": "measurement"}


def _text() -> Json:
    # Home Assistant takes `None` for what is not known.
    last = f"{_SAYS}.accepted_text"
    return {"value_template": f"{{{{ {last}[:{MAX_STATE}] if {last} else 'None' }}}}"}


def _value(rules: MeterRules) -> Json:
    sensor: Json = {
        "value_template": f"{{{{ {_SAYS}.value }}}}",
        "state_class": state_class(rules.kind, monotone=rules.monotone),
        "suggested_display_precision": rules.decimals,
    }
    if rules.kind is not None:
        sensor["device_class"] = KINDS[rules.kind].device_class
    return {**sensor, "unit_of_measurement": rules.unit} if rules.unit else sensor


def _rate(rules: MeterRules) -> Json:
    facts = rate_facts(rules.kind, rules.unit)
    rate = f"{_SAYS}.rate_per_h"
    old = f"{rate} is none or {_age('value_at')} > {RATE_S}"
    scaled = rate if facts.factor == 1 else f"({rate} * {facts.factor:.9g}) | round(6)"
    sensor: Json = {
        "value_template": f"{{{{ 'None' if {old} else {scaled} }}}}",
        "state_class": "measurement",
        "unit_of_measurement": facts.unit,
        "suggested_display_precision": 3,
    }
    return {**sensor, "device_class": facts.device_class} if facts.device_class else sensor
