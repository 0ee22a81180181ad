"""What every publisher promises: order, numbers, retained states, flushing."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from brokers import Mosquitto, free_port, mosquitto_binary, wait_until
from publishers import MemoryPublisher

from edge_agent.backoff import Backoff
from edge_agent.endpoint import Broker, Credentials, parse_endpoint
from edge_agent.mqtt import Dialer, Identity, Received, Session, Will, unique_id
from edge_agent.outbox import Outbox
from edge_agent.publisher import MqttPublisher, Publisher


@dataclass
class Case:
    """A publisher, and what a subscriber sees of it."""

    publisher: Publisher
    published: Callable[[], list[tuple[str, bytes]]]
    retained: Callable[[str], bytes | None]


def unexpected(error: BaseException) -> None:
    raise AssertionError("the publisher died") from error


def make_mqtt(broker: Broker, outbox: Outbox, will: Will | None = None) -> MqttPublisher:
    dialer = Dialer(broker, Identity(unique_id("test"), will))
    return MqttPublisher(dialer, outbox, unexpected, Backoff(0.05, 0.2))


def listen(url: str, topic: str = "#", client_id: str | None = None) -> Session:
    identity = Identity(client_id or unique_id("test"), persistent=client_id is not None)
    session = Dialer(Broker(parse_endpoint(url)), identity).dial()
    session.subscribe([topic])
    return session


def received(session: Session, timeout_s: float = 0.2) -> list[tuple[str, bytes]]:
    """What comes until nothing comes for `timeout_s`."""
    found = []
    while events := list(session.events(timeout_s)):
        for event in events:
            if isinstance(event, Received):
                found.append((event.topic, event.payload))
                session.ack(event)
    return found


@pytest.fixture(name="case", params=["memory", "mqtt"])
def _case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    if request.param == "memory":
        memory = MemoryPublisher()
        with memory:
            yield Case(memory, lambda: memory.published, memory.retained.get)
        return
    mosquitto: Mosquitto = request.getfixturevalue("mosquitto")
    broker = Broker(parse_endpoint(mosquitto.url))
    results = listen(mosquitto.url, "r/#")

    def retained(topic: str) -> bytes | None:
        session = listen(mosquitto.url, topic)
        found = received(session)
        session.close()
        return found[-1][1] if found else None

    with Outbox(tmp_path / "o.db") as outbox, make_mqtt(broker, outbox) as publisher:
        yield Case(publisher, lambda: received(results), retained)
    results.close()


def payload(seq: int) -> bytes:
    return b"%d" % seq


def test_messages_arrive_in_order_with_their_numbers(case: Case) -> None:
    """More messages than may be in flight at once, of two streams."""
    for number in range(100):
        stream = "ab"[number % 2]
        assert case.publisher.publish(stream, f"r/{stream}", payload) == number // 2 + 1
    assert case.publisher.flush(10)
    assert case.published() == [(f"r/{'ab'[n % 2]}", b"%d" % (n // 2 + 1)) for n in range(100)]


def test_only_the_newest_state_is_retained(case: Case) -> None:
    """A subscriber that comes later sees the last of many states."""
    for number in range(50):
        case.publisher.retain("s/a", b"%d" % number)
    case.publisher.retain("s/b", b"other")
    assert case.publisher.flush(10)
    assert case.retained("s/a") == b"49"
    assert case.retained("s/b") == b"other"


def test_results_are_not_retained(case: Case) -> None:
    """Must not fire: a subscriber that comes later sees no old result."""
    case.publisher.publish("a", "r/a", payload)
    assert case.publisher.flush(10)
    assert case.retained("r/a") is None


def test_flushing_with_nothing_to_do_is_done(case: Case) -> None:
    """An idle publisher is settled."""
    assert case.publisher.flush(5)


def test_connections_are_counted(case: Case) -> None:
    """Once everything is delivered the broker has been reached once."""
    case.publisher.publish("a", "r/a", payload)
    assert case.publisher.flush(10)
    assert case.publisher.connections == 1


def test_what_was_not_delivered_waits_for_the_next_start(tmp_path: Path) -> None:
    """Without a broker, publishing neither fails nor blocks, and flushing says no."""
    nobody = Broker(parse_endpoint(f"mqtt://127.0.0.1:{free_port()}"))
    with Outbox(tmp_path / "o.db") as outbox:
        with make_mqtt(nobody, outbox) as publisher:
            assert publisher.publish("a", "r/a", payload) == 1
            assert not publisher.flush(0.2)
        assert outbox.state().depth == 1


def test_what_waited_is_delivered_when_the_broker_comes(tmp_path: Path) -> None:
    """The broker starts after the publisher; all comes, in order."""
    broker = Mosquitto(tmp_path, mosquitto_binary(), ("persistence true",))
    with (
        Outbox(tmp_path / "o.db") as outbox,
        make_mqtt(Broker(parse_endpoint(broker.url)), outbox) as publisher,
    ):
        for _ in range(30):
            publisher.publish("a", "r/a", payload)
        publisher.retain("s/a", b"here")
        assert not publisher.flush(0.1)
        broker.start()
        try:
            assert publisher.flush(10)
            session = listen(broker.url, "s/#")
            assert received(session) == [("s/a", b"here")]
            session.close()
        finally:
            broker.kill()


def test_the_last_will_is_spoken_when_a_client_dies(mosquitto: Mosquitto) -> None:
    """A connection that ends without a goodbye leaves its will, retained."""
    broker = Broker(parse_endpoint(mosquitto.url))
    session = Dialer(broker, Identity("dying", Will("s/will", b"gone"))).dial()
    sock = session._client.socket()
    assert sock is not None
    sock.close()

    def spoken() -> bool:
        watcher = listen(mosquitto.url, "s/will")
        found = received(watcher, 0.05)
        watcher.close()
        return found == [("s/will", b"gone")]

    wait_until(spoken, "the last will is there")
    session.close()


def test_leaving_in_good_order_speaks_no_will(mosquitto: Mosquitto) -> None:
    """Must not fire: a client that says goodbye."""
    broker = Broker(parse_endpoint(mosquitto.url))
    Dialer(broker, Identity("polite", Will("s/will", b"gone"))).dial().close()
    watcher = listen(mosquitto.url, "s/will")
    assert received(watcher) == []
    watcher.close()


def test_a_refused_connection_is_not_a_connection(
    mosquitto_factory: Callable[..., Mosquitto],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A broker that wants a password: nothing counts as sent, and the log says why."""
    mosquitto = mosquitto_factory("allow_anonymous false")
    broker = Broker(parse_endpoint(mosquitto.url), Credentials("me", "hunter2"))
    with (
        caplog.at_level(logging.WARNING, "edge_agent"),
        Outbox(tmp_path / "o.db") as outbox,
        make_mqtt(broker, outbox) as publisher,
    ):
        publisher.publish("a", "r/a", payload)
        wait_until(lambda: "refuses this client: Not authorized" in caplog.text, "the log")
        assert not publisher.flush(0.1)
        assert publisher.connections == 0
        assert outbox.state().depth == 1
    assert "hunter2" not in caplog.text


def test_a_refused_message_is_kept_and_complained_about(
    mosquitto_factory: Callable[..., Mosquitto],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A broker whose rules forbid the topic: nothing is forgotten in silence."""
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite other/#\n")
    mosquitto = mosquitto_factory(f"acl_file {rules}")
    broker = Broker(parse_endpoint(mosquitto.url))
    with (
        caplog.at_level(logging.WARNING, "edge_agent"),
        Outbox(tmp_path / "o.db") as outbox,
        make_mqtt(broker, outbox) as publisher,
    ):
        publisher.publish("a", "r/a", payload)
        complaint = "the broker refuses a message on r/a: Not authorized"
        wait_until(lambda: complaint in caplog.text, "the log")
        assert outbox.state().depth == 1


def test_a_broken_outbox_is_reported(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """The publisher's thread does not die in silence."""
    errors: list[BaseException] = []
    outbox = Outbox(tmp_path / "o.db")
    broker = Broker(parse_endpoint(mosquitto.url))
    publisher = MqttPublisher(Dialer(broker, Identity("test")), outbox, errors.append)
    with publisher:
        publisher.retain("s/a", b"1")
        assert publisher.flush(10)
        outbox.close()
        publisher.retain("s/a", b"2")
        wait_until(lambda: bool(errors), "the report")
    assert "o.db" in str(errors[0])
