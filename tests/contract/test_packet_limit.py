"""A broker that says how long a packet may be: what is longer holds nothing up."""

import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from support.brokers import Mosquitto, wait_until
from support.received import received

from edge_agent.common.backoff import Backoff
from edge_agent.mqtt.dialer import Dialer, Identity, Session, unique_id
from edge_agent.mqtt.endpoint import Broker, parse_endpoint
from edge_agent.mqtt.values import Options
from edge_agent.outbox.outbox import Outbox, OutboxState
from edge_agent.publish.publisher import MqttPublisher

LIMIT = 2000


@pytest.fixture(name="strict")
def _strict(mosquitto_factory: Callable[..., Mosquitto]) -> Mosquitto:
    return mosquitto_factory(f"max_packet_size {LIMIT}")


def unexpected(error: BaseException) -> None:
    raise AssertionError("the publisher died") from error


def make(mosquitto: Mosquitto, outbox: Outbox) -> MqttPublisher:
    broker = Broker(parse_endpoint(mosquitto.url))
    dialer = Dialer(broker, Identity(unique_id("test")))
    return MqttPublisher(dialer, outbox, unexpected, Backoff(0.05, 0.2))


def listen(mosquitto: Mosquitto) -> Session:
    broker = Broker(parse_endpoint(mosquitto.url))
    session = Dialer(broker, Identity(unique_id("test"))).dial()
    session.subscribe(["#"])
    return session


def test_a_state_that_is_too_long_holds_nothing_up(
    strict: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is left out with one warning; the other states, answers and results come."""
    session = listen(strict)
    with (
        caplog.at_level(logging.WARNING, "edge_agent"),
        Outbox(tmp_path / "o.db") as outbox,
        make(strict, outbox) as publisher,
    ):
        wait_until(lambda: publisher.connections == 1, "a connection")
        publisher.retain("s/snapshot", bytes(LIMIT))
        publisher.retain("s/status", b"online")
        publisher.say("q/1", bytes(LIMIT), b"42")
        publisher.say("q/2", b"yes")
        publisher.publish("a", "r/a", lambda seq: b"%d" % seq)
        assert publisher.flush(60)
        assert publisher.connections == 1
    heard = sorted(received(session, 3, 0.5))
    assert heard == [("q/2", b"yes"), ("r/a", b"1"), ("s/status", b"online")]
    session.close()
    assert [record.getMessage() for record in caplog.records] == [
        f"{topic}: expected packets of at most {LIMIT} bytes, as the broker says, "
        f"found a payload of {LIMIT}; it is not sent"
        for topic in ("s/snapshot", "q/1")
    ]


def test_flushing_notices_what_was_left_out(strict: Mosquitto, tmp_path: Path) -> None:
    """Nothing is acknowledged after it, and still all is settled."""
    with Outbox(tmp_path / "o.db") as outbox, make(strict, outbox) as publisher:
        publisher.retain("s/snapshot", bytes(LIMIT))
        assert publisher.flush(60)


def padded(size: int, seq: int) -> bytes:
    """`seq` in decimal, with zeros before it up to `size` bytes."""
    return b"%0*d" % (size, seq)


def test_a_result_that_is_too_long_is_given_up_and_counted(
    strict: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What follows it comes, with a gap in the numbers; the log and the counts say so."""
    session = listen(strict)
    with (
        caplog.at_level(logging.WARNING, "edge_agent"),
        Outbox(tmp_path / "o.db") as outbox,
    ):
        for size in (10, LIMIT, 10):
            outbox.append("a", "r/a", partial(padded, size))
        with make(strict, outbox) as publisher:
            assert publisher.flush(60)
            assert publisher.connections == 1
        assert outbox.state() == OutboxState(0, 0, 1)
        assert outbox.evictions() == {"a": 1}
    with Outbox(tmp_path / "o.db") as outbox:
        assert outbox.state() == OutboxState(0, 0, 1)
        assert outbox.append("a", "r/a", lambda seq: b"") == 4
    assert [int(text) for _, text in received(session, 2, 0.5)] == [1, 3]
    session.close()
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().endswith(f"found a payload of {LIMIT}; the result is given up")


def test_what_just_fits_is_sent(strict: Mosquitto) -> None:
    """Must not fire: the longest message that counts as fitting is taken by the broker."""
    watcher = listen(strict)
    session = Dialer(Broker(parse_endpoint(strict.url)), Identity(unique_id("test"))).dial()
    correlation = b"42"
    size = next(n for n in range(LIMIT, 0, -1) if session.fits("r/ä", bytes(n), correlation))
    assert size > LIMIT - 50
    session.publish("r/ä", bytes(size), Options(expires_s=60, correlation=correlation))
    assert received(watcher, 1, 0.5) == [("r/ä", bytes(size))]
    session.close()
    watcher.close()


def test_a_broker_that_says_no_limit_takes_everything(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Must not fire: a long state reaches a broker without a limit."""
    long = json.dumps("x" * 300_000).encode()
    session = listen(mosquitto)
    with Outbox(tmp_path / "o.db") as outbox, make(mosquitto, outbox) as publisher:
        publisher.retain("s/snapshot", long)
        assert publisher.flush(60)
    assert received(session, 1, 0.5) == [("s/snapshot", long)]
    session.close()
