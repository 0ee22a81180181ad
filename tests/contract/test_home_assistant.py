"""What a real agent leaves at a real broker for Home Assistant, and what it takes away again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from msgspec.structs import replace
from support.agents import Agent, hear, write_config
from support.brokers import Mosquitto, wait_until
from support.kept import kept
from support.received import received

from edge_agent.client import Subscriber
from edge_agent.contract.messages import HealthMessage, ResultMessage, StateMessage, decode_message
from edge_agent.mqtt.dialer import Dialer
from edge_agent.mqtt.endpoint import Broker, parse_endpoint
from edge_agent.mqtt.values import Identity, Options

TOPIC = "homeassistant/device/edgeward-gate/config"


@pytest.fixture(name="images")
def _images(tmp_path: Path) -> str:
    """A looped folder with one image, as TOML."""
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "20.png"), np.full((24, 32, 3), 20, np.uint8))
    return f'{{ kind = "images", path = "{folder}", loop = true }}'


def announced(url: str) -> dict[str, Any]:
    """The components that the broker keeps."""
    payload = kept(url, TOPIC).get(TOPIC)
    components: dict[str, Any] = json.loads(payload)["cmps"] if payload else {}
    return components


def test_a_device_appears_changes_and_disappears(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """Two streams, then one, then none that Home Assistant shall see."""
    second = f'[[stream]]\nname = "back"\nbundle = "{bright_path}"\nsource = {images}'
    pace = "interval_s = 0.05"
    config = write_config(
        tmp_path, mosquitto.url, bright_path, images, stream=pace, more=f"{second}\n{pace}"
    )
    url = mosquitto.url
    with Subscriber(url, "gate") as subscriber, Agent(config) as agent:
        hear(subscriber, ResultMessage)
        wait_until(lambda: "back__answer" in announced(url), "both streams are announced")
        both = announced(url)
        assert agent.terminate() == 0

        write_config(tmp_path, url, bright_path, images, stream=pace)
        agent.start()
        gone = {"p": "sensor"}
        wait_until(lambda: announced(url).get("back__answer") == gone, "the second is taken away")
        assert announced(url).keys() == both.keys()
        assert announced(url)["front__answer"] == both["front__answer"]
        back = "edgeward/gate/stream/back/availability"
        wait_until(lambda: back not in kept(url), "its availability is cleared")
        assert "edgeward/gate/stream/front/availability" in kept(url)
        assert agent.terminate() == 0

        agent.start()
        wait_until(lambda: bool(announced(url)) and "back__answer" not in announced(url), "once")
        assert agent.terminate() == 0

        write_config(tmp_path, url, bright_path, images, more="[home_assistant]\nenabled = false")
        agent.start()
        wait_until(lambda: TOPIC not in kept(url), "the device disappears")


def test_home_assistant_has_started(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """What stands is said again, marked so, with the number it had: no ledger counts it."""
    topic = "edgeward/gate/stream/front/state"
    changed = 'interval_s = 0.05\npublish = { when = "changed" }'
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream=changed)
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config):
        assert hear(subscriber, ResultMessage).seq == 1
        wait_until(lambda: topic in kept(mosquitto.url), "it stands")
        session = Dialer(Broker(parse_endpoint(mosquitto.url)), Identity("home")).dial()
        session.subscribe([topic])
        said = [decode_message(payload, topic) for _, payload in received(session, 1)]
        session.publish("homeassistant/status", b"online")
        again = [decode_message(payload, topic) for _, payload in received(session, 1)]
        session.close()
        assert len(said) == len(again) == 1
        assert isinstance(said[0], StateMessage)
        assert (said[0].seq, said[0].again) == (1, False)
        assert again == [replace(said[0], again=True)]
        delivery = subscriber.receive(0.3)
        while delivery is not None and isinstance(delivery.message, HealthMessage):
            delivery = subscriber.receive(0.3)
        assert delivery is None or not isinstance(delivery.message, ResultMessage)


def test_the_state_of_a_region_that_is_gone_goes_too(
    mosquitto: Mosquitto, tmp_path: Path, stripes_path: Path
) -> None:
    """By the agent's own memory: not every broker can be asked what it keeps."""
    image = np.full((120, 160, 3), 255, np.uint8)
    cv2.imwrite(str(tmp_path / "x.png"), image)
    source = '{ kind = "images", path = "x.png", loop = true }'

    def regions(*names: str) -> str:
        rect = "rect = { x = 10, y = 10, w = 128, h = 32 }"
        tables = (f'[[stream.regions]]\nname = "{name}"\n{rect}\n' for name in names)
        return f'task = "ocr"\ninterval_s = 0.05\n{"".join(tables)}'

    def states() -> set[str]:
        return {topic.rpartition("/")[2] for topic in kept(mosquitto.url) if "/state/" in topic}

    def write(*names: str) -> Path:
        return write_config(tmp_path, mosquitto.url, stripes_path, source, stream=regions(*names))

    with Agent(write("a", "b")) as agent:
        wait_until(lambda: states() == {"a", "b"}, "both stand")
        assert agent.terminate() == 0
        write("b")
        agent.start()
        wait_until(lambda: states() == {"b"}, "the state of one is cleared")


@pytest.mark.parametrize(
    ("change", "now"),
    [
        (
            ("[outbox]", '[home_assistant]\nprefix = "my/home"\n[outbox]'),
            "my/home/device/edgeward-gate",
        ),
        (('name = "gate"', 'name = "yard"'), "homeassistant/device/edgeward-yard"),
    ],
    ids=["prefix", "name"],
)
def test_a_new_prefix_or_name_takes_the_old_announcement_away(
    change: tuple[str, str],
    now: str,
    mosquitto: Mosquitto,
    tmp_path: Path,
    bright_path: Path,
    images: str,
) -> None:
    """Of this device only: another's stays where it is."""
    url, other = mosquitto.url, "homeassistant/device/edgeward-door/config"
    session = Dialer(Broker(parse_endpoint(url)), Identity("another")).dial()
    session.publish(other, b"{}", Options(retain=True))
    wait_until(lambda: other in kept(url), "another device is announced")
    config = write_config(tmp_path, url, bright_path, images)
    with Agent(config) as agent:
        wait_until(lambda: TOPIC in kept(url), "the device is announced")
        assert agent.terminate() == 0

        config.write_text(config.read_text().replace(*change))
        agent.start()
        wait_until(lambda: TOPIC not in kept(url), "the old announcement goes")
        wait_until(lambda: f"{now}/config" in kept(url), "the new one comes")
        assert other in kept(url)
    session.close()


def test_a_copy_that_is_renamed_leaves_the_other_alone(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """Must not fire: of two machines from one image, the second remembers what is the first's."""
    url, folders = mosquitto.url, [tmp_path / name for name in ("first", "second")]
    folders[0].mkdir()
    first = Agent(write_config(folders[0], url, bright_path, images, stream="interval_s = 0.05"))
    with first:
        wait_until(lambda: TOPIC in kept(url), "the first is announced")
        assert first.terminate() == 0
        shutil.copytree(folders[0], folders[1])
        first.start()
        with Subscriber(url, "gate") as subscriber:
            hear(subscriber, ResultMessage)
        config = write_config(folders[1], url, bright_path, images, device="yard")
        with Agent(config) as second:
            now = "homeassistant/device/edgeward-yard/config"
            wait_until(lambda: now in kept(url), "the second is announced")
            text = "edgeward/gate/status: another device has the former name now"
            wait_until(lambda: text in second.log.read_text(), "the second knows of the first")
            assert kept(url)[TOPIC]


def test_a_broker_that_forbids_the_announcement_still_gets_results(
    mosquitto_factory: Callable[..., Mosquitto],
    tmp_path: Path,
    bright_path: Path,
    images: str,
) -> None:
    """Must not fire: an older set of rules knows nothing of Home Assistant."""
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite edgeward/#\n")
    mosquitto = mosquitto_factory(f"acl_file {rules}")
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream="interval_s = 0.05")
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        for _ in range(10):
            hear(subscriber, ResultMessage)
        health = hear(subscriber, HealthMessage)
        while not health.uptime_s > 1:
            health = hear(subscriber, HealthMessage)
        assert health.connections == 1
        text = f"the broker refuses a message on {TOPIC}: Not authorized"
        assert text in agent.log.read_text()
