"""A real agent by each MQTT version, at the brokers that speak it: all it says and hears."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.agents import Agent, hear, write_config
from support.brokers import Mosquitto, mosquitto_binary, wait_until
from support.proxy import OldProxy

from edge_agent.client import Ledger, Subscriber
from edge_agent.client.remote import Remote
from edge_agent.common.errors import BrokerError
from edge_agent.contract.commands import (
    DescribeCommand,
    PauseCommand,
    ResumeCommand,
    SnapshotCommand,
)
from edge_agent.contract.messages import (
    AvailabilityMessage,
    HealthMessage,
    ResultMessage,
    StatusMessage,
    decode_message,
)
from edge_agent.contract.topics import Topics
from edge_agent.mqtt import dialer as mqtt
from edge_agent.mqtt.dialer import Dialer, Identity, unique_id
from edge_agent.mqtt.endpoint import Broker, parse_endpoint
from edge_agent.mqtt.values import Received

VERSIONS = {"mosquitto, v5": "5", "mosquitto, v3.1.1": "3.1.1", "amqtt, v3.1.1": "3.1.1"}
DISCOVERY = "homeassistant/device/edgeward-gate/config"
TOPICS = Topics("gate")


@dataclass(frozen=True)
class Spoken:
    """A broker, the version that is spoken with it, and whether it keeps what it acknowledged.

    amqtt acknowledges before it passes on, and forgets the rest when the sender is gone.
    """

    url: str
    version: str
    keeps: bool = True


@pytest.fixture(name="spoken", scope="module", params=list(VERSIONS))
def _spoken(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Spoken]:
    version = VERSIONS[request.param]
    with ExitStack() as owned:
        if request.param.startswith("amqtt"):
            pytest.importorskip("amqtt", reason="the embedded broker is the host's; it is not here")
            from pipeline.broker.broker import embedded_broker

            # It never answers to v5; our own side of a test need not wait for as long.
            owned.enter_context(pytest.MonkeyPatch.context()).setattr(
                mqtt, "V5_ANSWER_TIMEOUT_S", 0.2
            )
            yield Spoken(str(owned.enter_context(embedded_broker()).endpoint), version, False)
            return
        broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"), mosquitto_binary())
        broker.start()
        owned.callback(broker.kill)
        url = broker.url
        if version != "5":
            url = owned.enter_context(OldProxy(broker.port)).url
        yield Spoken(url, version)


@pytest.fixture(name="config")
def _config(spoken: Spoken, tmp_path: Path, bright_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "20.png"), np.full((24, 32, 3), 20, np.uint8))
    source = f'{{ kind = "images", path = "{folder}", loop = true }}'
    return write_config(tmp_path, spoken.url, bright_path, source, stream="interval_s = 0.02")


def kept(url: str, topic: str) -> bytes | None:
    """What the broker keeps on a topic."""
    session = Dialer(Broker(parse_endpoint(url)), Identity(unique_id("viewer"))).dial()
    try:
        session.subscribe([topic])
    except BrokerError:  # amqtt hangs up on a client now and then: ask again
        return None
    found = None
    deadline = time.monotonic() + 2
    while found is None and (left_s := deadline - time.monotonic()) > 0:
        for event in session.events(left_s):
            if isinstance(event, Received) and event.retained and event.topic == topic:
                found = event.payload
    session.close()
    return found


def stated(
    url: str, topic: str, holds: Callable[[StatusMessage | AvailabilityMessage], bool]
) -> bool:
    """Whether what is kept on a topic is what it should be."""
    payload = kept(url, topic)
    if payload is None:
        return False
    message = decode_message(payload, topic)
    assert isinstance(message, StatusMessage | AvailabilityMessage)
    return holds(message)


def is_online(message: StatusMessage | AvailabilityMessage) -> bool:
    return message.state == "online"


def announced(url: str) -> bool:
    payload = kept(url, DISCOVERY)
    return payload is not None and "front__answer" in json.loads(payload)["cmps"]


def test_all_that_is_said_arrives(spoken: Spoken, config: Path) -> None:
    """Results without a gap, health, and the states, by the version that the broker knows."""
    session = Dialer(Broker(parse_endpoint(spoken.url)), Identity(unique_id("version"))).dial()
    assert session.version == spoken.version
    session.close()
    ledger, kinds = Ledger(), set[type[object]]()
    with Subscriber(spoken.url, "gate") as subscriber, Agent(config) as agent:
        wanted = {ResultMessage, HealthMessage, StatusMessage, AvailabilityMessage}
        # What is new comes before what waited for the connection: a gap may be filled later.
        while kinds < wanted or ledger.total().received < 50 or ledger.total().lost:
            delivery = subscriber.receive(60)
            assert delivery is not None, kinds
            kinds.add(type(delivery.message))
            if isinstance(delivery.message, ResultMessage):
                ledger.record(delivery.message)
        assert agent.terminate() == 0
    total = ledger.total()
    assert (total.lost, total.duplicated) == (0, 0)
    stopped = ("offline", "stopped")
    wait_until(
        lambda: stated(spoken.url, TOPICS.status, lambda m: (m.state, m.reason) == stopped),
        "it says that it has stopped",
    )


def test_what_waited_while_the_broker_was_not_reached_arrives(spoken: Spoken, config: Path) -> None:
    """The outbox of an agent that was killed is delivered by the next one; no number is missing."""
    ledger = Ledger()
    with Subscriber(spoken.url, "gate") as subscriber, Agent(config) as agent:
        for _ in range(2):
            for _ in range(20):
                ledger.record(hear(subscriber, ResultMessage))
            agent.kill()
            agent.start()
        for _ in range(20):
            ledger.record(hear(subscriber, ResultMessage))
        # What is new comes first: what waited may still be on its way, however busy the machine.
        deadline = time.monotonic() + 60
        while spoken.keeps and ledger.total().lost:
            assert time.monotonic() < deadline, ledger.total()
            ledger.record(hear(subscriber, ResultMessage))


def test_commands_are_heard_and_answered(spoken: Spoken, config: Path) -> None:
    """Each with its answer, malformed ones with a reason; pausing and resuming have effect."""
    front = TOPICS.availability("front")
    with (
        Subscriber(spoken.url, "gate") as subscriber,
        Agent(config),
        Remote(spoken.url, "gate") as remote,
    ):
        hear(subscriber, ResultMessage)
        description = remote.ask(DescribeCommand()).description
        assert description is not None
        assert [stream.name for stream in description.streams] == ["front"]
        reply = remote.ask_raw("set", b"{")
        assert (reply.ok, reply.verb) == (False, "set")
        assert reply.error
        assert remote.ask(PauseCommand()).ok
        wait_until(lambda: stated(spoken.url, front, lambda m: m.reason == "paused"), "it pauses")
        assert remote.ask(ResumeCommand()).ok
        wait_until(lambda: stated(spoken.url, front, is_online), "it goes on")
        (taken,) = remote.ask(SnapshotCommand(stream="front")).snapshots
        wait_until(
            lambda: len(kept(spoken.url, taken.topic) or b"") == taken.bytes, "its picture is there"
        )


def test_the_last_will_is_spoken(spoken: Spoken, config: Path) -> None:
    """Whoever kills the agent leaves `offline` behind, retained, and `online` follows a start."""
    with Subscriber(spoken.url, "gate") as subscriber, Agent(config) as agent:
        hear(subscriber, ResultMessage)
        wait_until(lambda: stated(spoken.url, TOPICS.status, is_online), "it is online")
        agent.kill()
        wait_until(
            lambda: stated(
                spoken.url,
                TOPICS.status,
                lambda m: (m.state, m.reason) == ("offline", "connection lost"),
            ),
            "the will",
        )
        agent.start()
        wait_until(lambda: stated(spoken.url, TOPICS.status, is_online), "it is back")


def test_home_assistant_finds_the_device_and_forgets_it(spoken: Spoken, config: Path) -> None:
    """The announcement is retained, and taken away when it is switched off."""
    with Subscriber(spoken.url, "gate") as subscriber, Agent(config) as agent:
        hear(subscriber, ResultMessage)
        wait_until(lambda: announced(spoken.url), "it is announced")
        assert agent.terminate() == 0
        config.write_text(config.read_text() + "[home_assistant]\nenabled = false\n")
        agent.start()
        wait_until(lambda: stated(spoken.url, TOPICS.status, is_online), "it is back")
        wait_until(lambda: not kept(spoken.url, DISCOVERY), "it is forgotten")
