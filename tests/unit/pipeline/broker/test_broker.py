"""`pipeline.broker.broker`: every kind of broker takes real clients, and ends with its owner."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_agent.common.errors import BrokerError
from edge_agent.mqtt.endpoint import Endpoint
from pipeline.broker import broker as module
from pipeline.broker.broker import embedded_broker, mosquitto_broker, running_broker
from pipeline.broker.mosquitto import find_mosquitto

needs_mosquitto = pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")


def _exchange(endpoint: Endpoint, version: MQTTProtocolVersion, count: int = 20) -> list[bytes]:
    """Publish numbers at QoS 1 and return what a subscriber received, in order."""
    received: list[bytes] = []
    subscribed, complete = threading.Event(), threading.Event()

    def on_message(_client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        received.append(bytes(message.payload))
        if len(received) == count:
            complete.set()

    subscriber = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
    subscriber.on_subscribe = lambda *_: subscribed.set()
    subscriber.on_message = on_message
    publisher = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
    clients = (subscriber, publisher)
    try:
        for client in clients:
            client.connect(endpoint.host, endpoint.port)
            client.loop_start()
        subscriber.subscribe("test/#", qos=1)
        assert subscribed.wait(60)
        for number in range(count):
            publisher.publish("test/number", str(number), qos=1)
        complete.wait(60)
    finally:
        for client in clients:
            client.disconnect()
            client.loop_stop()
    return received


def _listening(endpoint: Endpoint) -> bool:
    try:
        socket.create_connection((endpoint.host, endpoint.port), timeout=1).close()
    except OSError:
        return False
    return True


NUMBERS = [str(number).encode() for number in range(20)]


@needs_mosquitto
@pytest.mark.broker
def test_mosquitto_speaks_mqtt_5_and_is_gone_afterwards(capfd: pytest.CaptureFixture[str]) -> None:
    """With mosquitto installed, a v5 client's messages arrive; then the port is closed."""
    with running_broker() as broker:
        assert broker.kind == "mosquitto"
        assert _exchange(broker.endpoint, paho.MQTTv5) == NUMBERS
    assert not _listening(broker.endpoint)
    assert capfd.readouterr() == ("", "")


def test_embedded_broker_steps_in_where_mosquitto_is_missing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without mosquitto, a 3.1.1 client's messages arrive, and nothing is printed."""
    monkeypatch.setattr(module, "find_mosquitto", lambda: None)
    with running_broker() as broker:
        assert broker.kind == "embedded"
        assert _exchange(broker.endpoint, paho.MQTTv311) == NUMBERS
    assert not _listening(broker.endpoint)
    assert capfd.readouterr() == ("", "")


def test_the_users_broker_is_taken_as_it_is() -> None:
    """A URL starts nothing: its address comes back, whether or not something listens."""
    with running_broker("mqtts://broker.example:8884") as broker:
        assert broker.kind == "given"
        assert str(broker.endpoint) == "mqtts://broker.example:8884"


def test_a_url_that_is_no_brokers_is_refused() -> None:
    """The error says which addresses are understood."""
    expected = (
        r"^broker url: expected mqtt://HOST\[:PORT\] or mqtts://HOST\[:PORT\], "
        r"found 'http://broker.example'$"
    )
    with pytest.raises(BrokerError, match=expected), running_broker("http://broker.example"):
        pass


def test_a_broker_that_ends_at_once_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    """A program that fails to start is named by address, status and its last line."""
    program = tmp_path / "mosquitto"
    program.write_text("#!/bin/sh\necho 'first line' >&2\necho 'no such option' >&2\nexit 3\n")
    program.chmod(0o755)
    expected = (
        r"^broker mqtt://127.0.0.1:\d+: expected it to start, "
        r"found its end with status 3 \(no such option\)$"
    )
    with pytest.raises(BrokerError, match=expected), mosquitto_broker(str(program)):
        pass


def test_a_broker_that_never_answers_is_an_error_and_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that runs but does not listen is given up on, and not left running."""
    pid_file = tmp_path / "pid"
    program = tmp_path / "mosquitto"
    program.write_text(f"#!/bin/sh\necho $$ > {pid_file}\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(module, "START_TIMEOUT_S", 1.0)
    expected = "expected it to start, found no answer"
    with pytest.raises(BrokerError, match=expected), mosquitto_broker(str(program)):
        pass
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


@contextmanager
def _owner(kind: str) -> Iterator[tuple[subprocess.Popen[bytes], Endpoint]]:
    """A command in a process group of its own that runs a broker, and its address."""
    opened = (
        "embedded_broker()" if kind == "embedded" else f"mosquitto_broker({find_mosquitto()!r})"
    )
    program = (
        "import signal, time\nfrom pipeline.broker.broker import *\n"
        "signal.signal(signal.SIGINT, lambda *_: None)\n"
        f"with {opened} as broker:\n"
        "    print(broker.endpoint.port, flush=True)\n    time.sleep(60)\n"
    )
    root = Path(module.__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=root, start_new_session=True
    ) as owner:
        assert owner.stdout is not None
        endpoint = Endpoint("127.0.0.1", int(owner.stdout.readline()), tls=False)
        assert _listening(endpoint)
        try:
            yield owner, endpoint
        finally:
            owner.kill()


KINDS = ["embedded", pytest.param("mosquitto", marks=needs_mosquitto)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_broker_ends_with_a_killed_owner(kind: str) -> None:
    """Not even a kill -9 of the command leaves its broker behind."""
    with _owner(kind) as (owner, endpoint):
        owner.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while _listening(endpoint):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_a_broker_outlasts_the_terminals_interrupt(kind: str) -> None:
    """Ctrl-C reaches the whole process group; a command that goes on still has its broker."""
    with _owner(kind) as (owner, endpoint):
        os.killpg(owner.pid, signal.SIGINT)
        for _ in range(3):
            assert _exchange(endpoint, paho.MQTTv311) == NUMBERS
        assert owner.poll() is None


def test_two_embedded_brokers_run_side_by_side() -> None:
    """Two embedded brokers run side by side on ports of their own."""
    with embedded_broker() as one, embedded_broker() as other:
        assert one.endpoint != other.endpoint
        assert _exchange(one.endpoint, paho.MQTTv311, 3) == NUMBERS[:3]
        assert _exchange(other.endpoint, paho.MQTTv311, 3) == NUMBERS[:3]
