"""The counters for Prometheus: its text format, and a server for it on loopback.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

from edge_agent.common.errors import ConfigError
from edge_agent.contract.messages import HealthMessage

log = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# A client that neither asks nor leaves holds the only thread for so long.
CLIENT_TIMEOUT_S = 2.0


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


@contextmanager
def serve_metrics(port: int, health: Callable[[], HealthMessage]) -> Iterator[int]:
    """Serve http://127.0.0.1:PORT/metrics until the block ends; the port.

    Args:
        port: 0 for any that is free.
        health: the counters now; called for every request, from the server's thread.

    Raises:
        ConfigError: the port is taken.
    """

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

    try:
        # Loopback only: whoever may see it from elsewhere is for a proxy to decide.
        server = HTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise ConfigError(
            f"metrics.port: expected a free port of 127.0.0.1, found {port}: {error.strerror}"
        ) from error
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
