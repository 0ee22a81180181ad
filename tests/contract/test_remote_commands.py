"""A real agent told what to do over a real broker."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.agents import Agent, hear, write_config
from support.brokers import Mosquitto, wait_until

from edge_agent.client import Subscriber
from edge_agent.client.remote import Remote
from edge_agent.common.errors import BrokerError
from edge_agent.contract.commands import (
    DescribeCommand,
    PauseCommand,
    RestartCommand,
    ResumeCommand,
    SetCommand,
    SnapshotCommand,
)
from edge_agent.contract.messages import AvailabilityMessage, ResultMessage, StatusMessage
from edge_agent.mqtt.dialer import Dialer
from edge_agent.mqtt.endpoint import Broker, parse_endpoint
from edge_agent.mqtt.values import Identity, Options, Received


@pytest.fixture(name="images")
def _images(tmp_path: Path) -> str:
    """A looped folder with a dark and a bright image, as TOML."""
    folder = tmp_path / "images"
    folder.mkdir()
    for level in (20, 230):
        cv2.imwrite(str(folder / f"{level}.png"), np.full((24, 32, 3), level, np.uint8))
    return f'{{ kind = "images", path = "{folder}", loop = true }}'


@pytest.fixture(name="agent")
def _agent(mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str) -> Iterator[Agent]:
    """An agent that has given its first result."""
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream="interval_s = 0.02")
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        hear(subscriber, ResultMessage)
        yield agent


def picture(url: str, topic: str) -> bytes:
    session = Dialer(Broker(parse_endpoint(url)), Identity("viewer")).dial()
    session.subscribe([topic])
    for event in session.events(60):
        if isinstance(event, Received):
            assert event.retained
            session.close()
            return event.payload
    pytest.fail("no picture")


def test_describe_says_what_runs(mosquitto: Mosquitto, agent: Agent) -> None:
    """The streams as they are configured, where they look, and the verbs."""
    with Remote(mosquitto.url, "gate") as remote:
        reply = remote.ask(DescribeCommand())
    assert (reply.ok, reply.device, reply.verb) == (True, "gate", "describe")
    assert reply.description is not None
    (stream,) = reply.description.streams
    assert (stream.name, stream.task, stream.source) == ("front", "classify", "images")
    assert (stream.interval_s, stream.paused) == (0.02, False)
    assert stream.place.startswith("images /")
    assert reply.description.commands[0] == "snapshot"


def test_a_snapshot_is_a_picture_on_its_topic(mosquitto: Mosquitto, agent: Agent) -> None:
    """Retained, a JPEG of the frame, of the size that the answer says."""
    with Remote(mosquitto.url, "gate") as remote:
        reply = remote.ask(SnapshotCommand(stream="front"))
    assert reply.ok, reply.error
    (taken,) = reply.snapshots
    assert taken.topic == "edgeward/gate/stream/front/snapshot"
    data = picture(mosquitto.url, taken.topic)
    assert len(data) == taken.bytes
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (24, 32, 3)
    assert abs(float(image.mean()) - 20) < 5 or abs(float(image.mean()) - 230) < 5


def results_within(subscriber: Subscriber, seconds: float) -> int:
    count, deadline = 0, time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        delivery = subscriber.receive(left)
        count += delivery is not None and isinstance(delivery.message, ResultMessage)
    return count


def quiet(subscriber: Subscriber) -> bool:
    """Whether no result comes for a while; what was on its way may come first."""
    return any(results_within(subscriber, 0.5) == 0 for _ in range(10))


def test_a_paused_agent_gives_no_results_until_it_is_resumed(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """Its stream is unavailable, with the reason; afterwards all goes on."""
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream="interval_s = 0.02")
    config.write_text(config.read_text().replace("interval_s = 0.5", "interval_s = 600"))
    with (
        Subscriber(mosquitto.url, "gate") as subscriber,
        Remote(mosquitto.url, "gate") as remote,
        Agent(config),
    ):
        hear(subscriber, ResultMessage)
        assert remote.ask(PauseCommand()).ok
        told = hear(subscriber, AvailabilityMessage)
        while told.reason != "paused":
            told = hear(subscriber, AvailabilityMessage)
        assert told.state == "offline"
        assert quiet(subscriber)
        description = remote.ask(DescribeCommand()).description
        assert description is not None
        assert description.streams[0].paused
        assert remote.ask(ResumeCommand(stream="front")).ok
        assert hear(subscriber, AvailabilityMessage).state == "online"
        hear(subscriber, ResultMessage)


def test_an_interval_can_be_set(mosquitto: Mosquitto, agent: Agent) -> None:
    """It holds at once, and is what `describe` says."""
    with Remote(mosquitto.url, "gate") as remote:
        assert remote.ask(SetCommand(interval_s=3600, log_level="debug")).ok
        description = remote.ask(DescribeCommand()).description
    assert description is not None
    assert description.streams[0].interval_s == 3600
    with Subscriber(mosquitto.url, "gate") as subscriber:
        assert quiet(subscriber)


def test_a_stream_that_is_not_there_is_named(mosquitto: Mosquitto, agent: Agent) -> None:
    """And those that are."""
    with Remote(mosquitto.url, "gate") as remote:
        for command in (SnapshotCommand(stream="back"), PauseCommand(stream="back")):
            reply = remote.ask(command)
            assert not reply.ok
            assert "expected a stream of front, found 'back' - at `$.stream`" in reply.error


def test_malformed_commands_are_answered_and_harm_nothing(
    mosquitto: Mosquitto, agent: Agent
) -> None:
    """Whatever comes, an answer says what is wrong; the agent goes on."""
    with Remote(mosquitto.url, "gate") as remote:
        for verb, payload, expected in (
            ("pause", b"{", "pause: Input data was truncated"),
            ("set", b'{"interval":1}', "set: Object contains unknown field `interval`"),
            ("reboot", b"{}", "expected one of snapshot, "),
            ("set", b"\x00" * 5000, "set: expected at most 4096 bytes, found 5000"),
        ):
            reply = remote.ask_raw(verb, payload)
            assert not reply.ok
            assert reply.error.startswith(expected)
        assert remote.ask(DescribeCommand()).ok
    assert agent.process.poll() is None


def test_restart_starts_anew_with_the_configuration_of_now(
    mosquitto: Mosquitto, tmp_path: Path, agent: Agent
) -> None:
    """In good order, in the same process, and the numbers go on."""
    config = tmp_path / "agent.toml"
    config.write_text(config.read_text().replace("interval_s = 0.02", "interval_s = 0.03"))
    with (
        Subscriber(mosquitto.url, "gate") as subscriber,
        Remote(mosquitto.url, "gate") as remote,
    ):
        before = hear(subscriber, ResultMessage)
        reply = remote.ask(RestartCommand())
        assert reply.ok
        said = hear(subscriber, StatusMessage)
        while said.state != "offline":
            said = hear(subscriber, StatusMessage)
        assert (said.boot, said.reason) == (reply.boot, "restarting")
        assert hear(subscriber, StatusMessage).boot != reply.boot
        after = hear(subscriber, ResultMessage)
        while after.boot == before.boot:
            after = hear(subscriber, ResultMessage)
        assert after.seq > before.seq
        description = remote.ask(DescribeCommand()).description
    assert agent.process.poll() is None
    assert description is not None
    assert description.streams[0].interval_s == 0.03
    assert agent.terminate() == 0


def test_a_retained_restart_does_not_restart_for_ever(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """A mistake of whoever published it; the log says so."""
    session = Dialer(Broker(parse_endpoint(mosquitto.url)), Identity("careless")).dial()
    session.publish("edgeward/gate/command/restart", b"{}", Options(retain=True))
    list(session.events(60))
    session.close()
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream="interval_s = 0.02")
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        boots = {hear(subscriber, ResultMessage).boot for _ in range(30)}
        wait_until(lambda: "the broker had kept" in agent.log.read_text(), "the log")
    assert len(boots) == 1


def test_commands_can_be_switched_off(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """With `allow = []` the agent does not even listen; with some, the others are refused."""
    config = write_config(
        tmp_path, mosquitto.url, bright_path, images, more="[commands]\nallow = []"
    )
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        boot = hear(subscriber, ResultMessage).boot
        with (
            Remote(mosquitto.url, "gate") as remote,
            pytest.raises(BrokerError, match="expected an answer within"),
        ):
            remote.ask(RestartCommand(), 2)
        later = [hear(subscriber, ResultMessage) for _ in range(3)]
        assert {result.boot for result in later} == {boot}
        assert "command:" not in agent.log.read_text()
    config.write_text(config.read_text().replace("allow = []", 'allow = ["describe"]'))
    with (
        Subscriber(mosquitto.url, "gate") as subscriber,
        Agent(config),
        Remote(mosquitto.url, "gate") as remote,
    ):
        hear(subscriber, ResultMessage)
        assert remote.ask(DescribeCommand()).ok
        assert "not allowed here" in remote.ask(RestartCommand()).error


def test_mosquitto_pub_is_enough(
    mosquitto: Mosquitto, agent: Agent, mosquitto_tool: Callable[[str], str]
) -> None:
    """Without a schema, a response topic or Python: the answer is on the reply topic."""
    session = Dialer(Broker(parse_endpoint(mosquitto.url)), Identity("shell")).dial()
    session.subscribe(["edgeward/gate/reply/+"])
    pub = [mosquitto_tool("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(mosquitto.port), "-q", "1"]
    subprocess.run([*pub, "-t", "edgeward/gate/command/pause", "-n"], check=True)
    replies = list[Received]()

    def answered() -> bool:
        replies.extend(e for e in session.events(0.2) if isinstance(e, Received))
        return bool(replies)

    wait_until(answered, "the answer")
    session.close()
    assert [(r.topic, b'"ok":true' in r.payload) for r in replies] == [
        ("edgeward/gate/reply/pause", True)
    ]
