"""What a real agent says of its health, and where."""

import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.agents import Agent, hear, write_config
from support.brokers import Mosquitto, free_port, wait_until

from edge_agent.client import Subscriber
from edge_agent.client.remote import Remote
from edge_agent.contract.commands import PauseCommand
from edge_agent.contract.messages import HealthMessage, ResultMessage


@pytest.fixture(name="images")
def _images(tmp_path: Path) -> str:
    """A looped folder with one image, as TOML."""
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "20.png"), np.full((24, 32, 3), 20, np.uint8))
    return f'{{ kind = "images", path = "{folder}", loop = true }}'


def test_health_has_all_that_an_operator_asks_for(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """Rate, latencies, drops, what waits, memory, disk, runtime and bundle; and it is retained."""
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream="interval_s = 0.02")
    with Agent(config):
        with Subscriber(mosquitto.url, "gate") as subscriber:
            hear(subscriber, ResultMessage)
            health = hear(subscriber, HealthMessage)
            while health.streams[0].results < 20:
                health = hear(subscriber, HealthMessage)
        with Subscriber(mosquitto.url, "gate") as late_comer:
            assert hear(late_comer, HealthMessage).device == "gate"
    (stream,) = health.streams
    assert 1 < stream.per_s <= 60
    assert stream.latency_p50_ms is not None
    assert stream.latency_p95_ms is not None
    assert 0 < stream.latency_p50_ms <= stream.latency_p95_ms
    assert stream.bundle is not None
    assert (stream.bundle.name, stream.paused, stream.evicted) == ("bright", False, 0)
    assert health.machine is not None
    assert health.machine.rss_mb is None or 20 < health.machine.rss_mb < 1000
    assert health.machine.disk_free_mb is not None
    assert health.runtime
    assert health.version


def metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return str(answer.read().decode())


def test_metrics_are_served_while_the_agent_runs(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """The same counters, for Prometheus; and a pause shows."""
    port = free_port()
    more = f"[metrics]\nport = {port}"
    config = write_config(
        tmp_path, mosquitto.url, bright_path, images, stream="interval_s = 0.02", more=more
    )

    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        hear(subscriber, ResultMessage)
        with Remote(mosquitto.url, "gate") as remote:
            assert 'edgeward_stream_paused{device="gate",stream="front"} 0' in metrics(port)
            assert remote.ask(PauseCommand()).ok
            text = metrics(port)
        assert 'edgeward_stream_paused{device="gate",stream="front"} 1' in text
        assert 'edgeward_broker_connections_total{device="gate"} 1' in text
        assert agent.terminate() == 0


def test_a_full_outbox_says_whose_results_were_given_up(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """With the broker away the unimportant stream loses, the other nothing; health counts it."""
    port = free_port()
    more = (
        f'[[stream]]\nname = "back"\nbundle = "{bright_path}"\nsource = {images}\n'
        f"importance = 1\ninterval_s = 0.002\n[metrics]\nport = {port}"
    )
    pace = "importance = 9\ninterval_s = 1"
    config = write_config(tmp_path, mosquitto.url, bright_path, images, stream=pace, more=more)
    config.write_text(config.read_text().replace('"outbox.db"', '"outbox.db"\nmax_mb = 0.03'))
    mosquitto.kill()

    def given_up() -> bool:
        try:
            text = metrics(port)
        except OSError:
            return False  # it has only just started
        return 'evicted_total{device="gate",stream="back"} 0' not in text

    with Agent(config):
        wait_until(given_up, "the outbox is full")
        mosquitto.start()
        with Subscriber(mosquitto.url, "gate") as subscriber:
            health = hear(subscriber, HealthMessage)
            while not health.outbox.evicted:  # said before it was full
                health = hear(subscriber, HealthMessage)
    front, back = health.streams
    assert front.evicted == 0
    assert health.outbox.evicted == back.evicted > 0
