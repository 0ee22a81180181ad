"""Durable publishing against paho's own QoS 1, and the outbox by itself, in one run.

    python benchmarks/publishing.py [--messages N] [--rounds R] [--folder DIR]

Raw: paho alone sends the same payloads at QoS 1 with the agent's window of unacknowledged
messages, and keeps nothing. Durable: the agent's own publisher, by which each message is
numbered, written to the outbox, sent, and deleted once it is acknowledged. Both to a real
mosquitto on loopback with no subscriber, in turn, R rounds; the median of the ratios counts,
each of what was durable to the mean of what was raw before and after it.

The outbox by itself: how many messages a second are stored and then forgotten, FULL and NORMAL.
FULL waits for the disk of --folder: put it where the agent's outbox would be.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
from daemon.figures import Figure, in_turns, spread
from paho.mqtt.enums import CallbackAPIVersion
from record.results import record

from edge_agent.inference.runtime import machine_name
from edge_agent.mqtt.dialer import WINDOW, Dialer, Identity
from edge_agent.mqtt.endpoint import Broker, Endpoint
from edge_agent.outbox.outbox import Lane, Limits, Outbox, Synchronous
from edge_agent.publish.publisher import MqttPublisher
from pipeline.broker.broker import running_broker

# As long as a classification with five classes.
PAYLOAD = b'{"seq":%d,' + b"x" * 440 + b',"late":false}'
TOPIC = "edgeward/bench/stream/front/result"
RATIO = 0.5
MODES: tuple[Synchronous, ...] = ("normal", "full")


def main() -> None:
    """Measure and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where outboxes are (default: temporary)")
    options = parser.parse_args()
    print(f"{machine_name()}, {options.messages} messages of {len(PAYLOAD % 1000)} bytes")
    with tempfile.TemporaryDirectory(dir=options.folder) as name, running_broker() as broker:
        folder = Path(name)
        figures = list[Figure]()
        for figure in publishing_figures(folder, broker.endpoint, options.messages, options.rounds):
            print(figure, flush=True)
            figures.append(figure)
    record("publishing", figures)


def publishing_figures(
    folder: Path, endpoint: Endpoint, messages: int, rounds: int
) -> Iterator[Figure]:
    """The outbox alone, then raw and durable publishing in turns."""
    for mode in MODES:
        stored, forgotten = outbox_per_s(folder, mode, messages)
        yield Figure(f"outbox {mode}: stored", stored, "/s")
        yield Figure(f"outbox {mode}: forgotten", forgotten, "/s")
    evicting = full_per_s(folder, messages)
    yield Figure("outbox full up: stored, each evicts", evicting, "/s")
    raw, durable = list[float](), {mode: list[float]() for mode in MODES}
    for _ in range(rounds):
        raw.append(raw_per_s(endpoint, messages))
        for mode in MODES:
            durable[mode].append(durable_per_s(folder, endpoint, mode, messages))
    raw.append(raw_per_s(endpoint, messages))
    yield Figure("raw paho QoS 1", statistics.median(raw), "/s", beside=spread(raw, 0))
    for mode, rates in durable.items():
        ratios = in_turns(raw, rates)
        rate = statistics.median(rates)
        yield Figure(f"durable {mode}", rate, "/s", beside=spread(rates, 0))
        ratio, beside = statistics.median(ratios), spread(ratios)
        yield Figure(f"durable {mode} / raw", ratio, at_least=RATIO, beside=beside)


def raw_per_s(endpoint: Endpoint, messages: int) -> float:
    """Acknowledged messages a second of paho by itself."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(WINDOW)
    done, ready = threading.Event(), threading.Event()
    acknowledged = 0

    def on_publish(*_: object) -> None:
        nonlocal acknowledged
        acknowledged += 1
        if acknowledged == messages:
            done.set()

    client.on_publish = on_publish
    client.on_connect = lambda *_: ready.set()
    client.connect(endpoint.host, endpoint.port)
    client.loop_start()
    ready.wait(10)
    start = time.perf_counter()
    for number in range(messages):
        client.publish(TOPIC, PAYLOAD % number, 1)
    if not done.wait(120):
        raise SystemExit(f"paho: {acknowledged} of {messages} acknowledged after 120 s")
    elapsed = time.perf_counter() - start
    client.disconnect()
    client.loop_stop()
    return messages / elapsed


def durable_per_s(folder: Path, endpoint: Endpoint, mode: Synchronous, messages: int) -> float:
    """Stored, sent, acknowledged and forgotten messages a second of the agent's publisher."""
    path = folder / f"durable-{time.monotonic_ns()}.db"
    with (
        Outbox(path, lanes={"front": Lane(synchronous=mode)}) as outbox,
        MqttPublisher(Dialer(Broker(endpoint), Identity("bench")), outbox, fail) as publisher,
    ):
        while publisher.connections == 0:
            time.sleep(0.01)
        start = time.perf_counter()
        for _ in range(messages):
            publisher.publish("front", TOPIC, PAYLOAD.__mod__)
        if not publisher.flush(120):
            raise SystemExit(f"{outbox.state().depth} of {messages} messages wait after 120 s")
        return messages / (time.perf_counter() - start)


def outbox_per_s(folder: Path, mode: Synchronous, messages: int) -> tuple[float, float]:
    """Messages stored, and then forgotten in the batches that acknowledgements come in."""
    path = folder / f"alone-{time.monotonic_ns()}.db"
    with Outbox(path, lanes={"front": Lane(synchronous=mode)}) as outbox:
        stored = per_s(messages, lambda: outbox.append("front", TOPIC, PAYLOAD.__mod__))

        def forget() -> None:
            outbox.delete([row.id for row in outbox.pending(0, WINDOW)])

        return stored, per_s(messages // WINDOW, forget) * WINDOW


def full_per_s(folder: Path, messages: int) -> float:
    """Messages stored where each evicts another, of two importances."""
    lanes = {"front": Lane(importance=9), "back": Lane(importance=1)}
    size = len(TOPIC) + len(PAYLOAD % 1000)
    with Outbox(
        folder / f"evict-{time.monotonic_ns()}.db", Limits(max_bytes=size * messages // 2), lanes
    ) as outbox:
        streams = ("front", "back")
        for number in range(messages):
            outbox.append(streams[number % 2], TOPIC, PAYLOAD.__mod__)
        numbers = iter(range(messages))
        return per_s(
            messages // 2,
            lambda: outbox.append(streams[next(numbers) % 2], TOPIC, PAYLOAD.__mod__),
        )


def per_s(count: int, act: Callable[[], object]) -> float:
    """How often `act` can be done in a second."""
    start = time.perf_counter()
    for _ in range(count):
        act()
    return count / (time.perf_counter() - start)


def fail(error: BaseException) -> None:
    """The publisher broke: say so."""
    print(f"the publisher broke: {error}")


if __name__ == "__main__":
    main()
