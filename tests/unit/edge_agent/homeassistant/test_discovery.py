"""What Home Assistant is told: keys that it documents, templates that give what is meant."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.brokers import wait_until
from support.publishers import MemoryPublisher
from support.task_examples import specified

from edge_agent.contract.commands import COMMANDS
from edge_agent.contract.messages import (
    AvailabilityMessage,
    BundleRef,
    HealthMessage,
    OutboxHealth,
    StateMessage,
    StatusMessage,
    StreamHealth,
)
from edge_agent.homeassistant.announcer import Announcer
from edge_agent.homeassistant.config import HomeAssistantConfig
from edge_agent.homeassistant.discovery import device_id, discovery, discovery_topic, without
from edge_agent.mqtt.values import Received
from edge_agent.sources.config import ImagesConfig
from edge_agent.stream.config import StreamConfig
from edge_agent.system.machine import MachineHealth
from edge_agent.tasks.classify.answer import Classification
from edge_agent.tasks.ocr.answer import Line, Page, Reading
from edge_agent.tasks.ocr.meters.kinds import KINDS
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.places import Region

# The keys that Home Assistant documents, of its device discovery and of each kind of entity:
# https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload and the pages of
# sensor.mqtt, binary_sensor.mqtt, image.mqtt, button.mqtt and update.mqtt, read 2026-11.
ROOT = {
    *("dev", "device", "o", "origin", "cmps", "components", "state_topic", "command_topic"),
    *("availability", "availability_mode", "availability_topic"),
    *("availability_template", "payload_available", "payload_not_available"),
}
DEVICE = {
    *("ids", "identifiers", "cns", "connections", "name", "mf", "manufacturer", "mdl", "model"),
    *("mdl_id", "model_id", "hw", "hw_version", "sw", "sw_version", "sn", "serial_number"),
    *("sa", "suggested_area", "cu", "configuration_url", "via_device"),
}
ORIGIN = {"name", "sw", "sw_version", "url", "support_url"}
AVAILABILITY = {"topic", "payload_available", "payload_not_available", "value_template"}
COMMON = {
    *("p", "platform", "name", "unique_id", "default_entity_id", "icon", "entity_picture"),
    *("entity_category", "enabled_by_default", "qos", "encoding", "availability"),
    *("availability_mode", "availability_topic", "availability_template", "payload_available"),
    *("payload_not_available", "json_attributes_topic", "json_attributes_template"),
}
ENTITIES = {
    "sensor": {
        *("state_topic", "value_template", "device_class", "state_class", "options"),
        *("unit_of_measurement", "suggested_display_precision", "expire_after", "force_update"),
        "last_reset_value_template",
    },
    "binary_sensor": {
        *("state_topic", "value_template", "device_class", "expire_after", "force_update"),
        *("off_delay", "payload_on", "payload_off"),
    },
    "image": {"image_topic", "image_encoding", "content_type", "url_topic", "url_template"},
    "button": {"command_topic", "command_template", "device_class", "payload_press", "retain"},
    "update": {
        *("state_topic", "value_template", "device_class", "command_topic", "payload_install"),
        *("latest_version_topic", "latest_version_template", "release_summary", "release_url"),
        *("title", "retain", "display_precision"),
    },
}
REQUIRED = {
    "sensor": {"state_topic"},
    "binary_sensor": {"state_topic"},
    "image": {"image_topic"},
    "button": {"command_topic"},
    "update": set[str](),
}
CLASSES = {
    "sensor": {
        *("temperature", "data_size", "duration", "timestamp"),
        *(facts.device_class for facts in KINDS.values()),
        "power",
    },
    "binary_sensor": {"connectivity", "problem"},
    "button": {"restart"},
}
STATE_CLASSES = {"measurement", "total", "total_increasing"}
UNITS = {
    "data_size": {"MB"},
    "duration": {"s", "ms"},
    **{facts.device_class: set(facts.units) for facts in KINDS.values()},
}

DOOR = StreamConfig(name="door", bundle=Path("b"), source=ImagesConfig(path=Path("p")))
RECT = Region(x=0, y=0, w=8, h=8)
CELLAR = StreamConfig(
    name="cel.lar",
    bundle=Path("b"),
    source=ImagesConfig(path=Path("p")),
    options=TextOptions(
        regions=(
            TextRegion(
                name="water", rect=RECT, meter=MeterRules(kind="water", decimals=1, unit="m³")
            ),
            TextRegion(name="plate", rect=RECT),
            TextRegion(name="label", rect=RECT, page=True),
        )
    ),
)


def message(*streams: StreamConfig, allowed: tuple[str, ...] = tuple(COMMANDS)) -> dict[str, Any]:
    return discovery("garage.pi", specified(*streams), allowed)


def problems(payload: dict[str, Any]) -> list[str]:
    """What of a discovery payload Home Assistant does not document, or misses."""
    found = [f"root: {key}" for key in payload.keys() - ROOT]
    found += [f"missing: {key}" for key in {"dev", "o", "cmps"} - payload.keys()]
    found += [f"dev: {key}" for key in payload["dev"].keys() - DEVICE]
    found += [f"o: {key}" for key in payload["o"].keys() - ORIGIN]
    found += [f"o: {key} missing" for key in {"name"} - payload["o"].keys()]
    if not payload["dev"].get("ids"):
        found.append("dev: no identifier")
    for name, part in payload["cmps"].items():
        kind = part.get("p")
        if kind not in ENTITIES:
            found.append(f"{name}: platform {kind}")
            continue
        if set(part) == {"p"}:
            continue  # a removal
        found += [f"{name}: {key}" for key in part.keys() - COMMON - ENTITIES[kind]]
        found += [f"{name}: {key} missing" for key in (REQUIRED[kind] | {"unique_id"}) - set(part)]
        found += [f"{name}: {part.get('device_class')}"] * (
            "device_class" in part and part["device_class"] not in CLASSES.get(kind, set())
        )
        found += [f"{name}: {part.get('state_class')}"] * (
            part.get("state_class", "total") not in STATE_CLASSES
        )
        if part.get("device_class") in UNITS:
            found += [f"{name}: unit"] * (
                part.get("unit_of_measurement") not in UNITS[part["device_class"]]
            )
        for place in part.get("availability", []):
            found += [f"{name}: availability {key}" for key in place.keys() - AVAILABILITY]
    return found


def test_only_what_home_assistant_documents_is_said() -> None:
    """Keys, platforms, classes and units; each entity has what it must have."""
    payload = message(DOOR, CELLAR)
    assert problems(payload) == []
    kinds = {part["p"] for part in payload["cmps"].values()}
    assert kinds == set(ENTITIES)
    # Where it counts: Home Assistant does not hand it down from the device.
    assert {part["qos"] for part in payload["cmps"].values()} == {1}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"cmps": {"x": {"p": "sensor", "unique_id": "x"}}}, ["x: state_topic missing"]),
        ({"cmps": {"x": {"p": "toaster"}}}, ["x: platform toaster"]),
        ({"mood": 1}, ["root: mood"]),
        ({"qos": 1}, ["root: qos"]),  # it is accepted, and has no effect
        ({"o": {}}, ["o: name missing"]),
        ({"dev": {"name": "x"}}, ["dev: no identifier"]),
    ],
)
def test_what_is_not_documented_would_be_found(change: Any, expected: list[str]) -> None:
    """Must fire."""
    assert problems({**message(DOOR), **change}) == expected


def test_every_entity_has_an_id_of_its_own() -> None:
    """Also for names that differ only in what a topic forbids; all ids are allowed there."""
    again = [msgspec.structs.replace(DOOR, name=name) for name in ("a.b", "a_b", "a-b")]
    parts = message(*again, CELLAR)["cmps"]
    ids = [part["unique_id"] for part in parts.values()]
    assert len(ids) == len(set(ids))
    assert all(char.isalnum() or char in "_-" for key in parts for char in key)
    assert device_id("a.b") != device_id("a_b")
    assert discovery_topic("homeassistant", "a.b") == "homeassistant/device/edgeward-a_2e_b/config"


def test_buttons_are_for_what_may_be_told() -> None:
    """A device that obeys no commands has none, nor a picture that nobody could ask for."""
    kinds = {part["p"] for part in message(DOOR, allowed=())["cmps"].values()}
    assert kinds == {"sensor", "binary_sensor", "update"}
    parts = message(DOOR)["cmps"]
    assert parts["restart"]["command_topic"] == "edgeward/garage.pi/command/restart"
    assert json.loads(parts["door__snapshot"]["payload_press"]) == {"stream": "door"}


def test_a_stream_that_is_gone_is_taken_away() -> None:
    """By its components with nothing but their platform, once; what stays is unchanged."""
    before, after = message(DOOR, CELLAR), message(DOOR)
    told = without(after, before)
    gone = {key: part for key, part in told["cmps"].items() if key not in after["cmps"]}
    assert gone
    assert all(set(part) == {"p"} and "cel_2e_lar" in key for key, part in gone.items())
    assert gone["cel_2e_lar__source"] == {"p": "binary_sensor"}
    assert {key: told["cmps"][key] for key in after["cmps"]} == after["cmps"]
    assert problems(told) == []
    assert without(after, told) is after
    assert without(after, after) is after


@pytest.mark.parametrize("before", [{}, {"cmps": None}, {"cmps": {"x": 1, "y": {"a": 1, "b": 2}}}])
def test_what_somebody_else_said_there_is_no_trouble(before: dict[str, Any]) -> None:
    """Whoever may write to the topic can write anything."""
    assert without(message(DOOR), before) == message(DOOR)


@dataclass
class Made:
    """An announcer of a device with one stream, `door`."""

    publisher: MemoryPublisher
    announcer: Announcer
    topic: str = "homeassistant/device/edgeward-gate/config"

    def hear(self, topic: str, payload: bytes, *, retained: bool = True) -> None:
        self.announcer.receive(Received(1, 1, topic, payload, retained))


def make(*, enabled: bool = True, prefix: str = "homeassistant", settled_s: float = 0.05) -> Made:
    publisher = MemoryPublisher()
    config = HomeAssistantConfig(enabled=enabled, prefix=prefix)
    announcer = Announcer(
        config, "gate", specified(DOOR), tuple(COMMANDS), publisher, settled_s=settled_s
    )
    announcer.announce()
    return Made(publisher, announcer)


def test_the_announcement_is_retained_and_read_back() -> None:
    """One topic to say it on, two to hear what the broker has kept, one to hear of a start."""
    made = make()
    kept = (made.topic, "edgeward/gate/stream/+/availability")
    assert list(made.publisher.retained) == [made.topic]
    assert made.publisher.filters == (*kept, "homeassistant/status")
    # Another prefix does not move Home Assistant's own topic; who moved both is heard too.
    births = make(prefix="my/home").publisher.filters[2:]
    assert births == ("homeassistant/status", "my/home/status")
    assert make(enabled=False).publisher.filters == kept


def test_home_assistant_has_started() -> None:
    """Must fire: all is said again at once, and once more when it has subscribed."""
    made, born = make(settled_s=0.5), Received(1, 0, "homeassistant/status", b"online")
    for _ in range(10):
        made.announcer.greet(born)
    assert made.publisher.renewals == 1  # a flood of starts is one
    wait_until(lambda: made.publisher.renewals == 2, "it is said once more")


@pytest.mark.parametrize(
    ("payload", "retained"), [(b"offline", False), (b"", False), (b"online", True)]
)
def test_home_assistant_has_not_started(payload: bytes, *, retained: bool) -> None:
    """Must not fire: it leaves, says nothing, or started before we came."""
    made = make()
    made.announcer.greet(Received(1, 0, "homeassistant/status", payload, retained))
    assert made.publisher.renewals == 0


def test_what_the_broker_kept_of_a_stream_that_is_gone_is_cleared() -> None:
    """Its availability, and its picture; the stream that is there keeps its own."""
    made = make()
    made.hear("edgeward/gate/stream/yard/availability", b"{}")
    made.hear("edgeward/gate/stream/door/availability", b"{}")
    assert made.publisher.retained.pop(made.topic)
    assert made.publisher.retained == {
        "edgeward/gate/stream/yard/availability": b"",
        "edgeward/gate/stream/yard/snapshot": b"",
        "edgeward/gate/stream/yard/state": b"",
    }


def test_our_own_words_are_no_memory() -> None:
    """Must not fire: news, and the emptiness that clears, are not states that were kept."""
    made = make()
    made.hear("edgeward/gate/stream/yard/availability", b"{}", retained=False)
    made.hear("edgeward/gate/stream/yard/availability", b"")
    assert list(made.publisher.retained) == [made.topic]


def test_switched_off_it_disappears() -> None:
    """What an earlier configuration announced is cleared; without that nothing is said."""
    made = make(enabled=False)
    assert made.publisher.retained == {}
    made.hear(made.topic, b"{}")
    assert made.publisher.retained == {made.topic: b""}


@pytest.mark.parametrize("payload", [b"{", b"[]", b"\xff", b"[" * 10_000])
def test_an_announcement_that_is_none_is_replaced(payload: bytes) -> None:
    """Whatever stood there."""
    made = make()
    said = made.publisher.retained[made.topic]
    made.hear(made.topic, payload)
    assert made.publisher.retained[made.topic] == said


MOMENT = datetime(2026, 11, 21, 12, 30, 15, tzinfo=UTC)
MOMENT_TEXT = "2026-11-21T12:30:15Z"
HEALTH = HealthMessage(
    device="garage.pi",
    boot="b",
    at=MOMENT,
    uptime_s=12.5,
    streams=(
        StreamHealth(
            name="cel.lar",
            frames=1,
            dropped=0,
            results=1,
            bundle=BundleRef(name="ocr", id="90ab5204535e"),
        ),
        StreamHealth(
            name="door",
            frames=9,
            dropped=0,
            results=9,
            per_s=2.5,
            latency_p50_ms=7.0,
            latency_p95_ms=11.5,
            bundle=BundleRef(name="digits", id="5204535e81d7"),
        ),
    ),
    outbox=OutboxHealth(depth=3, bytes=900, evicted=2),
    connections=4,
    machine=MachineHealth(temperature_c=51.5, throttling=("throttled",), rss_mb=60.5),
    runtime="LiteRT 2.3",
    version="1",
)


def state(stream: str, answer: Any) -> StateMessage:
    return StateMessage(
        device="garage.pi",
        stream=stream,
        boot="b",
        seq=1,
        captured_at=MOMENT,
        bundle=BundleRef(name="n", id="i"),
        result=answer,
    )


def reading(region: str, **more: Any) -> Reading:
    values = {"state": "accepted", "text": "0047", "confidence": 0.9, "characters": (), **more}
    return Reading(region=region, box=((0, 0), (1, 0), (1, 1), (0, 1)), **values)


def rendered(entity: dict[str, Any], said: Any, key: str = "value_template") -> str:
    """What Home Assistant makes of a message, by one of the entity's own templates."""
    jinja2 = pytest.importorskip("jinja2", reason="only the host can render templates")
    value = json.loads(msgspec.json.encode(said))
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    environment.globals["as_timestamp"] = lambda text: datetime.fromisoformat(text).timestamp()
    template = environment.from_string(entity[key])
    return str(template.render(value_json=value))


def attributes(entity: dict[str, Any], said: Any) -> Any:
    found = json.loads(rendered(entity, said, "json_attributes_template"))
    # Names of its own, which Home Assistant drops without a word.
    assert not found.keys() & {"state", "icon", "available", "device_class", "unit_of_measurement"}
    return found


def test_templates_find_what_is_meant() -> None:
    """Each over the message that its topic really carries."""
    parts = message(DOOR, CELLAR)["cmps"]
    cat = Classification(label="cat", index=0, confidence=0.9834, sure=True, top=())
    expected = {
        "door__answer": (state("door", cat), "cat"),
        "door__confidence": (state("door", cat), "98.3"),
        "door__per_s": (HEALTH, "2.5"),
        "door__latency": (HEALTH, "11.5"),
        "cel_2e_lar__latency": (HEALTH, "None"),
        "temperature": (HEALTH, "51.5"),
        "memory": (HEALTH, "60.5"),
        "disk_free": (HEALTH, "None"),
        "uptime": (HEALTH, "12.5"),
        "outbox": (HEALTH, "3"),
        "evicted": (HEALTH, "2"),
        "connections": (HEALTH, "4"),
        "runtime": (HEALTH, "LiteRT 2.3"),
        "throttled": (HEALTH, "ON"),
    }
    for key, (said, value) in expected.items():
        assert rendered(parts[key], said) == value, key
    update = json.loads(rendered(parts["door__bundle"], HEALTH))
    assert update == {
        "installed_version": "5204535e81d7",
        "latest_version": "5204535e81d7",
        "title": "digits",
    }
    offline = AvailabilityMessage(
        device="d", stream="door", boot="b", state="offline", reason="paused", since=MOMENT
    )
    assert rendered(parts["door__source"], offline) == "OFF"
    assert (
        rendered(parts["throttled"], msgspec.structs.replace(HEALTH, machine=MachineHealth()))
        == "None"
    )
    calm = msgspec.structs.replace(HEALTH, machine=MachineHealth(throttling=()))
    assert rendered(parts["throttled"], calm) == "OFF"


def test_each_region_has_a_state_of_its_own() -> None:
    """A value, a text or a count; and when it was last accepted."""
    parts = message(CELLAR)["cmps"]
    water, plate = parts["cel_2e_lar__water__value"], parts["cel_2e_lar__plate__text"]
    lines = parts["cel_2e_lar__label__lines"]
    assert water["state_topic"] == "edgeward/garage.pi/stream/cel.lar/state/water"
    assert lines["json_attributes_topic"] == "edgeward/garage.pi/stream/cel.lar/state/label"
    assert rendered(water, state("c", reading("water", value=471.4))) == "471.4"
    assert rendered(water, state("c", reading("water"))) == "None"
    assert rendered(plate, state("c", reading("plate", accepted_text="0046"))) == "0046"
    assert rendered(plate, state("c", reading("plate", accepted_text="x" * 300))) == "x" * 255
    assert rendered(plate, state("c", reading("plate", state="held"))) == "None"
    assert rendered(lines, state("c", Page(region="label", lines=()))) == "0"
    for key in ("cel_2e_lar__water__accepted_at", "cel_2e_lar__plate__accepted_at"):
        said = state("c", reading("x", accepted_at=MOMENT, value_at=MOMENT))
        assert rendered(parts[key], said) == MOMENT_TEXT
        assert rendered(parts[key], state("c", reading("x"))) == "None"


def test_a_meter_that_is_not_read_is_visible() -> None:
    """Its value stays; state, reason, text and age are beside it."""
    water = message(CELLAR)["cmps"]["cel_2e_lar__water__value"]
    before = MOMENT - timedelta(hours=2)
    dark = {"state": "rejected", "why": "dark", "text": "", "confidence": 0.0}
    said = state("c", reading("water", **dark, value=471.4, value_at=before))
    assert rendered(water, said) == "471.4"
    assert attributes(water, said) == {
        "reading": "rejected",
        "why": "dark",
        "text": "",
        "confidence": 0.0,
        "captured_at": MOMENT_TEXT,
        "accepted_at": "2026-11-21T10:30:15Z",
        "age_s": 7200.0,
    }
    assert attributes(water, state("c", reading("water")))["age_s"] is None


def test_the_lines_of_a_page_are_beside_their_number() -> None:
    """Those that may be used, how many may not, or why there is none."""
    label = message(CELLAR)["cmps"]["cel_2e_lar__label__lines"]

    def line(text: str, of: Any) -> Line:
        box = ((0.0, 0.0),) * 4
        return Line(state=of, text=text, confidence=0.9, characters=(), box=box)

    lines = (line("a", "accepted"), line("b", "held"), line("c", "accepted"))
    page = attributes(label, state("c", Page(region="label", lines=lines)))
    assert (page["reading"], page["text"], page["held"]) == ("accepted", "a\nc", 1)
    held = attributes(label, state("c", Page(region="label", lines=lines[1:2])))
    assert (held["reading"], held["text"], held["held"]) == ("held", "", 1)
    none = attributes(label, state("c", Page(region="label", lines=(), why="no lines of text")))
    assert (none["reading"], none["why"]) == ("rejected", "no lines of text")


@pytest.mark.parametrize(
    ("rules", "value", "rate"),
    [
        (
            {"kind": "water", "unit": "m³"},
            ("water", "total_increasing"),
            ("volume_flow_rate", "m³/h", "2.0"),
        ),
        (
            {"kind": "gas", "unit": "ft³"},
            ("gas", "total_increasing"),
            ("volume_flow_rate", "ft³/min", "0.033333"),
        ),
        (
            {"kind": "electricity", "unit": "kWh", "monotone": False},
            ("energy", "total"),
            ("power", "kW", "2.0"),
        ),
        (
            {"kind": "heat", "unit": "GJ"},
            ("energy", "total_increasing"),
            ("power", "MW", "0.555556"),
        ),
        (
            {"kind": "volume", "unit": "fl. oz."},
            ("volume", "total_increasing"),
            (None, "fl. oz./h", "2.0"),
        ),
        (
            {"kind": "temperature", "unit": "°C", "monotone": False},
            ("temperature", "measurement"),
            None,
        ),
        ({}, (None, "total_increasing"), (None, "1/h", "2.0")),
        ({"unit": "°C", "monotone": False}, (None, "measurement"), None),
    ],
)
def test_a_meter_is_what_its_kind_says(
    rules: dict[str, Any], value: tuple[str | None, str], rate: tuple[str | None, str, str] | None
) -> None:
    """By a class, a unit of it, and a counter's state class: so the Energy dashboard takes it."""
    region = TextRegion(name="m", rect=RECT, meter=MeterRules(**rules))
    payload = message(msgspec.structs.replace(CELLAR, options=TextOptions(regions=(region,))))
    assert problems(payload) == []
    parts = payload["cmps"]
    meter, speed = parts["cel_2e_lar__m__value"], parts.get("cel_2e_lar__m__rate")
    assert (meter.get("device_class"), meter["state_class"]) == value
    assert (speed is None) == (rate is None)
    if speed is not None and rate is not None:
        said = reading("m", rate_per_h=2.0, value_at=MOMENT)
        assert (speed.get("device_class"), speed["unit_of_measurement"]) == rate[:2]
        assert rendered(speed, state("c", said)) == rate[2]
        assert rendered(speed, state("c", reading("m"))) == "None"
        old = msgspec.structs.replace(said, value_at=MOMENT - timedelta(hours=2))
        assert rendered(speed, state("c", old)) == "None"


def test_availability_is_that_of_the_agent_and_of_the_stream() -> None:
    """By the last will for all, and by the source's state for what a stream sees."""
    payload = message(DOOR)
    status = StatusMessage(device="d", boot="b", state="offline", version="1", streams=())
    (agent,) = payload["availability"]
    assert agent["topic"] == "edgeward/garage.pi/status"
    assert rendered(agent, status) == "offline"
    answer = payload["cmps"]["door__answer"]
    assert answer["availability_mode"] == "all"
    assert [place["topic"] for place in answer["availability"]] == [
        "edgeward/garage.pi/status",
        "edgeward/garage.pi/stream/door/availability",
    ]
