"""What every publisher promises: order, numbers, retained states, flushing."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from support.brokers import Mosquitto, free_port, mosquitto_binary, wait_until
from support.kept import kept
from support.publishers import MemoryPublisher
from support.received import received

from edge_agent.common.backoff import Backoff
from edge_agent.mqtt.dialer import Dialer, Identity, Received, Session, Will, unique_id
from edge_agent.mqtt.endpoint import Broker, Credentials, parse_endpoint
from edge_agent.outbox.outbox import Lane, Outbox
from edge_agent.publish.publisher import MqttPublisher, Publisher


@dataclass
class Case:
    """A publisher, and what a subscriber sees of it, who waits for so many messages."""

    publisher: Publisher
    published: Callable[[int], list[tuple[str, bytes]]]
    retained: Callable[[str], bytes | None]


def unexpected(error: BaseException) -> None:
    raise AssertionError("the publisher died") from error


def make_mqtt(
    broker: Broker, outbox: Outbox, will: Will | None = None, backoff: Backoff | None = None
) -> MqttPublisher:
    dialer = Dialer(broker, Identity(unique_id("test"), will))
    return MqttPublisher(dialer, outbox, unexpected, backoff or Backoff(0.05, 0.2))


def listen(url: str, topic: str = "#", client_id: str | None = None) -> Session:
    identity = Identity(client_id or unique_id("test"), persistent=client_id is not None)
    session = Dialer(Broker(parse_endpoint(url)), identity).dial()
    session.subscribe([topic])
    return session


@pytest.fixture(name="case", params=["memory", "mqtt"])
def _case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    if request.param == "memory":
        memory = MemoryPublisher()
        with memory:
            yield Case(memory, lambda count: memory.published, memory.retained.get)
        return
    mosquitto: Mosquitto = request.getfixturevalue("mosquitto")
    broker = Broker(parse_endpoint(mosquitto.url))
    results = listen(mosquitto.url, "r/#")

    def retained(topic: str) -> bytes | None:
        return kept(mosquitto.url, topic).get(topic)

    with Outbox(tmp_path / "o.db") as outbox, make_mqtt(broker, outbox) as publisher:
        yield Case(publisher, lambda count: received(results, count), retained)
    results.close()


def payload(seq: int) -> bytes:
    return b"%d" % seq


def test_messages_arrive_in_order_with_their_numbers(case: Case) -> None:
    """More messages than may be in flight at once, of two streams."""
    for number in range(100):
        stream = "ab"[number % 2]
        assert case.publisher.publish(stream, f"r/{stream}", payload) == number // 2 + 1
    assert case.publisher.flush(60)
    wanted = [(f"r/{'ab'[n % 2]}", b"%d" % (n // 2 + 1)) for n in range(100)]
    assert case.published(len(wanted)) == wanted


def test_only_the_newest_state_is_retained(case: Case) -> None:
    """A subscriber that comes later sees the last of many states."""
    for number in range(50):
        case.publisher.retain("s/a", b"%d" % number)
    case.publisher.retain("s/b", b"other")
    assert case.publisher.flush(60)
    assert case.retained("s/a") == b"49"
    assert case.retained("s/b") == b"other"


def test_results_are_not_retained(case: Case) -> None:
    """Must not fire: a subscriber that comes later sees no old result."""
    case.publisher.publish("a", "r/a", payload)
    assert case.publisher.flush(60)
    assert case.retained("r/a") is None


def test_flushing_with_nothing_to_do_is_done(case: Case) -> None:
    """An idle publisher is settled."""
    assert case.publisher.flush(60)


def test_connections_are_counted(case: Case) -> None:
    """Once everything is delivered the broker has been reached once."""
    case.publisher.publish("a", "r/a", payload)
    assert case.publisher.flush(60)
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
            assert publisher.flush(60)
            session = listen(broker.url, "s/#")
            assert received(session, 1) == [("s/a", b"here")]
            session.close()
        finally:
            broker.kill()


def test_states_are_said_again_to_a_broker_that_forgot_them(tmp_path: Path) -> None:
    """One without a memory, killed and started: what stood there before stands there again."""
    broker = Mosquitto(tmp_path, mosquitto_binary())
    broker.start()
    try:
        with (
            Outbox(tmp_path / "o.db") as outbox,
            make_mqtt(Broker(parse_endpoint(broker.url)), outbox) as publisher,
        ):
            publisher.retain("s/status", b"online")
            publisher.retain("homeassistant/device/x/config", b"{}")
            assert publisher.flush(60)
            broker.kill()
            wait_until(lambda: publisher.session is None, "the loss is noticed")
            broker.start()
            wait_until(lambda: publisher.connections == 2, "another connection")
            assert publisher.flush(60)
            assert kept(broker.url) == {
                "s/status": b"online",
                "homeassistant/device/x/config": b"{}",
            }
    finally:
        broker.kill()


def test_the_last_will_is_spoken_when_a_client_dies(mosquitto: Mosquitto) -> None:
    """A connection that ends without a goodbye leaves its will, retained."""
    broker = Broker(parse_endpoint(mosquitto.url))
    session = Dialer(broker, Identity("dying", Will("s/will", b"gone"))).dial()
    session.drop()

    def spoken() -> bool:
        watcher = listen(mosquitto.url, "s/will")
        found = received(watcher, quiet_s=0.05)
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
    broker, backoff = Broker(parse_endpoint(mosquitto.url)), Backoff(0.05, 0.2)
    with (
        caplog.at_level(logging.WARNING, "edge_agent"),
        Outbox(tmp_path / "o.db") as outbox,
        make_mqtt(broker, outbox, backoff=backoff) as publisher,
    ):
        # What it takes is no sign that it takes results: the pauses grow all the same.
        publisher.retain("other/state", b"online")
        publisher.publish("a", "r/a", payload)
        complaint = "the broker refuses a message on r/a: Not authorized"
        wait_until(lambda: caplog.text.count(complaint) >= 3, "the log")
        assert backoff.ceiling_s == 0.2
        assert outbox.state().depth == 1


def test_a_refused_state_holds_up_no_result(
    mosquitto_factory: Callable[..., Mosquitto],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A broker whose rules forbid one topic of many: the rest goes out, and the log says which."""
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite r/#\n")
    mosquitto = mosquitto_factory(f"acl_file {rules}")
    results = listen(mosquitto.url, "r/#")
    broker = Broker(parse_endpoint(mosquitto.url))
    with (
        caplog.at_level(logging.WARNING, "edge_agent"),
        Outbox(tmp_path / "o.db") as outbox,
        make_mqtt(broker, outbox) as publisher,
    ):
        publisher.retain("homeassistant/device/x/config", b"{}")
        publisher.publish("a", "r/a", payload)
        assert publisher.flush(60)
        assert publisher.connections == 1
    assert received(results, 1) == [("r/a", b"1")]
    results.close()
    text = "the broker refuses a message on homeassistant/device/x/config: Not authorized"
    assert text in caplog.text


def test_what_waited_for_the_broker_is_marked_late(tmp_path: Path) -> None:
    """What was stored before this start and comes now is late; what follows is not."""
    broker = Mosquitto(tmp_path, mosquitto_binary(), ("persistence true",))
    result = b'{"seq":%d,"late":false}'
    with Outbox(tmp_path / "o.db") as outbox:
        outbox.append("a", "r/a", lambda seq: result % seq)
    broker.start()
    session = listen(broker.url, "r/#")
    try:
        with (
            Outbox(tmp_path / "o.db") as outbox,
            make_mqtt(Broker(parse_endpoint(broker.url)), outbox) as publisher,
        ):
            publisher.publish("a", "r/a", lambda seq: result % seq)
            assert publisher.flush(60)
        assert {text for _, text in received(session, 2)} == {
            b'{"seq":1,"late":true}',
            b'{"seq":2,"late":false}',
        }
        session.close()
    finally:
        broker.kill()


def test_a_result_expires_at_the_broker(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A subscriber that was away for longer does not get it; another stream's it does."""
    listen(mosquitto.url, "r/#", "archive").close()
    broker = Broker(parse_endpoint(mosquitto.url))
    lanes = {"a": Lane(expires_s=1)}
    with Outbox(tmp_path / "o.db", lanes=lanes) as outbox, make_mqtt(broker, outbox) as publisher:
        publisher.publish("a", "r/a", payload)
        publisher.publish("b", "r/b", payload)
        assert publisher.flush(60)
    time.sleep(2.5)
    session = listen(mosquitto.url, "r/#", "archive")
    assert received(session, 1) == [("r/b", b"1")]
    session.close()


def test_what_is_said_is_sent_once_and_not_kept(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """An answer carries its question's number; without a broker it is forgotten."""
    session = listen(mosquitto.url, "q/#")
    broker = Broker(parse_endpoint(mosquitto.url))
    with Outbox(tmp_path / "o.db") as outbox, make_mqtt(broker, outbox) as publisher:
        wait_until(lambda: publisher.connections == 1, "a connection")
        publisher.say("q/1", b"yes", b"42")
        wait_until(lambda: publisher.flush(1), "it is sent")
        (event,) = (e for e in session.events(60) if isinstance(e, Received))
        assert (event.payload, event.correlation, event.retained) == (b"yes", b"42", False)
        mosquitto.kill()
        wait_until(lambda: publisher.session is None, "the loss is noticed")
        publisher.say("q/2", b"too late")
        mosquitto.start()
        wait_until(lambda: publisher.connections == 2, "another connection")
        assert publisher.flush(60)
    session.close()
    again = listen(mosquitto.url, "q/#")
    assert received(again) == []
    again.close()


def test_a_publisher_hears_what_it_listens_for(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Also after the broker was lost, and not what it says itself."""
    heard: list[tuple[str, bytes]] = []
    broker = Broker(parse_endpoint(mosquitto.url))
    with Outbox(tmp_path / "o.db") as outbox:
        publisher = make_mqtt(broker, outbox)
        publisher.listen(["c/+"], lambda event: heard.append((event.topic, event.payload)))

        def connected(times: int) -> bool:
            return publisher.connections == times

        def came(count: int) -> bool:
            return len(heard) == count

        with publisher:
            for number in (1, 2):
                wait_until(partial(connected, number), "a connection")
                publisher.publish("a", "c/own", payload)
                session = listen(mosquitto.url, "nothing")
                session.publish("c/x", b"%d" % number)
                list(session.events(60))
                session.close()
                wait_until(partial(came, number), "it is heard")
                if number == 1:
                    mosquitto.kill()
                    mosquitto.start()
    assert heard == [("c/x", b"1"), ("c/x", b"2")]


def test_a_will_is_delayed_and_taken_back_by_a_return(mosquitto: Mosquitto) -> None:
    """A client that is back in time was never gone; one that is not, is."""
    broker = Broker(parse_endpoint(mosquitto.url))
    watcher = listen(mosquitto.url, "s/#")

    def die(delay_s: int) -> None:
        identity = Identity("flapping", Will("s/will", b"gone", delay_s))
        session = Dialer(broker, identity).dial()
        session.drop()

    die(3)
    back = Dialer(broker, Identity("flapping", Will("s/will", b"gone", 1))).dial()
    assert received(watcher, quiet_s=4.5) == []
    back.close()
    assert received(watcher, quiet_s=2) == []
    die(1)
    assert received(watcher, 1) == [("s/will", b"gone")]
    watcher.close()


def test_a_broken_outbox_is_reported(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """The publisher's thread does not die in silence."""
    errors: list[BaseException] = []
    outbox = Outbox(tmp_path / "o.db")
    broker = Broker(parse_endpoint(mosquitto.url))
    publisher = MqttPublisher(Dialer(broker, Identity("test")), outbox, errors.append)
    with publisher:
        publisher.retain("s/a", b"1")
        assert publisher.flush(60)
        outbox.close()
        publisher.retain("s/a", b"2")
        wait_until(lambda: bool(errors), "the report")
    assert "o.db" in str(errors[0])
