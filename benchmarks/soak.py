"""An agent at full rate for as long as you like: does it grow, does it keep files open?

    python benchmarks/soak.py [--minutes M] [--warm-up M] [--fps N] [--size WxH] [--bundle B]
        [--faults] [--nice N]

A real `edgeward-agent` process looks at an MJPEG camera through its capture process, as fast as
the camera gives frames (--fps 0: as fast as they are read), and publishes every result over a
real mosquitto to a real subscriber, which counts. Both processes are looked at from
outside once a second: RSS, open files, threads, and the outbox's files.

After the warm-up RSS must grow by less than 2 MB, from the median of the first tenth of the
samples to that of the last, and as many files must be open at the end as at the beginning; no
result may be missing. The exit status says whether all of it held. With --faults the broker
is stopped and started again every half minute, the last quarter minute left out.
"""

import argparse
import logging
import os
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from bundles import mobilenet_v2
from capture import server
from daemon.broker import remembering_broker
from daemon.figures import Figure
from daemon.running import (
    DEVICE,
    OUTBOX,
    camera_source,
    capture_process,
    running_agent,
    write_config,
)
from daemon.soaking import GROWTH_MB, Sample, Trend, sample, trend
from record.results import record

from edge_agent.client import Ledger, Subscriber
from edge_agent.contract.messages import HealthMessage, ResultMessage
from edge_agent.inference.runtime import machine_name
from pipeline.broker.mosquitto import Mosquitto

EVERY_S = 1.0
ROWS = 20
FAULT_EVERY_S, AWAY_S, QUIET_S = 30.0, 3.0, 15.0
# Health comes so often here: it is part of what may leak.
HEALTH = "[health]\ninterval_s = 5\n"


@dataclass
class Heard:
    """What the subscriber has heard."""

    ledger: Ledger = field(default_factory=Ledger)
    results: int = 0
    health: HealthMessage | None = None


@dataclass(frozen=True)
class Row:
    """All of a moment; `capture` is None while there is no such process."""

    agent: Sample
    capture: Sample | None
    capture_pid: int | None
    outbox_kb: float
    results: int


def main() -> None:
    """Soak, print, and leave with status 1 if something did not hold."""
    options = _options()
    logging.getLogger("edge_agent").setLevel(logging.ERROR)  # a broker that is away is no news
    bundle = options.bundle or mobilenet_v2(Path("runs"), 0.35, 96)
    width, height = options.size
    print(
        f"{machine_name()}, load {os.getloadavg()[0]:.1f}; {bundle.name}, {options.minutes:g} min"
    )
    with (
        tempfile.TemporaryDirectory() as name,
        remembering_broker(Path(name)) as broker,
        server(width, height, options.fps) as camera,
    ):
        folder = Path(name)
        more = f"threads = 1\n{HEALTH}"
        config = write_config(folder, broker.url, bundle, camera_source(camera), more)
        heard, done = Heard(), threading.Event()
        listener = threading.Thread(target=_listen, args=(broker.url, heard, done), daemon=True)
        listener.start()
        with running_agent(config, options.nice) as process:
            faults = threading.Event()
            if options.faults:
                threading.Thread(target=_faults, args=(broker, faults), daemon=True).start()
            rows = _watch(process.pid, folder, heard, options.minutes * 60, faults)
        done.set()
        listener.join()
    print("\n".join(_table(rows)))
    held = _verdicts([row for row in rows if row.agent.at_s >= options.warm_up * 60], heard)
    record("soak", _figures(rows, heard, options.minutes))
    sys.exit(0 if held else 1)


def _listen(url: str, heard: Heard, done: threading.Event) -> None:
    with Subscriber(url, DEVICE, client_id="soak") as subscriber:
        # What the agent says last comes after it has been told to stop.
        while (delivery := subscriber.receive(1.0)) is not None or not done.is_set():
            message = None if delivery is None else delivery.message
            if isinstance(message, ResultMessage):
                heard.ledger.record(message)
                heard.results += 1
            elif isinstance(message, HealthMessage):
                heard.health = message


def _faults(broker: Mosquitto, over: threading.Event) -> None:
    while not over.wait(FAULT_EVERY_S):
        broker.stop()  # it saves its sessions
        time.sleep(AWAY_S)
        broker.start()


def _watch(
    pid: int, folder: Path, heard: Heard, seconds: float, faults: threading.Event
) -> list[Row]:
    start, rows = time.monotonic(), list[Row]()
    while (passed := time.monotonic() - start) < seconds:
        if passed > seconds - QUIET_S:
            faults.set()
        child = capture_process(pid)
        rows.append(
            Row(
                sample(pid, start),
                None if child is None else _maybe(child, start),
                child,
                sum(_size_kb(folder / f"{OUTBOX}{end}") for end in ("", "-wal", "-shm")),
                heard.results,
            )
        )
        time.sleep(max(0.0, start + len(rows) * EVERY_S - time.monotonic()))
    return rows


def _maybe(pid: int, start: float) -> Sample | None:
    try:
        return sample(pid, start)
    except OSError:  # it has just ended
        return None


def _size_kb(file: Path) -> float:
    return file.stat().st_size / 1024 if file.exists() else 0.0


def _table(rows: list[Row]) -> list[str]:
    """Some rows, evenly apart."""
    lines = [
        f"{'min':>6}{'results':>10}{'/s':>8}{'agent RSS':>11}{'private':>9}{'fds':>5}{'thr':>5}"
        f"{'capture':>9}{'private':>9}{'fds':>5}{'outbox kB':>11}"
    ]
    picked = [rows[number * (len(rows) - 1) // ROWS] for number in range(ROWS + 1)]
    before: Row | None = None
    for row in picked:
        agent, child = row.agent, row.capture
        line = f"{agent.at_s / 60:6.1f}{row.results:10}"
        if before is None or before.agent.at_s == agent.at_s:
            line += " " * 8
        else:
            rate = (row.results - before.results) / (agent.at_s - before.agent.at_s)
            line += f"{rate:8.0f}"
        line += f"{agent.memory.rss_mb:11.2f}{agent.memory.private_mb:9.2f}"
        line += f"{agent.fds:5}{agent.threads:5}"
        if child is not None:
            line += f"{child.memory.rss_mb:9.2f}{child.memory.private_mb:9.2f}{child.fds:5}"
        lines.append(line + f"{row.outbox_kb:11.0f}")
        before = row
    return lines


def _verdicts(rows: list[Row], heard: Heard) -> bool:
    """Print what held and what did not; whether all did."""
    last_pid = rows[-1].capture_pid if rows else None
    captured = [row.capture for row in rows if row.capture and row.capture_pid == last_pid]
    held = []
    for name, samples in (("agent", [row.agent for row in rows]), ("capture", captured)):
        try:
            found = trend(samples)
        except ValueError as error:
            print(f"{name:8} {error}")
            held.append(False)
            continue
        print(_words(name, found))
        held += [found.memory_holds, found.files_hold]
    total = heard.ledger.total()
    print(f"results  {heard.results} heard, {total}")
    if heard.health is not None:
        health = heard.health
        print(f"         {health.connections} connection(s), {health.streams[0]}")
    held += [total.lost == 0, heard.results > 0]
    print("held" if all(held) else "DID NOT HOLD")
    return all(held)


def _figures(rows: list[Row], heard: Heard, minutes: float) -> list[Figure]:
    """What docs/benchmarks.md shows of a soak."""
    total, name = heard.ledger.total(), f"soak of {minutes:g} minutes"
    words = f"{total.duplicated} repeated"
    lost = f"{name}: results lost, of {heard.results:,}"
    figures = [Figure(lost, total.lost, at_most=0, beside=words)]
    try:
        growth = round(trend([row.agent for row in rows]).growth_mb, 2)
    except ValueError:  # too few samples for a trend
        return figures
    memory = f"{name}: memory, last tenth over first"
    return [*figures, Figure(memory, growth, "MB", at_most=GROWTH_MB)]


def _words(name: str, found: Trend) -> str:
    before, after, least, most = found.fds
    return (
        f"{name:8} RSS {found.growth_mb:+.2f} MB from the first tenth to the last "
        f"(< {GROWTH_MB:g}: {_met(found.memory_holds)}), {found.slope_mb_per_h:+.2f} MB/h, "
        f"private {found.private_growth_mb:+.2f} MB; "
        f"open files {before:g} -> {after:g}, {least} to {most} ({_met(found.files_hold)}); "
        f"threads {found.threads[0]:g} -> {found.threads[1]:g}"
    )


def _met(holds: bool) -> str:
    return "met" if holds else "NOT MET"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long")
    parser.add_argument("--warm-up", type=float, default=2.0, help="minutes that do not count")
    parser.add_argument(
        "--fps", type=int, default=0, help="of the camera; 0: as fast as it is read"
    )
    parser.add_argument("--size", type=_size, default=(320, 240), metavar="WxH")
    parser.add_argument("--bundle", type=Path, help="what looks (default: MobileNetV2 0.35 at 96)")
    parser.add_argument("--faults", action="store_true", help="start the broker again and again")
    parser.add_argument("--nice", type=int, default=0, help="of the agent")
    return parser.parse_args()


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


if __name__ == "__main__":
    main()
