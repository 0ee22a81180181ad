"""An MQTT broker for as long as a command runs: the user's own, mosquitto, or an embedded one.

A broker that is started here listens on a free port of the loopback interface only, lets
anybody in, keeps nothing on disk, and ends with the process that started it: it lives
until its standard input closes, which a killed process does too.
"""

import asyncio
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from edge_agent.common.errors import BrokerError
from edge_agent.mqtt.endpoint import Endpoint, parse_endpoint
from pipeline.broker.mosquitto import (
    HOST,
    START_TIMEOUT_S,
    await_ready,
    find_mosquitto,
    free_endpoint,
    write_config,
)

Kind: TypeAlias = Literal["given", "mosquitto", "embedded"]

STOP_TIMEOUT_S = 5.0
OPEN_TO_ALL = ("allow_anonymous true", "persistence false", "log_dest stderr")


@dataclass(frozen=True)
class RunningBroker:
    """A broker that clients can connect to.

    Args:
        endpoint: its address; `str(endpoint)` is the URL.
        kind: `given` by the user, `mosquitto`, or `embedded` (speaks MQTT 3.1.1 only).
    """

    endpoint: Endpoint
    kind: Kind


@contextmanager
def running_broker(url: str | None = None) -> Iterator[RunningBroker]:
    """The broker at `url` as it is; without one mosquitto, or else the embedded broker.

    Raises:
        BrokerError: `url` is no broker's address, or a broker of our own does not start.
    """
    if url is not None:
        yield RunningBroker(broker_at(url), "given")
    elif (program := find_mosquitto()) is not None:
        with mosquitto_broker(program) as broker:
            yield broker
    else:
        with embedded_broker() as broker:
            yield broker


@contextmanager
def mosquitto_broker(program: str) -> Iterator[RunningBroker]:
    """Run the mosquitto at `program`; it speaks MQTT 5 and 3.1.1."""
    with tempfile.TemporaryDirectory(prefix="edgeward-broker-") as folder:
        endpoint = free_endpoint()
        config = write_config(Path(folder), endpoint, OPEN_TO_ALL)
        with _child(["guard", program, "-c", str(config)], endpoint, Path(folder)):
            yield RunningBroker(endpoint, "mosquitto")


@contextmanager
def embedded_broker() -> Iterator[RunningBroker]:
    """Run amqtt in a process of its own; it speaks MQTT 3.1.1 and needs no installation."""
    with tempfile.TemporaryDirectory(prefix="edgeward-broker-") as folder:
        endpoint = free_endpoint()
        with _child(["embedded", str(endpoint.port)], endpoint, Path(folder)):
            yield RunningBroker(endpoint, "embedded")


def broker_at(url: str) -> Endpoint:
    """The address in `url`, as a user gave it on the command line.

    Raises:
        BrokerError: it is no broker's address.
    """
    try:
        return parse_endpoint(url)
    except ValueError as error:
        raise BrokerError(f"broker {error}") from error


@contextmanager
def _child(arguments: Sequence[str], endpoint: Endpoint, folder: Path) -> Iterator[None]:
    """Run this module as a program until the block ends; its output goes to `folder`."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "pipeline.broker.broker", *arguments],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=Path(__file__).parents[2],  # so that -m finds the package, installed or not
            # Ctrl-C is for the command; the broker outlasts it until the command is done.
            start_new_session=True,
        )
    try:
        await_ready(process, endpoint, log, START_TIMEOUT_S)
        yield
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _guard(command: Sequence[str]) -> int:
    """Run `command` until it ends or standard input closes."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def end_with_input() -> None:
        sys.stdin.read()
        process.terminate()

    threading.Thread(target=end_with_input, daemon=True).start()
    return process.wait()


async def _serve_embedded(port: int) -> None:
    """Serve MQTT on `port` until standard input closes."""
    # Imported here: only the child needs it.
    from amqtt.broker import Broker

    anonymous = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    listeners = {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}}
    broker = Broker({"listeners": listeners, "plugins": anonymous})
    await broker.start()
    await asyncio.to_thread(sys.stdin.read)
    await broker.shutdown()


if __name__ == "__main__":
    if sys.argv[1] == "guard":
        sys.exit(_guard(sys.argv[2:]))
    asyncio.run(_serve_embedded(int(sys.argv[2])))
