"""The counters for Prometheus: its format, and the server on loopback."""

import re
import socket
import urllib.error
import urllib.request
from contextlib import ExitStack
from datetime import UTC, datetime

import msgspec
import pytest
from msgspec.structs import replace
from support.brokers import wait_until

from edge_agent.contract.messages import HealthMessage, OutboxHealth, StreamHealth
from edge_agent.service.metrics import CONTENT_TYPE, holder, render, serve_metrics
from edge_agent.system.machine import MachineHealth

HEALTH = HealthMessage(
    device="gate",
    boot="b",
    at=datetime(2026, 11, 21, tzinfo=UTC),
    uptime_s=12.5,
    streams=(
        StreamHealth(
            name="front",
            frames=9,
            dropped=2,
            results=7,
            evicted=1,
            per_s=2.5,
            latency_p50_ms=7.0,
            latency_p95_ms=11.5,
            corrupt=3,
            frozen=4,
            reopened=5,
            respawned=6,
            capture_rss_mb=57.5,
        ),
        StreamHealth(name="back", frames=0, dropped=0, results=0),
    ),
    outbox=OutboxHealth(depth=3, bytes=900, evicted=2),
    connections=4,
    machine=MachineHealth(temperature_c=51.5, throttling=(), rss_mb=60.5),
    runtime='LiteRT "2"\\\n3',
    version="1",
)
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)?\}})? (-?[0-9.e+-]+)")


def samples(text: str) -> dict[str, float]:
    """By name and labels, read by the format's own grammar; a line that breaks it fails."""
    found, known = dict[str, float](), set[str]()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in {"counter", "gauge"}
            assert name not in known, "a metric's samples are in one group"
            known.add(name)
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] in known
            key = f"{match[1]}{{{match[2]}}}"
            assert key not in found
            found[key] = float(match[3])
    return found


def test_every_line_follows_the_format_and_says_what_is_known() -> None:
    """Counters end in _total, units are base units, and null is left out."""
    text = render(HEALTH)
    assert text.endswith("\n")
    found = samples(text)
    assert found['edgeward_results_total{device="gate",stream="front"}'] == 7
    assert found['edgeward_frames_dropped_total{device="gate",stream="front"}'] == 2
    assert found['edgeward_results_evicted_total{device="gate",stream="front"}'] == 1
    assert found['edgeward_outbox_messages{device="gate"}'] == 3
    assert found['edgeward_broker_connections_total{device="gate"}'] == 4
    latency = 'edgeward_latency_seconds{device="gate",stream="front",quantile="%s"}'
    assert (found[latency % "0.5"], found[latency % "0.95"]) == (0.007, 0.0115)
    assert found['edgeward_throttled{device="gate"}'] == 0
    assert found['edgeward_resident_memory_bytes{device="gate"}'] == 60.5 * 1024**2
    assert not any("disk_free" in key or ('"back"' in key and "latency" in key) for key in found)
    assert r'runtime="LiteRT \"2\"\\\n3"' in text


def test_a_machine_that_tells_nothing_has_no_metrics() -> None:
    """Must not fire: no zero stands for what is not known."""
    found = samples(render(replace(HEALTH, machine=None)))
    assert not any("temperature" in key or key.startswith("edgeward_resident") for key in found)


def get(port: int, path: str) -> tuple[int, str, str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return answer.status, answer.headers["Content-Type"], answer.read().decode()


def test_the_server_gives_the_counters_of_now() -> None:
    """Each time anew; other paths are not found, and the end ends it."""
    asked = iter([HEALTH, replace(HEALTH, connections=5)])
    with serve_metrics(0, lambda: next(asked)) as port:
        assert get(port, "/metrics") == (200, CONTENT_TYPE, render(HEALTH))
        assert 'connections_total{device="gate"} 5' in get(port, "/metrics")[2]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(port, "/")
    with pytest.raises(urllib.error.URLError):
        get(port, "/metrics")


def test_the_server_is_on_one_address_only() -> None:
    """A server on every address would answer on this one of loopback's too."""
    with serve_metrics(0, lambda: HEALTH) as port, socket.socket() as probe:
        probe.settimeout(2)
        assert probe.connect_ex(("127.0.0.2", port)) != 0


def test_a_client_that_says_nothing_does_not_keep_others_out() -> None:
    """It is given up after a moment."""
    with (
        serve_metrics(0, lambda: HEALTH) as port,
        socket.create_connection(("127.0.0.1", port)),
    ):
        assert get(port, "/metrics")[0] == 200


def test_a_port_that_is_taken_is_said_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """Two agents on one machine: the second goes on, and serves once the first has gone."""
    caplog.set_level("INFO", "edge_agent")
    other = replace(HEALTH, connections=5)
    with ExitStack() as first:
        port = first.enter_context(serve_metrics(0, lambda: HEALTH))
        with serve_metrics(port, lambda: other, 0.05) as same:
            assert same == port
            assert get(port, "/metrics")[2] == render(HEALTH)
            assert f"expected a free port of 127.0.0.1, found {port} taken" in caplog.text
            first.close()
            wait_until(lambda: f"{port} is free now" in caplog.text, "the port")
            assert get(port, "/metrics")[2] == render(other)
    with ExitStack() as first:
        port = first.enter_context(serve_metrics(0, lambda: HEALTH))
        with serve_metrics(port, lambda: other):
            pass  # it ends at once, though it never served


def test_who_has_the_port_is_told() -> None:
    """Nobody, our own agent, another's, and a program that says nothing."""
    with serve_metrics(0, lambda: HEALTH) as port:
        assert holder(port, HEALTH.device) == HEALTH.device
        assert holder(port, "other") == "another program"
    assert holder(port, HEALTH.device) is None
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert holder(silent.getsockname()[1], "gate") == "another program"


def test_every_counter_of_a_stream_is_served() -> None:
    """Whatever `health` says in a number, Prometheus hears: none is forgotten when one is added."""
    stream = HEALTH.streams[0]
    told = {name: value for name, value in msgspec.structs.asdict(stream).items() if value}
    served = set(samples(render(HEALTH)).values())
    scale = {"latency_p50_ms": 1e-3, "latency_p95_ms": 1e-3, "capture_rss_mb": 1024**2}
    for name in told.keys() - {"name", "bundle"}:
        assert told[name] * scale.get(name, 1) in served, name
