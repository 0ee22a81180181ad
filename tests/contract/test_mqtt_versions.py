"""Brokers that speak only MQTT 3.1.1, that hang up, or that say nothing."""

import asyncio
import contextlib
import gc
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.brokers import Mosquitto, free_port, wait_until
from support.proxy import Proxy
from support.publishers import fail
from support.received import received

from edge_agent.client import Subscriber
from edge_agent.common.backoff import Backoff
from edge_agent.common.errors import BrokerError
from edge_agent.contract.messages import StatusMessage, encode_message
from edge_agent.contract.topics import Topics
from edge_agent.mqtt import dialer as mqtt
from edge_agent.mqtt.dialer import ConnectionLost, Dialer, Identity, Options, VersionError
from edge_agent.mqtt.endpoint import Broker, parse_endpoint
from edge_agent.mqtt.values import Version
from edge_agent.outbox.outbox import Outbox
from edge_agent.publish.publisher import MqttPublisher


@contextmanager
def amqtt_broker() -> Iterator[str]:
    """A real broker that knows MQTT 3.1.1 only."""
    pytest.importorskip("amqtt", reason="the embedded broker is the host's; it is not here")
    from amqtt.broker import Broker as Amqtt

    port = free_port()
    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    started, loop = threading.Event(), asyncio.new_event_loop()
    quit_now = asyncio.Event()

    async def serve() -> None:
        broker = Amqtt(config, loop=loop)
        await broker.start()
        started.set()
        await quit_now.wait()
        await broker.shutdown()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    try:
        assert started.wait(60)
        yield f"mqtt://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(quit_now.set)
        thread.join(10)
        loop.close()


@contextmanager
def tcp_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Something that listens, and does `answer` with every connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"mqtt://127.0.0.1:{server.getsockname()[1]}"
        done.set()
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def dialer(url: str) -> Dialer:
    return Dialer(Broker(parse_endpoint(url)), Identity("test"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_an_old_broker_is_spoken_to_in_its_own_version(tmp_path: Path) -> None:
    """Publisher and subscriber meet on a 3.1.1 broker, results and states alike."""
    status = StatusMessage(device="gate", boot="b", state="online", version="1", streams=())
    with amqtt_broker() as url:
        talker = dialer(url)
        session = talker.dial()
        assert session.version == "3.1.1"
        session.close()
        with (
            Subscriber(url) as subscriber,
            Outbox(tmp_path / "o.db") as outbox,
            MqttPublisher(talker, outbox, fail, Backoff(0.05, 0.2)) as publisher,
        ):
            publisher.retain(Topics("gate").status, encode_message(status))
            assert publisher.flush(60)
            delivery = subscriber.receive(60)
            assert delivery is not None
            assert delivery.message == status


def test_a_new_broker_is_spoken_to_in_version_5(mosquitto: Mosquitto) -> None:
    """Must not fire: no fallback where none is needed."""
    session = dialer(mosquitto.url).dial()
    assert session.version == "5"
    session.close()


def test_a_broker_that_hangs_up_was_asked_in_both_versions() -> None:
    """Each connection is closed on CONNECT: the error says so, and v5 is tried again next time."""
    protocols: list[int] = []

    def hang_up(connection: socket.socket) -> None:
        packet = connection.recv(100)
        protocols.append(packet[packet.index(b"MQTT") + 4])

    with tcp_server(hang_up) as url:
        talker = dialer(url)
        for _ in range(2):
            with pytest.raises(VersionError, match="hung up on CONNECT"):
                talker.dial()
    assert protocols == [5, 4, 5, 4]


def test_the_version_of_a_broker_is_remembered_until_it_fails() -> None:
    """3.1.1 at once the third time; after a failure another broker may stand there."""
    protocols: list[int] = []
    there = threading.Event()
    there.set()

    def old_broker(connection: socket.socket) -> None:
        packet = connection.recv(100)
        protocols.append(packet[packet.index(b"MQTT") + 4])
        if there.is_set() and protocols[-1] == 4:
            connection.sendall(b"\x20\x02\x00\x00")  # CONNACK: accepted
            connection.recv(100)

    with tcp_server(old_broker) as url:
        talker = dialer(url)
        for _ in range(3):
            talker.dial().close()
        there.clear()
        for _ in range(2):
            with pytest.raises(VersionError):
                talker.dial()
    assert protocols == [5, 4, 5, 4, 4, 4, 5, 4]


def test_a_link_that_breaks_on_connect_is_no_old_broker(mosquitto: Mosquitto) -> None:
    """Once it is spoken to in 3.1.1; the next time in version 5 again."""
    with Proxy(mosquitto.port) as proxy:
        talker = dialer(proxy.url)
        proxy.cut()
        connect, versions = mqtt.Session.__init__, []

        def mended(
            session: mqtt.Session,
            broker: Broker,
            identity: Identity,
            version: Version,
            patience: float,
        ) -> None:
            if version == "3.1.1":
                proxy.mend()
            connect(session, broker, identity, version, patience)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mqtt.Session, "__init__", mended)
            for _ in range(2):
                session = talker.dial()
                versions.append(session.version)
                session.close()
    assert versions == ["3.1.1", "5"]


@pytest.fixture(name="hasty")
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """All waits a seventh or so, so that a slow link is one of a second."""
    monkeypatch.setattr(mqtt, "V5_ANSWER_TIMEOUT_S", 0.3)
    monkeypatch.setattr(mqtt, "CONNECT_TIMEOUT_S", 0.75)
    monkeypatch.setattr(mqtt, "ANSWER_TIMEOUT_S", 6.0)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("lag_s", [0.12, 0.3, 0.9])
def test_a_slow_link_is_waited_for_and_spoken_to_in_version_5(
    mosquitto: Mosquitto, lag_s: float
) -> None:
    """An answer after six times the first patience, or just behind it in either version."""
    with Proxy(mosquitto.port) as proxy:
        proxy.lag(lag_s)
        talker = dialer(proxy.url)
        for _ in range(2):
            session = talker.dial()
            assert session.version == "5"
            session.subscribe(["a"], echo=True)
            session.publish("a", b"heard")
            assert received(session, 1) == [("a", b"heard")]
            session.close()
        accepted = proxy.accepted
        talker.dial().close()
        # What is known to be slow is asked once.
        assert proxy.accepted == accepted + 1


@pytest.mark.usefixtures("hasty")
def test_an_old_broker_behind_a_slow_link_is_found_out() -> None:
    """It is silent in version 5 for longer than its answer in 3.1.1 takes: that is proof."""
    protocols: list[int] = []

    def old_and_slow(connection: socket.socket) -> None:
        packet = connection.recv(100)
        protocols.append(packet[packet.index(b"MQTT") + 4])
        if protocols[-1] == 4:
            time.sleep(0.45)
            connection.sendall(b"\x20\x02\x00\x00")  # CONNACK: accepted
        connection.settimeout(5)
        while connection.recv(100):
            pass

    with tcp_server(old_and_slow) as url:
        session = dialer(url).dial()
        assert session.version == "3.1.1"
        session.close()
    assert protocols == [5, 4, 5, 4]


def test_a_link_slower_than_the_keepalive_connects(mosquitto: Mosquitto) -> None:
    """Paho itself would hang up on a broker that has not answered CONNECT by then."""
    with Proxy(mosquitto.port) as proxy:
        proxy.lag(1.2)
        slow = Broker(parse_endpoint(proxy.url), keepalive_s=1)
        session = mqtt.Session(slow, Identity("slow"), "5")
        assert session.answered_s > 2
        assert session._client._keepalive == slow.keepalive_s
        session.close()


@pytest.mark.parametrize(("code", "taken"), [(b"\x8e", True), (b"\x8b", False)])
def test_a_broker_may_say_that_another_has_taken_the_session_over(code: bytes, taken: bool) -> None:
    """MQTT 5's DISCONNECT with 0x8E; and with another reason (it shuts down), which is none."""

    def driving_out(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"\x20\x03\x00\x00\x00" + b"\xe0\x01" + code)  # CONNACK, DISCONNECT
        connection.recv(100)

    with tcp_server(driving_out) as url:
        session = dialer(url).dial()
        (lost,) = session.events(60)
        session.close()
    assert isinstance(lost, ConnectionLost)
    assert lost.taken_over == taken


def started_since(before: set[threading.Thread]) -> set[threading.Thread]:
    """Threads now alive that were not then: a count would miss one that ended meanwhile."""
    return set(threading.enumerate()) - before


def test_a_broker_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent peer costs four timeouts and leaves no thread behind."""
    monkeypatch.setattr(mqtt, "CONNECT_TIMEOUT_S", 0.2)
    monkeypatch.setattr(mqtt, "V5_ANSWER_TIMEOUT_S", 0.2)
    monkeypatch.setattr(mqtt, "ANSWER_TIMEOUT_S", 0.3)
    before = set(threading.enumerate())
    ended = threading.Event()

    def silent(connection: socket.socket) -> None:
        ended.wait(10)

    with tcp_server(silent) as url:
        with pytest.raises(BrokerError) as caught:
            dialer(url).dial()
        assert str(caught.value) == f"{url}: expected an answer to CONNECT, found none"
        # Only the server's own thread is left, though it still says nothing.
        wait_until(lambda: len(started_since(before)) == 1, "paho's threads end")
        ended.set()


def test_leaving_a_broker_that_has_fallen_silent_takes_no_keepalive() -> None:
    """A goodbye that cannot be sent, behind what nobody reads, must not hold the agent's end."""
    before = set(threading.enumerate())
    ended = threading.Event()

    def fall_silent(connection: socket.socket) -> None:
        if connection.recv(100)[8] == 4:  # the version in CONNECT
            connection.sendall(b"\x20\x02\x00\x00")
            ended.wait(60)

    with tcp_server(fall_silent) as url:
        session = dialer(url).dial()
        session.publish("a", bytes(32 * 1024 * 1024))  # more than the sockets' buffers
        leaving = threading.Thread(target=session.close, daemon=True)
        leaving.start()
        leaving.join(20)  # a keepalive lasts longer
        assert not leaving.is_alive()
        wait_until(lambda: len(started_since(before)) == 1, "all threads but the server's end")
        ended.set()


def test_nobody_there_is_said_clearly() -> None:
    """The endpoint and the reason."""
    url = f"mqtt://127.0.0.1:{free_port()}"
    with pytest.raises(BrokerError, match=f"^{url}: cannot be reached: .*refused"):
        dialer(url).dial()


def test_a_subscriber_says_at_once_that_nobody_is_there() -> None:
    """`edgeward watch` with a wrong address ends, it does not wait for ever."""
    with (
        pytest.raises(BrokerError, match="cannot be reached"),
        Subscriber(f"mqtt://127.0.0.1:{free_port()}"),
    ):
        pass


def test_a_subscriber_whose_patience_ends_while_the_broker_is_away_goes_on_later(
    mosquitto: Mosquitto,
) -> None:
    """A timeout during the absence is no end: the next call finds the broker again."""
    status = StatusMessage(device="gate", boot="b", state="online", version="1", streams=())
    with Subscriber(mosquitto.url, "gate") as subscriber:
        mosquitto.kill()
        assert subscriber.receive(0.1) is None
        mosquitto.start()
        session = dialer(mosquitto.url).dial()
        session.publish(Topics("gate").result("x"), b"")
        assert list(session.events(60))
        session.publish(Topics("gate").status, encode_message(status), Options(retain=True))
        delivery = subscriber.receive(60)
        session.close()
    assert delivery is not None
    assert delivery.message == status


def test_a_subscriber_that_was_not_entered_says_so() -> None:
    """A mistake in a program is not silence."""
    with pytest.raises(BrokerError, match="must be entered before it receives"):
        Subscriber("mqtt://localhost").receive(0.1)


def test_a_malformed_message_is_counted_and_passed_over(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody else's words on our topics do not end a subscriber."""
    url = mosquitto.url
    status = StatusMessage(device="gate", boot="b", state="online", version="1", streams=())
    with Subscriber(url, "gate") as subscriber, caplog.at_level(logging.WARNING, "edge_agent"):
        session = dialer(url).dial()
        session.publish(Topics("gate").status, b"online")
        session.publish(Topics("other").status, encode_message(status))
        session.publish(Topics("gate").status, encode_message(status))
        delivery = subscriber.receive(60)
        session.close()
        assert delivery is not None
        assert delivery.message == status
        assert subscriber.malformed == 1
        assert subscriber.receive(0.1) is None
    assert "ignored a message: edgeward/gate/status: " in caplog.text


def open_files() -> set[str]:
    """What this process has open; a file that is opened anew is another."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # what the folder itself was read by
            found.add(str(entry.readlink()))
    return found


# Sockets that other tests have left behind, and Python closes here, are none of ours.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_session_that_is_over_leaves_no_file_open(mosquitto: Mosquitto) -> None:
    """Neither a connection nor an attempt in vain waits for Python to look for rings."""
    absent = dialer(f"mqtt://127.0.0.1:{free_port()}")

    def come_and_go() -> None:
        session = dialer(mosquitto.url).dial()
        session.subscribe(["a"])
        session.close()
        with pytest.raises(BrokerError):
            absent.dial()

    come_and_go()
    gc.collect()
    gc.disable()
    try:
        before = open_files()
        come_and_go()
        # The broker closes its end when it likes; ours is closed when we say so.
        assert open_files() <= before
    finally:
        gc.enable()
