"""The counters for Prometheus: its text format, and a server for it on loopback.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, HTTPServer

from edge_agent.contract.messages import HealthMessage

log = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# A client that neither asks nor leaves holds the only thread for so long.
CLIENT_TIMEOUT_S = 2.0
LOOPBACK = "127.0.0.1"
# How soon a port that was taken is tried again.
RETRY_S = 10.0
# Of the answer of whoever has our port.
MOST_BYTES = 100_000


@dataclass
class _Metric:
    """One metric: what it is, and its samples by label."""

    kind: str
    help: str
    samples: list[tuple[dict[str, str], float]] = field(default_factory=list)


def render(health: HealthMessage) -> str:
    """`health` in Prometheus's text format; what is not known is left out."""
    lines = []
    for name, metric in _metrics(health).items():
        if metric.samples:
            lines.append(f"# HELP edgeward_{name} {metric.help}")
            lines.append(f"# TYPE edgeward_{name} {metric.kind}")
        lines += [f"edgeward_{name}{_labels(labels)} {v:.17g}" for labels, v in metric.samples]
    return "\n".join(lines) + "\n"


def _metrics(health: HealthMessage) -> dict[str, _Metric]:
    found: dict[str, _Metric] = {}

    def add(name: str, text: str, value: float | None, **labels: str) -> None:
        kind = "counter" if name.endswith("_total") else "gauge"
        metric = found.setdefault(name, _Metric(kind, text))
        if value is not None:
            metric.samples.append(({"device": health.device, **labels}, float(value)))

    add("info", "What runs.", 1, version=health.version, runtime=health.runtime)
    add("uptime_seconds", "Since the agent started.", health.uptime_s)
    add("broker_connections_total", "How often the broker was reached.", health.connections)
    add("outbox_messages", "Results that wait for the broker.", health.outbox.depth)
    add("outbox_bytes", "Their size.", health.outbox.bytes)
    add("outbox_thinned_total", "Results given up by thinning.", health.outbox.thinned)
    for s in health.streams:
        add("frames_total", "Frames looked at.", s.frames, stream=s.name)
        add("frames_dropped_total", "Frames replaced unseen.", s.dropped, stream=s.name)
        add("frames_corrupt_total", "Damaged frames, unseen.", s.corrupt, stream=s.name)
        add("frames_frozen_total", "Frames that stood still, unseen.", s.frozen, stream=s.name)
        add("camera_reopened_total", "Times a camera was opened again.", s.reopened, stream=s.name)
        add("capture_respawned_total", "Capture processes replaced.", s.respawned, stream=s.name)
        text = "Held by the process that captures."
        add("capture_resident_memory_bytes", text, _bytes(s.capture_rss_mb), stream=s.name)
        add("results_total", "Results given.", s.results, stream=s.name)
        add("results_evicted_total", "Results given up undelivered.", s.evicted, stream=s.name)
        add("results_per_second", "Results a second, lately.", s.per_s, stream=s.name)
        add("stream_paused", "Whether it was told not to look.", s.paused, stream=s.name)
        for quantile, ms in (("0.5", s.latency_p50_ms), ("0.95", s.latency_p95_ms)):
            seconds = None if ms is None else ms / 1000
            text = "From the capture of a frame to its answer, lately."
            add("latency_seconds", text, seconds, stream=s.name, quantile=quantile)
    if health.machine is not None:
        m = health.machine
        add("temperature_celsius", "Of the hottest thermal zone.", m.temperature_c)
        throttled = None if m.throttling is None else bool(m.throttling)
        add("throttled", "Whether the processor is held back.", throttled)
        add("resident_memory_bytes", "Held by the agent.", _bytes(m.rss_mb))
        add("disk_free_bytes", "Where the outbox is.", _bytes(m.disk_free_mb))
        add("load1", "The system's load.", m.load_1m)
    return found


def _bytes(megabytes: float | None) -> float | None:
    return None if megabytes is None else megabytes * 1024**2


def _labels(labels: dict[str, str]) -> str:
    pairs = (f'{name}="{_escape(value)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


class _Server(HTTPServer):
    """Serves `health`, in one thread.

    Args:
        port: 0 for any that is free.
        health: the counters now; called for every request.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, port: int, health: Callable[[], HealthMessage]) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = CLIENT_TIMEOUT_S

            def do_GET(self) -> None:  # the name that http.server calls
                if self.path.partition("?")[0] != "/metrics":
                    self.send_error(404)
                    return
                body = render(health()).encode()
                self.send_response(200)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                log.debug("metrics: " + format, *args)

        # Loopback only: whoever may see it from elsewhere is for a proxy to decide.
        super().__init__((LOOPBACK, port), Handler)


@contextmanager
def serve_metrics(
    port: int, health: Callable[[], HealthMessage], retry_s: float = RETRY_S
) -> Iterator[int]:
    """Serve http://127.0.0.1:PORT/metrics until the block ends; the port.

    A port that is taken is tried again: results are worth more than their counters.

    Args:
        port: 0 for any that is free.
        health: the counters now; called for every request, from the server's thread.
        retry_s: the time between two attempts.
    """
    ended = threading.Event()
    server = _open(port, health)
    if server is None:
        log.warning(
            "metrics.port: expected a free port of %s, found %d taken: no counters there until it "
            "is free",
            LOOPBACK,
            port,
        )

    def run() -> None:
        nonlocal server
        while server is None:
            if ended.wait(retry_s):
                return
            server = _open(port, health)
            if server is not None:
                log.info("metrics.port: %d is free now", port)
        server.serve_forever()  # always: `shutdown` waits for its end

    thread = threading.Thread(target=run, name="metrics", daemon=True)
    thread.start()
    try:
        yield port if server is None else int(server.server_address[1])
    finally:
        ended.set()
        while thread.is_alive():
            if server is not None:
                server.shutdown()
            thread.join(0.1)
        if server is not None:
            server.server_close()


def _open(port: int, health: Callable[[], HealthMessage]) -> _Server | None:
    try:
        return _Server(port, health)
    except OSError:
        return None


def holder(port: int, device: str) -> str | None:
    """Who has the port of loopback: `device` if that is served there, else words; None if free.

    Args:
        port: to look at.
        device: the name of ours.
    """
    try:
        with socket.create_server((LOOPBACK, port)):
            return None
    except OSError:
        pass
    try:
        connection = HTTPConnection(LOOPBACK, port, timeout=CLIENT_TIMEOUT_S)
        with closing(connection):
            connection.request("GET", "/metrics")
            said = connection.getresponse().read(MOST_BYTES)
    except (OSError, HTTPException):
        said = b""
    ours = f'edgeward_info{{device="{device}"'.encode()
    return device if ours in said else "another program"
