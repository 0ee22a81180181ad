"""What Home Assistant is told so that the device appears there by itself: one message.

Its device discovery: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
Templates are Jinja, over the JSON of our own messages (`docs/reference/mqtt.md`).
"""

from collections.abc import Collection, Iterator, Sequence
from typing import TypeAlias

from edge_agent import __version__
from edge_agent.contract.topics import Topics
from edge_agent.stream.config import StreamConfig
from edge_agent.tasks.entity import plain
from edge_agent.tasks.kinds import OutputSpec
from edge_agent.tasks.registry import task_for
from edge_agent.tasks.task import Entity, Json

# At the device's root it counts for nothing: Home Assistant shares other options only.
QOS = 1
DIAGNOSTIC = {"entity_category": "diagnostic"}


def discovery_topic(prefix: str, device: str) -> str:
    """Where the message goes, retained."""
    return f"{prefix}/device/{device_id(device)}/config"


def device_id(device: str) -> str:
    """The device's name as Home Assistant allows it in a topic."""
    return f"edgeward-{plain(device)}"


# A stream, and what the outputs of its bundle mean.
SpecifiedStream: TypeAlias = tuple[StreamConfig, OutputSpec]


def discovery(device: str, streams: Sequence[SpecifiedStream], allowed: Collection[str]) -> Json:
    """The device and all its entities.

    Args:
        device: its name.
        streams: what it looks at, and by what kind of answers.
        allowed: the commands it obeys; buttons are for these only.
    """
    topics, own = Topics(device), device_id(device)
    entities: Json = {}
    for key, entity in _entities(topics, streams, allowed):
        entities[key] = {"unique_id": f"{own}_{key}", "qos": QOS, **entity}
    return {
        "dev": {"ids": [own], "name": device, "mf": "Edgeward", "sw": __version__},
        "o": {"name": "edgeward-agent", "sw": __version__},
        "availability": [_when(topics.status)],
        "cmps": entities,
    }


def without(message: Json, before: Json) -> Json:
    """`message`, taking away what was there `before` and is no more.

    Home Assistant removes a component that comes with nothing but its platform.
    """
    old = before.get("cmps")
    gone = {
        key: {"p": part["p"]}
        for key, part in (old.items() if isinstance(old, dict) else ())
        if key not in message["cmps"] and isinstance(part, dict) and len(part) > 1 and "p" in part
    }
    return {**message, "cmps": {**message["cmps"], **gone}} if gone else message


def _entities(
    topics: Topics, streams: Sequence[SpecifiedStream], allowed: Collection[str]
) -> Iterator[Entity]:
    yield from _device(topics)
    if "restart" in allowed:
        yield (
            "restart",
            {
                "p": "button",
                "name": "Restart",
                "device_class": "restart",
                "entity_category": "config",
                "command_topic": topics.command("restart"),
                "payload_press": "{}",
            },
        )
    for stream, spec in streams:
        yield from _stream(topics, stream, spec)
        if "snapshot" in allowed:
            yield from _pictures(topics, stream.name)


def _device(topics: Topics) -> Iterator[Entity]:
    def health(name: str, field: str, **more: object) -> Json:
        template = f"{{{{ value_json.{field} }}}}"
        base = {"p": "sensor", "name": name, "state_topic": topics.health, **DIAGNOSTIC}
        return {**base, "value_template": template, **more}

    measured = {"state_class": "measurement"}
    size = {"device_class": "data_size", "unit_of_measurement": "MB", **measured}
    warm = {"device_class": "temperature", "unit_of_measurement": "°C", **measured}
    time = {"device_class": "duration", "unit_of_measurement": "s"}
    counted = {"state_class": "total_increasing"}
    yield "temperature", health("Temperature", "machine.temperature_c", **warm)
    yield "memory", health("Memory", "machine.rss_mb", **size)
    yield "disk_free", health("Disk free", "machine.disk_free_mb", **size)
    yield "uptime", health("Uptime", "uptime_s", **time)
    yield "outbox", health("Results waiting", "outbox.depth", **measured)
    yield "evicted", health("Results given up", "outbox.evicted", **counted)
    yield "connections", health("Broker connections", "connections", **counted)
    yield "runtime", health("Runtime", "runtime")
    # Home Assistant takes `None` for what is not known.
    bits = "value_json.machine.throttling"
    throttled = f"{{{{ 'None' if {bits} is none else 'ON' if {bits} else 'OFF' }}}}"
    yield (
        "throttled",
        {
            "p": "binary_sensor",
            "name": "Throttled",
            "device_class": "problem",
            "state_topic": topics.health,
            "value_template": throttled,
            **DIAGNOSTIC,
        },
    )


def _stream(topics: Topics, stream: StreamConfig, spec: OutputSpec) -> Iterator[Entity]:
    """What it sees, each thing from its state: results that waited are no states of now."""
    name, key = stream.name, plain(stream.name)
    sees = {
        "availability": [_when(topics.status), _when(topics.availability(name))],
        "availability_mode": "all",
    }
    for part, entity in task_for(stream.options).entities(stream.options, spec, name, topics):
        yield f"{key}__{part}", {**entity, **sees}
    yield from _upkeep(topics, name, key)


def _upkeep(topics: Topics, name: str, key: str) -> Iterator[Entity]:
    """Whether a stream's source is there, how fast it goes, and what bundle answers."""
    yield (
        f"{key}__source",
        {
            "p": "binary_sensor",
            "name": f"{name} source",
            "device_class": "connectivity",
            "state_topic": topics.availability(name),
            "value_template": "{{ 'ON' if value_json.state == 'online' else 'OFF' }}",
            "json_attributes_topic": topics.availability(name),
            "json_attributes_template": "{{ {'reason': value_json.reason} | tojson }}",
            **DIAGNOSTIC,
        },
    )
    mine = f"value_json.streams | selectattr('name', 'eq', '{name}') | first"
    measured: Json = {"p": "sensor", "state_topic": topics.health, "state_class": "measurement"}
    yield (
        f"{key}__per_s",
        {
            **measured,
            "name": f"{name} results per second",
            "value_template": f"{{{{ ({mine}).per_s }}}}",
            "unit_of_measurement": "1/s",
            **DIAGNOSTIC,
        },
    )
    yield (
        f"{key}__latency",
        {
            **measured,
            "name": f"{name} latency",
            "value_template": f"{{{{ ({mine}).latency_p95_ms }}}}",
            "device_class": "duration",
            "unit_of_measurement": "ms",
            **DIAGNOSTIC,
        },
    )
    versions = "{'installed_version': s.bundle.id, 'latest_version': s.bundle.id, "
    yield (
        f"{key}__bundle",
        {
            "p": "update",
            "name": f"{name} bundle",
            "state_topic": topics.health,
            "value_template": (
                f"{{% set s = {mine} %}}{{{{ {versions}'title': s.bundle.name}} | tojson }}}}"
            ),
            **DIAGNOSTIC,
        },
    )


def _pictures(topics: Topics, name: str) -> Iterator[Entity]:
    key = plain(name)
    yield (
        f"{key}__picture",
        {
            "p": "image",
            "name": f"{name} picture",
            "image_topic": topics.snapshot(name),
            "content_type": "image/jpeg",
        },
    )
    yield (
        f"{key}__snapshot",
        {
            "p": "button",
            "name": f"{name} snapshot",
            "command_topic": topics.command("snapshot"),
            "payload_press": f'{{"stream":"{name}"}}',
        },
    )


def _when(topic: str) -> Json:
    """Available while `topic` says `online`."""
    return {"topic": topic, "value_template": "{{ value_json.state }}"}
