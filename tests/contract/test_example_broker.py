"""The example configuration of a broker, as it is: TLS, passwords, and who may say what."""

import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.agents import Agent, hear, write_config
from support.brokers import Mosquitto, free_port, wait_until

from edge_agent.client import Subscriber
from edge_agent.client.remote import Remote
from edge_agent.common.errors import BrokerError
from edge_agent.contract.commands import DescribeCommand
from edge_agent.contract.messages import ResultMessage
from edge_agent.mqtt.dialer import Dialer
from edge_agent.mqtt.endpoint import Broker, Credentials, parse_endpoint
from edge_agent.mqtt.values import Acked, Identity, Options, Received, Refused

DEPLOY = Path(__file__).parents[2] / "deploy" / "mosquitto"
USERS = {"gate": "open:sesame-1", "homeassistant": "h-2", "archive": "a-3", "other": "o-4"}


@dataclass(frozen=True)
class Example:
    """A broker that runs on the example's files, and what clients need."""

    mosquitto: Mosquitto
    url: str
    certificates: Path

    def broker(self, user: str) -> Broker:
        credentials = Credentials(user, USERS[user])
        return Broker(parse_endpoint(self.url), credentials, self.certificates / "ca.pem")


@pytest.fixture(name="make_example")
def _make_example(
    mosquitto_factory: Callable[..., Mosquitto],
    mosquitto_tool: Callable[[str], str],
    tmp_path: Path,
) -> Callable[..., Example]:
    """Starts a broker on edgeward.conf; `change` replaces text in it."""
    passwd, shell = mosquitto_tool("mosquitto_passwd"), mosquitto_tool("sh")
    mosquitto_tool("openssl")

    def make(change: Callable[[str], str] = str) -> Example:
        certificates = tmp_path / "certs"
        script: list[str | Path] = [
            shell,
            DEPLOY / "make-certificates.sh",
            certificates,
            "127.0.0.1",
            "gate",
        ]
        subprocess.run(script, check=True, capture_output=True)
        passwords = tmp_path / "edgeward.passwd"
        passwords.touch(0o600)
        for user, password in USERS.items():
            subprocess.run([passwd, "-b", passwords, user, password], check=True)
        shutil.copy(DEPLOY / "edgeward.acl", tmp_path)
        (tmp_path / "edgeward.acl").chmod(0o600)
        text = change((DEPLOY / "edgeward.conf").read_text())
        text = text.replace("/etc/mosquitto/certs", str(certificates))
        text = text.replace("/etc/mosquitto", str(tmp_path))
        # The test's own: free ports.
        lines = text.replace("listener 1883", f"listener {free_port()}").splitlines()
        listener = lines.index("listener 8883")
        head, tail = lines[:listener], lines[listener + 1 :]
        assert [line for line in head if line and line[0] != "#"] == ["per_listener_settings false"]
        mosquitto = mosquitto_factory(*tail)
        url = mosquitto.url.replace("mqtt://", "mqtts://")
        return Example(mosquitto, url, certificates)

    return make


@pytest.fixture(name="example")
def _example(make_example: Callable[..., Example]) -> Example:
    return make_example()


@pytest.fixture(name="config")
def _config(example: Example, tmp_path: Path, bright_path: Path) -> Path:
    """An agent's configuration for that broker: its user, and its authority."""
    secret = tmp_path / "broker.secret"
    secret.write_text(f"gate:{USERS['gate']}\n")
    secret.chmod(0o600)
    images = tmp_path / "images"
    images.mkdir()
    cv2.imwrite(str(images / "20.png"), np.full((24, 32, 3), 20, np.uint8))
    source = f'{{ kind = "images", path = "{images}", loop = true }}'
    stream = "interval_s = 0.05"
    config = write_config(tmp_path, example.url, bright_path, source, stream=stream)
    files = f'credentials_file = "{secret}"\nca_file = "{example.certificates}/ca.pem"'
    config.write_text(config.read_text().replace("[outbox]", f"{files}\n[outbox]"))
    return config


def say(broker: Broker, topic: str, payload: bytes = b"x") -> bool:
    """Whether the broker lets this user say it."""
    session = Dialer(broker, Identity(f"sayer-{broker.credentials}"[:20])).dial()
    session.publish(topic, payload)
    try:
        for event in session.events(60):
            if isinstance(event, Acked | Refused):
                return isinstance(event, Acked)
    finally:
        session.close()
    pytest.fail("no answer")


def test_an_agent_and_home_assistant_meet_there(example: Example, config: Path) -> None:
    """Results, the announcement and commands all pass; nothing is refused to the agent."""
    with (
        Subscriber(example.broker("homeassistant"), "gate") as subscriber,
        Agent(config) as agent,
        Remote(example.broker("homeassistant"), "gate") as remote,
    ):
        assert hear(subscriber, ResultMessage).device == "gate"
        assert remote.ask(DescribeCommand()).ok
        viewer = Dialer(example.broker("homeassistant"), Identity("viewer")).dial()
        viewer.subscribe(["homeassistant/#"])
        events = list(viewer.events(60))
        assert [e.topic for e in events if isinstance(e, Received)] == [
            "homeassistant/device/edgeward-gate/config"
        ]
        viewer.close()
        assert agent.terminate() == 0
        log = agent.log.read_text()
    assert "WARNING" not in log
    assert "ERROR" not in log


def test_an_archive_hears_results_and_nothing_else(example: Example, config: Path) -> None:
    """By its rules, not by what it asks for."""
    heard = set[str]()
    with Agent(config):
        session = Dialer(example.broker("archive"), Identity("archive")).dial()
        session.subscribe(["#"])
        deadline = time.monotonic() + 60
        while len(heard) < 1 and time.monotonic() < deadline:
            heard |= {e.topic for e in session.events(1) if isinstance(e, Received)}
        for event in session.events(1):
            heard |= {event.topic} if isinstance(event, Received) else set()
        session.close()
    assert heard == {"edgeward/gate/stream/front/result"}


MAY_SAY = [
    ("gate", "edgeward/gate/stream/front/result", True),
    ("gate", "edgeward/gate/status", True),
    ("gate", "homeassistant/device/edgeward-gate/config", True),
    ("gate", "edgeward/other/stream/front/result", False),
    ("gate", "edgeward/other/command/restart", False),
    ("gate", "homeassistant/device/edgeward-other/config", False),
    ("gate", "homeassistant/sensor/x/config", False),
    ("other", "edgeward/gate/command/restart", False),
    ("homeassistant", "edgeward/gate/command/restart", True),
    ("homeassistant", "edgeward/gate/stream/front/result", False),
    ("archive", "edgeward/gate/command/restart", False),
]


def test_each_may_say_what_is_its_own(example: Example) -> None:
    """A stolen device speaks for itself only; who hears need not speak."""
    found = [(user, topic, say(example.broker(user), topic)) for user, topic, _ in MAY_SAY]
    assert found == MAY_SAY


def test_a_device_hears_its_own_commands_only(example: Example) -> None:
    """The same question of two devices: one is let through."""
    heard = {}
    sessions = {}
    for user in ("gate", "other"):
        sessions[user] = Dialer(example.broker(user), Identity(f"device-{user}")).dial()
        sessions[user].subscribe(["edgeward/gate/command/+"])
    assert say(example.broker("homeassistant"), "edgeward/gate/command/describe")
    for user, session in sessions.items():
        patience_s = 60 if user == "gate" else 1
        heard[user] = [e.topic for e in session.events(patience_s) if isinstance(e, Received)]
        session.close()
    assert heard == {"gate": ["edgeward/gate/command/describe"], "other": []}


def test_nobody_enters_without_a_name(example: Example) -> None:
    """Neither without a password, nor with a wrong one, nor without TLS."""
    endpoint, ca = parse_endpoint(example.url), example.certificates / "ca.pem"
    for broker in (
        Broker(endpoint, None, ca),
        Broker(endpoint, Credentials("gate", "guess"), ca),
        Broker(parse_endpoint(example.mosquitto.url), Credentials("gate", USERS["gate"])),
    ):
        with pytest.raises(BrokerError):
            Dialer(broker, Identity("intruder")).dial()


# paho drops its socket unclosed when the handshake fails; the garbage collector closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broker_of_another_name_is_not_trusted(example: Example) -> None:
    """The certificate is for 127.0.0.1: by another name it could be anybody's."""
    url = example.url.replace("127.0.0.1", "localhost")
    broker = Broker(parse_endpoint(url), Credentials("gate", USERS["gate"]))
    broker = Broker(broker.endpoint, broker.credentials, example.certificates / "ca.pem")
    with pytest.raises(BrokerError, match=r"certificate verify failed: .*localhost"):
        Dialer(broker, Identity("trusting")).dial()


def test_the_password_is_in_no_log_and_no_message(
    example: Example, config: Path, tmp_path: Path
) -> None:
    """At the most talkative level, and also where the broker refuses it."""
    config.write_text(config.read_text().replace("interval_s = 0.05", "interval_s = 0.5"))
    said = b""
    viewer = Dialer(example.broker("homeassistant"), Identity("viewer")).dial()
    viewer.subscribe(["#"])
    with Agent(config, "debug") as agent:
        with Remote(example.broker("homeassistant"), "gate") as remote:
            for _ in range(50):
                try:
                    assert remote.ask(DescribeCommand(), 1).ok
                    break
                except BrokerError:
                    continue  # it has not come yet
        # A busy broker answers who asks before it tells who looks on.
        while events := list(viewer.events(0.3 if b"edgeward.reply/1" in said else 60)):
            said += b"".join(e.payload for e in events if isinstance(e, Received))
            if len(said) > 20_000:
                break
        assert agent.terminate() == 0
    viewer.close()
    (tmp_path / "broker.secret").write_text("gate:swordfish\n")
    with Agent(config, "debug") as agent:
        wait_until(lambda: "refuses this client" in agent.log.read_text(), "the refusal")
        assert agent.terminate() == 0
    for secret in ("open:sesame", "sesame-1", "swordfish"):
        assert secret not in agent.log.read_text()
        assert secret.encode() not in said
    assert b"edgeward.reply/1" in said


def test_a_certificate_can_stand_for_a_password(
    make_example: Callable[..., Example], tmp_path: Path, bright_path: Path
) -> None:
    """With the three lines of the example that are commented out, the common name is the user."""

    def uncomment(text: str) -> str:
        for line in ("cafile ", "require_certificate ", "use_identity_as_username "):
            assert f"# {line}" in text
            text = text.replace(f"# {line}", line)
        return text

    example = make_example(uncomment)
    folder = example.certificates
    endpoint, ca = parse_endpoint(example.url), folder / "ca.pem"
    device = Broker(endpoint, None, ca, folder / "gate.pem", folder / "gate.key")
    assert say(device, "edgeward/gate/status")
    assert not say(device, "edgeward/other/status")
    with pytest.raises(BrokerError):
        Dialer(example.broker("gate"), Identity("bare")).dial()


def test_what_is_retained_for_home_assistant_survives_the_broker(example: Example) -> None:
    """The example stores what it keeps."""
    broker = example.broker("gate")
    session = Dialer(broker, Identity("device")).dial()
    session.publish("edgeward/gate/status", b"kept", Options(retain=True))
    assert [e for e in session.events(60) if isinstance(e, Acked)]
    session.close()
    example.mosquitto.stop()
    example.mosquitto.start()
    viewer = Dialer(example.broker("homeassistant"), Identity("viewer")).dial()
    viewer.subscribe(["edgeward/#"])
    found = [(e.topic, e.payload) for e in viewer.events(60) if isinstance(e, Received)]
    viewer.close()
    assert found == [("edgeward/gate/status", b"kept")]
