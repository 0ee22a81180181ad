"""The doctor and a real broker: each thing that may be in the way, and nothing where nothing is."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.agents import Agent, hear, write_config
from support.brokers import Mosquitto, free_port
from support.certificates import certificate, dated_certificate
from support.received import received

from edge_agent.client import Subscriber
from edge_agent.config import AgentConfig, load_config
from edge_agent.contract.messages import HealthMessage, ResultMessage
from edge_agent.contract.topics import Topics
from edge_agent.doctor import broker as module
from edge_agent.doctor.broker import broker, name, secrecy
from edge_agent.doctor.host import Host
from edge_agent.doctor.report import Finding
from edge_agent.doctor.tls import tls
from edge_agent.doctor.writing import places
from edge_agent.mqtt.dialer import Dialer, Identity, Session
from edge_agent.mqtt.endpoint import Broker, parse_endpoint
from edge_agent.mqtt.values import Version

OURS = """
user gate
topic write edgeward/gate/#
topic read edgeward/gate/command/+
"""
# Rules topic by topic: those with a wildcard can be tried beside, the others nowhere.
SINGLE = """
user gate
topic write edgeward/gate/status
topic write edgeward/gate/health
topic write edgeward/gate/stream/+/availability
topic write edgeward/gate/stream/+/result
topic write edgeward/gate/stream/+/snapshot
topic write edgeward/gate/stream/+/state
topic write edgeward/gate/reply/+
topic read edgeward/gate/command/+
"""


def config(folder: Path, url: str, lines: str = "") -> AgentConfig:
    path = write_config(folder, url, Path("b"), '{ kind = "images", path = "x" }')
    path.write_text(path.read_text().replace("[outbox]", f"{lines}\n[outbox]"))
    return load_config(path)


def seen(folder: Path, url: str, lines: str = "") -> dict[str, Finding]:
    """What the doctor finds of the broker at `url`, by check."""
    return {finding.check: finding for finding in broker(config(folder, url, lines), Host())}


def with_acl(make: Callable[..., Mosquitto], folder: Path, acl: str) -> Mosquitto:
    """A broker that knows the user gate, with the password x, and this ACL."""
    import shutil
    import subprocess

    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        pytest.skip("needs mosquitto_passwd")
    known, rules = folder / "known", folder / "acl"
    subprocess.run([tool, "-b", "-c", str(known), "gate", "x"], check=True, capture_output=True)
    rules.write_text(acl)
    (folder / "secret").write_text("gate:x\n")
    (folder / "secret").chmod(0o600)
    return make("allow_anonymous false", f"password_file {known}", f"acl_file {rules}")


def test_an_open_broker(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Must not fire: every step is ok, and commands are proven to arrive."""
    found = seen(tmp_path, mosquitto.url)
    assert {check: finding.level for check, finding in found.items()} == dict.fromkeys(
        (
            "broker name",
            "broker port",
            "broker login",
            "acl publish",
            "acl subscribe",
            "acl home assistant",
        ),
        "ok",
    )
    assert found["broker login"].found == "MQTT 5, as anybody"
    assert found["acl publish"].found == "12 topics, tried below or beside each"
    assert found["acl subscribe"].found == "edgeward/gate/command/+: granted and delivered"
    assert found["acl home assistant"].found == (
        "homeassistant/device/edgeward-gate/config: granted; writing there is not tried"
    )


def test_what_is_switched_off_is_not_tried(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """An agent that takes no commands and is not announced needs no right to it."""
    more = "[commands]\nallow = []\n[home_assistant]\nenabled = false"
    found = seen(tmp_path, mosquitto.url, more)
    assert list(found) == ["broker name", "broker port", "broker login", "acl publish"]
    assert found["acl publish"].found == "6 topics, tried below or beside each"


def test_a_name_that_leads_nowhere() -> None:
    """Must fire: nothing else is tried then."""
    finding = name(parse_endpoint("mqtt://no-such-host.invalid"))
    assert finding.level == "fail"
    assert "avahi-daemon" in finding.remedy


def test_a_port_that_nobody_listens_on(tmp_path: Path) -> None:
    """Must fire: and what is behind it is left out."""
    found = seen(tmp_path, f"mqtt://127.0.0.1:{free_port()}")
    assert list(found) == ["broker name", "broker port"]
    assert found["broker port"].level == "fail"
    assert "Connection refused" in found["broker port"].found
    assert "listener 1883" in found["broker port"].remedy


def test_an_acl_that_suffices(mosquitto_factory: Callable[..., Mosquitto], tmp_path: Path) -> None:
    """Must not fire: the rule that the docs ask for."""
    made = with_acl(mosquitto_factory, tmp_path, OURS)
    found = seen(tmp_path, made.url, 'credentials_file = "secret"')
    assert {finding.level for finding in found.values()} == {"ok"}
    assert found["broker login"].found == "MQTT 5, as gate"
    assert found["acl subscribe"].found.endswith("granted and delivered")


def test_rules_for_single_topics(
    mosquitto_factory: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    """What a wildcard covers is proven; what is named alone is not, and not called refused.

    Delivery of commands is then not ours to try.
    """
    made = with_acl(mosquitto_factory, tmp_path, SINGLE)
    all_found = seen(tmp_path, made.url, 'credentials_file = "secret"')
    assert all_found["acl subscribe"].found.endswith("delivery cannot be tried by this user")
    found = all_found["acl publish"]
    assert found.level == "warn"
    assert found.found == (
        "proven for 10 of 12 topics, not for edgeward/gate/status, edgeward/gate/health: "
        "Not authorized beside it"
    )
    assert "a rule for all below edgeward/gate/ is proven by this" in found.remedy


def test_an_acl_that_does_not(mosquitto_factory: Callable[..., Mosquitto], tmp_path: Path) -> None:
    """Must fire: a stream's results that are missing in it, or a rule for another device."""
    made = with_acl(mosquitto_factory, tmp_path, SINGLE.replace("+/result", "+/other"))
    found = seen(tmp_path, made.url, 'credentials_file = "secret"')["acl publish"]
    assert found.level == "warn"
    assert "edgeward/gate/stream/front/result" in found.found
    made.kill()
    (tmp_path / "acl").write_text(OURS.replace("edgeward/gate", "edgeward/yard"))
    made.start()
    found = seen(tmp_path, made.url, 'credentials_file = "secret"')["acl publish"]
    assert found.level == "fail"
    assert found.found == "refused below and beside every topic: Not authorized"


def test_commands_that_are_granted_and_not_delivered(
    mosquitto_factory: Callable[..., Mosquitto], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Must fire: mosquitto's ACL file grants the subscription, and says nothing more."""
    monkeypatch.setattr(module, "ECHO_TIMEOUT_S", 0.3)
    acl = OURS.replace("topic read edgeward/gate/command/+\n", "")
    made = with_acl(mosquitto_factory, tmp_path, acl)
    found = seen(tmp_path, made.url, 'credentials_file = "secret"')["acl subscribe"]
    assert found.level == "fail"
    assert found.found == "edgeward/gate/command/+: granted, but not delivered"


def test_a_wrong_password(mosquitto_factory: Callable[..., Mosquitto], tmp_path: Path) -> None:
    """Must fire: the broker's reason, and never the password."""
    made = with_acl(mosquitto_factory, tmp_path, OURS)
    (tmp_path / "secret").write_text("gate:hush\n")
    found = seen(tmp_path, made.url, 'credentials_file = "secret"')
    assert found["broker login"].level == "fail"
    assert "Not authorized" in found["broker login"].found
    assert not any("hush" in str(finding) for finding in found.values())


def test_credentials_that_are_missing(tmp_path: Path) -> None:
    """Must fire: before anything is looked for."""
    found = seen(tmp_path, "mqtt://127.0.0.1:1", 'credentials_file = "none"')
    assert list(found) == ["broker"]
    assert "none: expected a credentials file" in found["broker"].found


@pytest.mark.parametrize(("mode", "level"), [(0o600, "ok"), (0o640, "warn"), (0o644, "warn")])
def test_a_password_that_others_may_read(mode: int, level: str, tmp_path: Path) -> None:
    """Must fire for a file of everybody's, must not for our own."""
    secret = tmp_path / "secret"
    secret.write_text("gate:x\n")
    secret.chmod(mode)
    (finding,) = secrecy(secret)
    assert finding.level == level


def test_an_older_broker_says_less(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MQTT 3.1.1 has no reason for a refusal: not told is not the same as well."""
    from edge_agent.mqtt.dialer import Dialer

    dial = Dialer.dial

    def old(self: Dialer) -> object:
        self._version = "3.1.1"
        return dial(self)

    monkeypatch.setattr(Dialer, "dial", old)
    found = seen(tmp_path, mosquitto.url)
    assert found["broker login"].found.startswith("MQTT 3.1.1")
    assert found["acl publish"].level == "skip"


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_who_listens_is_not_disturbed(
    version: Version, mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one message, not even an empty one, on a topic that somebody may have for a state."""
    dial = Dialer.dial

    def as_told(self: Dialer) -> Session:
        self._version = version
        return dial(self)

    live = [place.topic for place in places(Topics("gate"), config(tmp_path, mosquitto.url))]
    assert "edgeward/gate/stream/front/state" in live
    listener = Dialer(Broker(parse_endpoint(mosquitto.url)), Identity("someone")).dial()
    listener.subscribe(["#"])
    monkeypatch.setattr(Dialer, "dial", as_told)
    assert seen(tmp_path, mosquitto.url)["broker login"].found.startswith(f"MQTT {version}")
    heard = received(listener)
    listener.close()
    assert heard, "the listener hears where it was tried"
    assert not [topic for topic, _ in heard if topic in live or topic.startswith("home")]


def test_a_running_agent_is_not_disturbed(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path
) -> None:
    """Must not fire: what is sent to see whether it arrives is no command to refuse."""
    cv2.imwrite(str(tmp_path / "x.png"), np.full((8, 8, 3), 9, np.uint8))
    source = '{ kind = "images", path = "x.png", loop = true }'
    path = write_config(tmp_path, mosquitto.url, bright_path, source, stream="interval_s = 1")
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(path) as agent:
        hear(subscriber, ResultMessage)
        levels = {finding.level for finding in broker(load_config(path), Host())}
        assert levels == {"ok"}
        hear(subscriber, HealthMessage)
        assert "refused" not in agent.log.read_text()


def secured(make: Callable[..., Mosquitto], cert: Path, key: Path) -> str:
    return make(f"certfile {cert}", f"keyfile {key}").url.replace("mqtt://", "mqtts://")


def test_a_chain_that_holds(mosquitto_factory: Callable[..., Mosquitto], tmp_path: Path) -> None:
    """Must not fire: with the day it ends; later it does, by a clock that is set forward."""
    cert, key = certificate(tmp_path, "broker", days=400)
    url = secured(mosquitto_factory, cert, key)
    found = seen(tmp_path, url, f'ca_file = "{cert}"')
    assert {finding.level for finding in found.values()} == {"ok"}
    end = datetime.fromtimestamp(time.time() + 400 * 86400, UTC)
    assert found["tls"].found.startswith("TLSv1.3, the chain holds; valid until ")
    assert f"{end:%Y-%m}" in found["tls"].found
    assert list(found)[2:4] == ["tls ca_file", "tls"]

    target = Broker(parse_endpoint(url), ca_file=cert)
    soon = {f.check: f for f in tls(target, Host(now=lambda: time.time() + 390 * 86400))}
    assert soon["tls"].level == soon["tls ca_file"].level == "warn"
    assert soon["tls"].found.endswith(": 9 day(s) left")
    gone = tls(target, Host(now=lambda: time.time() + 401 * 86400))
    assert [finding.level for finding in gone] == ["fail", "fail"]


# paho and ssl drop a socket unclosed when a handshake fails; the garbage collector closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("case", "found", "remedy"),
    [
        ("no-ca", "self-signed certificate", "set broker.ca_file"),
        ("stranger", "self-signed certificate", "has not signed it"),
        ("other-name", "IP address mismatch", "by a name that its certificate has"),
        ("expired", "valid until 2021-01-01: expired", "renew it"),
        ("plain", "no TLS", "mqtt:// is without"),
    ],
)
def test_a_chain_that_does_not(
    case: str,
    found: str,
    remedy: str,
    mosquitto_factory: Callable[..., Mosquitto],
    tmp_path: Path,
) -> None:
    """Must fire: whose fault it is, and what to do; nothing is sent to such a broker."""
    if case == "expired":
        cert, key = dated_certificate(tmp_path, "broker", "20200101000000Z", "20210101000000Z")
    else:
        host = "IP:192.0.2.1" if case == "other-name" else "IP:127.0.0.1"
        cert, key = certificate(tmp_path, "broker", host=host, days=90)
    ca, _ = certificate(tmp_path, "stranger", days=90) if case == "stranger" else (cert, key)
    if case == "plain":
        url = mosquitto_factory().url.replace("mqtt://", "mqtts://")
    else:
        url = secured(mosquitto_factory, cert, key)
    said = seen(tmp_path, url, "" if case == "no-ca" else f'ca_file = "{ca}"')
    assert said["tls"].level == "fail"
    assert found in said["tls"].found
    assert remedy in said["tls"].remedy
    assert "broker login" not in said


def test_a_client_certificate_that_ends(tmp_path: Path) -> None:
    """Must fire: our own certificate has a last day too, wherever the broker is."""
    cert, key = certificate(tmp_path, "device", days=3)
    endpoint = parse_endpoint(f"mqtts://127.0.0.1:{free_port()}")
    target = Broker(endpoint, ca_file=cert, cert_file=cert, key_file=key)
    found = {finding.check: finding for finding in tls(target, Host())}
    assert found["tls cert_file"].level == "warn"
    assert found["tls"].level == "skip"
