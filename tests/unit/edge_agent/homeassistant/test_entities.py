"""What each entity is to Home Assistant: its class, unit, kind of statistics and where it hears.

A counter told as a measurement, or the other way round, is summed up wrongly for good: Home
Assistant keeps statistics for years.
"""

from pathlib import Path

import pytest
from support.task_examples import specified

from edge_agent.homeassistant.discovery import discovery
from edge_agent.sources.config import ImagesConfig
from edge_agent.stream.config import StreamConfig
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.places import Region

SOURCE = ImagesConfig(path=Path("p"))
RECT = Region(x=0, y=0, w=8, h=8)
DOOR = StreamConfig(name="door", bundle=Path("b"), source=SOURCE)
CELLAR = StreamConfig(
    name="cellar",
    bundle=Path("b"),
    source=SOURCE,
    options=TextOptions(
        regions=(
            TextRegion(name="water", rect=RECT, meter=MeterRules(kind="water", unit="m³")),
            TextRegion(name="plate", rect=RECT),
            TextRegion(name="label", rect=RECT, page=True),
        )
    ),
)
PARTS = discovery("gate", specified(DOOR, CELLAR), ("restart", "snapshot"))["cmps"]

COUNTER, NOW, NEITHER = "total_increasing", "measurement", None
DOOR_STATE, CELLAR_STATE = "stream/door/state", "stream/cellar/state"

SENSORS: dict[str, tuple[str | None, str | None, str | None, str]] = {
    "temperature": ("temperature", "°C", NOW, "health"),
    "memory": ("data_size", "MB", NOW, "health"),
    "disk_free": ("data_size", "MB", NOW, "health"),
    "uptime": ("duration", "s", NEITHER, "health"),
    "outbox": (None, None, NOW, "health"),
    "evicted": (None, None, COUNTER, "health"),
    "connections": (None, None, COUNTER, "health"),
    "runtime": (None, None, NEITHER, "health"),
    "door__answer": (None, None, NEITHER, DOOR_STATE),
    "door__confidence": (None, "%", NOW, DOOR_STATE),
    "door__per_s": (None, "1/s", NOW, "health"),
    "door__latency": ("duration", "ms", NOW, "health"),
    "cellar__water__value": ("water", "m³", COUNTER, f"{CELLAR_STATE}/water"),
    "cellar__water__rate": ("volume_flow_rate", "m³/h", NOW, f"{CELLAR_STATE}/water"),
    "cellar__water__accepted_at": ("timestamp", None, NEITHER, f"{CELLAR_STATE}/water"),
    "cellar__plate__text": (None, None, NEITHER, f"{CELLAR_STATE}/plate"),
    "cellar__plate__accepted_at": ("timestamp", None, NEITHER, f"{CELLAR_STATE}/plate"),
    "cellar__label__lines": (None, None, NOW, f"{CELLAR_STATE}/label"),
    "cellar__per_s": (None, "1/s", NOW, "health"),
    "cellar__latency": ("duration", "ms", NOW, "health"),
}


def test_the_table_has_every_sensor() -> None:
    """One that is new is decided on here."""
    assert {key for key, part in PARTS.items() if part["p"] == "sensor"} == set(SENSORS)


@pytest.mark.parametrize("key", SENSORS)
def test_a_sensor_has_its_class_unit_statistics_and_topic(key: str) -> None:
    """What counts up is a counter, what is so now a measurement, and text is neither."""
    part = PARTS[key]
    names = ("device_class", "unit_of_measurement", "state_class")
    *expected, topic = SENSORS[key]
    assert [part.get(name) for name in names] == expected
    assert part["state_topic"] == f"edgeward/gate/{topic}"


@pytest.mark.parametrize("key", PARTS)
def test_only_what_a_stream_sees_depends_on_its_source(key: str) -> None:
    """Upkeep is worth most while a source is away; an answer of then is none of now."""
    part = PARTS[key]
    sees = "/state" in part.get("state_topic", "")
    stream = key.partition("__")[0]
    expected = ["edgeward/gate/status", f"edgeward/gate/stream/{stream}/availability"]
    assert [place["topic"] for place in part.get("availability", ())] == expected * sees
    assert (part.get("availability_mode") == "all") == sees
