"""A camera's frames through its own process, against capturing in ours.

    python benchmarks/capture.py [--seconds N] [--video FILE]

MJPEG over HTTP at 640x480 and 1280x720, from a server that is a process too, and a video file,
each as fast as it can be read: frames/s as they are captured and as they arrive, and what a
captured frame costs in processor time, which a busy machine changes less. Then the same at 30
frames/s: how long after its capture a frame is in the hands of whoever wants it,
what memory the process takes, and how soon after its start the first frame is there. At last what
a camera of 25 frames/s costs that is looked at once a minute.
"""

import argparse
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
from daemon.figures import Figure
from record.results import record

from edge_agent.common.errors import SourceError
from edge_agent.common.stop import Stop
from edge_agent.inference.runtime import machine_name
from edge_agent.sources.cameras.camera import open_any
from edge_agent.sources.config import CameraConfig
from edge_agent.sources.live import LiveSource
from edge_agent.sources.open import open_source

SIZES = ((640, 480), (1280, 720))
BOUNDARY = "frame"


@dataclass(frozen=True)
class Rates:
    """Frames per second, captured and taken by whoever looks at nothing else; CPU ms a frame."""

    captured: float
    taken: float
    cpu_ms: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--video", type=Path, help="a video of your own")
    parser.add_argument("--serve", nargs=3, metavar=("W", "H", "FPS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*map(int, options.serve))
        return
    logging.getLogger("edge_agent").setLevel(logging.ERROR)  # a file's end is no lost camera here
    print(f"{machine_name()}; frames/s, median of three runs in turn")
    figures = list[Figure]()
    columns = ("in process", "own process", "(taken)", "ratio", "CPU ms", "CPU ms, own")
    print(f"{'':16}" + "".join(f"{column:>13}" for column in columns))
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            with server(*size, 0) as url:
                figures.append(compare("MJPEG {}x{}".format(*size), url, options.seconds))
        video = options.video or write_video(Path(folder) / "video.mp4")
        figures.append(compare("video file", str(video.resolve()), options.seconds))
    print("\nat 30 frames/s")
    for size in SIZES:
        with server(*size, 30) as url:
            figures.append(unhurried("MJPEG {}x{}".format(*size), url, options.seconds))
    print("\nat 25 frames/s, processor time of the camera's process")
    for size in SIZES:
        with server(*size, 25) as url:
            for interval_s in (0, 1, 60):
                name = "MJPEG {}x{}".format(*size)
                figures.append(seldom(name, url, options.seconds, interval_s))
    record("capture", figures)


def compare(name: str, url: str, seconds: float) -> Figure:
    """Both ways in turn, three times; how many of the frames are left by ours."""
    ours, theirs = list[Rates](), list[Rates]()
    for _ in range(3):
        ours.append(in_process(url, seconds))
        theirs.append(own_process(url, seconds))

    def median(runs: list[Rates], figure: str) -> float:
        return float(statistics.median(getattr(rates, figure) for rates in runs))

    a, b, c = median(ours, "captured"), median(theirs, "captured"), median(theirs, "taken")
    cpu, own_cpu = median(ours, "cpu_ms"), median(theirs, "cpu_ms")
    print(f"{name:16}{a:13.0f}{b:13.0f}{c:13.0f}{b / a:13.2f}{cpu:13.2f}{own_cpu:13.2f}")
    words = f"frames of the camera's own process over decoding in process, {name}"
    beside = f"{b:,.0f} of {a:,.0f}/s"
    return Figure(words, round(b / a, 2), beside=beside, headline=True)


def in_process(url: str, seconds: float) -> Rates:
    """A loop that only grabs and decodes."""
    count = 0
    with open_any(CameraConfig(url=url)) as camera:
        camera.grab()
        place = camera.retrieve(None)
        start, spent = time.perf_counter(), time.process_time()
        while time.perf_counter() - start < seconds:
            try:
                camera.grab()
            except SourceError:  # the end of the file
                break
            camera.retrieve(place)
            count += 1
        rate = count / (time.perf_counter() - start)
        return Rates(rate, rate, 1000 * (time.process_time() - spent) / count)


def own_process(url: str, seconds: float) -> Rates:
    """The same through a `LiveSource`, from its first frame on."""
    with live(url) as source:
        frames = iter(source)
        first = frame = next(frames)
        (child,) = children()
        spent = time.process_time() + cpu_s(child)
        taken, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            following = next(frames)
            if following.monotonic_s - frame.monotonic_s > 0.25:  # the file has begun again
                break
            frame, taken = following, taken + 1
            after = time.process_time() + cpu_s(child)
        passed, captured = frame.monotonic_s - first.monotonic_s, frame.seq - first.seq
        return Rates(captured / passed, taken / passed, 1000 * (after - spent) / captured)


def children() -> list[int]:
    """The processes that capture for us."""
    texts = (file.read_text() for file in Path("/proc/self/task").glob("*/children"))
    pids = [int(pid) for text in texts for pid in text.split()]
    return [pid for pid in pids if "sources.capture" in Path(f"/proc/{pid}/cmdline").read_text()]


def cpu_s(pid: int) -> float:
    """The processor time that a process has had, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def unhurried(name: str, url: str, seconds: float) -> Figure:
    """Latency, memory and start-up of a stream that has a usual rate."""
    start = time.monotonic()
    ages = []
    with live(url) as source:
        frames = iter(source)
        next(frames)
        started_s = time.monotonic() - start
        while time.monotonic() < start + started_s + seconds:
            frame = next(frames)
            ages.append(time.monotonic() - frame.monotonic_s)
        rss = source.counters.capture_rss_bytes or 0
        counters = source.counters
    start = time.monotonic()
    with open_any(CameraConfig(url=url)) as camera:
        camera.grab()
        camera.retrieve(None)
        bare_s = time.monotonic() - start
        decodes = []
        for _ in range(len(ages) // 3):
            at = camera.grab()
            camera.retrieve(None)
            decodes.append(time.monotonic() - at)
    median, slow, bare = (
        1000 * value
        for value in (
            statistics.median(ages),
            statistics.quantiles(ages, n=20)[-1],
            statistics.median(decodes),
        )
    )
    print(
        f"{name:16} from capture to hand: median {median:.2f} ms, 95 % {slow:.2f} ms "
        f"(in process {bare:.2f} ms); process {rss / 1024**2:.0f} MB; first frame after "
        f"{started_s:.2f} s (in process {bare_s:.2f} s); {len(ages)} frames, "
        f"{counters.dropped} dropped, {counters.corrupt} corrupt"
    )
    words = f"from the capture of a frame until somebody has it, {name}"
    return Figure(words, round(median, 2), "ms", beside=f"in process {bare:.2f} ms", headline=True)


def seldom(name: str, url: str, seconds: float, interval_s: float) -> Figure:
    """What a camera costs that is looked at so seldom."""
    with live(url, interval_s) as source:
        frames = iter(source)
        next(frames)
        (child,) = children()
        time.sleep(1)
        before, start, looks, end = cpu_s(child), time.monotonic(), 0, time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(min(interval_s, max(0.0, end - time.monotonic())))
            if time.monotonic() < end:
                next(frames)
                looks += 1
        share = (cpu_s(child) - before) / (time.monotonic() - start)
    print(f"{name:16} a look each {interval_s:2} s: {share:.1%} of a core ({looks} looks)")
    words = f"core of a camera of 25 frames/s looked at each {interval_s:g} s, {name}"
    return Figure(words, round(100 * share, 1), "%", headline=interval_s > 1)


def live(url: str, interval_s: float = 0.0) -> LiveSource:
    """The source that an agent would open."""
    source = open_source(CameraConfig(url=url), Stop(), pace=lambda: interval_s)
    assert isinstance(source, LiveSource)
    return source


@contextmanager
def server(width: int, height: int, fps: int) -> Iterator[str]:
    """The address of a running MJPEG server."""
    command = [sys.executable, __file__, "--serve", str(width), str(height), str(fps)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def scenes(width: int, height: int, count: int) -> list[np.ndarray]:
    """Pictures with the detail of a room: smoothed noise, drifting, and the noise of a sensor."""
    rng = np.random.default_rng(0)
    room = cv2.resize(rng.integers(0, 256, (18, 32, 3), np.uint8), (width, height))
    moved = (np.roll(room, 7 * number, axis=1) for number in range(count))
    return [cv2.add(image, rng.integers(0, 8, image.shape, np.uint8)) for image in moved]


def serve(width: int, height: int, fps: int) -> None:
    """Serve for ever; the address is printed. With 0 `fps` as fast as it is read."""
    jpegs = [cv2.imencode(".jpg", image)[1].tobytes() for image in scenes(width, height, 30)]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
            self.end_headers()
            number, due = 0, time.monotonic()
            while True:
                jpeg = jpegs[number % len(jpegs)]
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
                head += f"Content-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                number += 1
                if fps:
                    due += 1 / fps
                    time.sleep(max(0.0, due - time.monotonic()))

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a reader has left

    with Server(("127.0.0.1", 0), Handler) as running:
        print(f"http://127.0.0.1:{running.server_address[1]}/stream.mjpg", flush=True)
        running.serve_forever()


def write_video(path: Path, frames: int = 1500) -> Path:
    """A 640x480 video."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (640, 480))
    pictures = scenes(640, 480, 60)
    for number in range(frames):
        writer.write(pictures[number % len(pictures)])
    writer.release()
    return path


if __name__ == "__main__":
    main()
