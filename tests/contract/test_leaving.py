"""Leaving before the last states are acknowledged: the broker speaks the last will."""

from pathlib import Path

import pytest
from support.brokers import Mosquitto, wait_until
from support.kept import kept
from support.proxy import Proxy

from edge_agent.common.backoff import Backoff
from edge_agent.mqtt.dialer import Dialer, Identity, Session, Version, Will, unique_id
from edge_agent.mqtt.endpoint import Broker, parse_endpoint
from edge_agent.outbox.outbox import Outbox
from edge_agent.publish.publisher import MqttPublisher

STATUS = "s/status"


def unexpected(error: BaseException) -> None:
    raise AssertionError("the publisher died") from error


def dialer_for(url: str, version: Version) -> Dialer:
    identity = Identity(unique_id("t"), Will(STATUS, b"gone"))
    return Dialer(Broker(parse_endpoint(url)), identity, version)


def retained(mosquitto: Mosquitto) -> bytes | None:
    """What the broker says of the status now."""
    return kept(mosquitto.url, STATUS).get(STATUS)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("link", ["slow", "silent"])
def test_an_end_that_was_not_heard_speaks_the_will(
    mosquitto: Mosquitto, tmp_path: Path, version: Version, link: str
) -> None:
    """Over a link too slow for all that waits, or that passes nothing, no status stays online."""
    with (
        Proxy(mosquitto.port) as proxy,
        Outbox(tmp_path / "o.db") as outbox,
    ):
        dialer = dialer_for(proxy.url, version)
        publisher = MqttPublisher(dialer, outbox, unexpected, Backoff(0.05, 0.2))
        with publisher:
            publisher.retain(STATUS, b"online")
            assert publisher.flush(60)
            if link == "slow":
                proxy.pace(30_000)
            else:
                proxy.stall()
            for _ in range(150):
                publisher.publish("a", "r/a", lambda seq: bytes(1000))
            # All that may be in flight is: the last words must wait.
            wait_until(lambda: publisher.session is not None and publisher.session.busy, "it")
            publisher.retain(STATUS, b"stopped")
            assert not publisher.flush(0.5)
        assert retained(mosquitto) == b"online"
        if link == "silent":
            proxy.mend()
        wait_until(lambda: retained(mosquitto) in (b"gone", b"stopped"), "the status")
        wait_until(lambda: not publisher.running, "the thread ends")


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_an_end_that_was_heard_speaks_no_will(
    mosquitto: Mosquitto, tmp_path: Path, version: Version
) -> None:
    """Must not fire: the last words were acknowledged."""
    with Outbox(tmp_path / "o.db") as outbox:
        dialer = dialer_for(mosquitto.url, version)
        with MqttPublisher(dialer, outbox, unexpected, Backoff(0.05, 0.2)) as publisher:
            publisher.retain(STATUS, b"stopped")
            assert publisher.flush(60)
    assert retained(mosquitto) == b"stopped"


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_session_may_be_closed_with_its_will(mosquitto: Mosquitto, version: Version) -> None:
    """The broker speaks it at once, and closing a second time does no harm."""
    session: Session = dialer_for(mosquitto.url, version).dial()
    assert session.version == version
    session.close(will=True)
    wait_until(lambda: retained(mosquitto) == b"gone", "the will")
    session.close(will=True)
