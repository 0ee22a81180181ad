"""How fast a bundle is on this machine, measured on its own golden frames."""

import resource
import sys
import time
from collections.abc import Sequence

import msgspec
import numpy as np

from edge_agent.bundle.archive import Bundle
from edge_agent.bundle.ports import Ports
from edge_agent.inference.network import Network
from edge_agent.inference.recognizer import TfliteRecognizer, Timings
from edge_agent.inference.runtime import machine_name, runtime_name
from edge_agent.inference.threads import MAX_THREADS, fewest_worth_it, usable_cores

WARM_UP = 3
# So that a slow model still gives percentiles of something.
MIN_ROUNDS = 20


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """Of many repetitions, in milliseconds."""

    p50: float
    p90: float
    p99: float


class ThreadBench(msgspec.Struct, frozen=True, kw_only=True):
    """One thread count: the three steps of an answer, and the whole."""

    threads: int
    rounds: int
    preprocess_ms: Percentiles
    invoke_ms: Percentiles
    decode_ms: Percentiles
    total_ms: Percentiles


class BenchReport(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="edgeward.bench/1"
):
    """What `edgeward-agent bench` measured.

    Args:
        bundle, id: which bundle, by name and SHA-256.
        machine, runtime: where, and with what.
        cores: how many this process may use.
        first_inference_ms: the first of a fresh interpreter, one thread: it allocates.
        peak_rss_mb: the most memory this process ever held.
        best_threads: what `threads = "auto"` would choose by these median totals.
        threads: the measurements, one per thread count.
    """

    bundle: str
    id: str
    machine: str
    runtime: str
    cores: int
    first_inference_ms: float
    peak_rss_mb: float
    best_threads: int
    threads: tuple[ThreadBench, ...]


def bench(bundle: Bundle, *, seconds: float = 2.0) -> BenchReport:
    """Measure `bundle`, for about `seconds` per thread count.

    Raises:
        BundleError: it does not run here, or gives other answers than it must.
    """
    first_ms = _first_inference(bundle)
    cores = usable_cores()
    measured = tuple(_measure(bundle, n, seconds) for n in range(1, min(cores, MAX_THREADS) + 1))
    return BenchReport(
        bundle=bundle.manifest.name,
        id=bundle.id,
        machine=machine_name(),
        runtime=runtime_name(),
        cores=cores,
        first_inference_ms=first_ms,
        peak_rss_mb=_peak_rss_mb(),
        best_threads=fewest_worth_it({m.threads: m.total_ms.p50 for m in measured}),
        threads=measured,
    )


def _first_inference(bundle: Bundle) -> float:
    place = str(bundle.path)
    with Network(bundle.model, Ports.of(bundle.manifest), 1, place) as network:
        _, preprocess_s, invoke_s = network.timed(bundle.golden[0].image)
    return round((preprocess_s + invoke_s) * 1000, 3)


def _measure(bundle: Bundle, threads: int, seconds: float) -> ThreadBench:
    images = [frame.image for frame in bundle.golden]
    timings: list[Timings] = []
    with TfliteRecognizer(bundle, threads) as recognize:
        for number in range(WARM_UP):
            recognize(images[number % len(images)])
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(timings) < MIN_ROUNDS:
            timings.append(recognize.timed(images[len(timings) % len(images)])[1])
    return ThreadBench(
        threads=threads,
        rounds=len(timings),
        preprocess_ms=percentiles([t.preprocess_s for t in timings]),
        invoke_ms=percentiles([t.invoke_s for t in timings]),
        decode_ms=percentiles([t.decode_s for t in timings]),
        total_ms=percentiles([t.total_s for t in timings]),
    )


def percentiles(seconds: Sequence[float]) -> Percentiles:
    """Of durations in seconds, in milliseconds with microsecond digits."""
    p50, p90, p99 = (round(float(p) * 1000, 3) for p in np.percentile(seconds, (50, 90, 99)))
    return Percentiles(p50=p50, p90=p90, p99=p99)


def _peak_rss_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes on Linux, bytes on macOS.
    return round(peak / (1024**2 if sys.platform == "darwin" else 1024), 1)


def render(report: BenchReport) -> str:
    """`report` as a table for people."""
    lines = [
        f"{report.bundle}@{report.id[:12]} with {report.runtime}",
        f"on {report.machine}, {report.cores} cores",
        "",
        "threads  step         p50 ms   p90 ms   p99 ms",
    ]
    for row in report.threads:
        steps = {
            "preprocess": row.preprocess_ms,
            "invoke": row.invoke_ms,
            "decode": row.decode_ms,
            "total": row.total_ms,
        }
        lines += [
            f"{row.threads:7}  {name:<10} {p.p50:8.3f} {p.p90:8.3f} {p.p99:8.3f}"
            for name, p in steps.items()
        ]
    lines += [
        "",
        f"best: threads = {report.best_threads}",
        f"first inference {report.first_inference_ms} ms, peak memory {report.peak_rss_mb} MB",
    ]
    return "\n".join(lines)
