"""The agent's figures, each beside its target, in one run.

    python benchmarks/agent.py [BUNDLE...] [--only PART] [--rounds N] [--frames N] [--size WxH]
        [--folder DIR] [--python PYTHON]

Everything that is compared is measured in turns, as a machine has other things to do too:

- throughput: a real `edgeward-agent` process reads a video file, answers, stores each result
  in its outbox and publishes it over a real mosquitto on loopback, which keeps it for a real
  subscriber. Its frames/s, from the first result to the last, over those of a loop that only
  invokes the interpreter: bare, agent, bare, agent, ..., bare, each run of the agent over
  the mean of its neighbours, the median. Both have one thread for the network.
- preprocessing: from a BGR frame to the network's int8 input, over a bare `cv2.resize`.
- publishing: as benchmarks/publishing.py, with fewer messages.
- memory: RSS of an agent with a camera, less that of a process with numpy, the interpreter
  and the model, invoked. The camera's own process is told beside it.
- start: from starting the process to its first answer; with a camera, less what opening it
  and getting a frame takes OpenCV alone.

Without a BUNDLE it measures MobileNetV2 1.0 at 224x224 and 0.35 at 96x96, untrained: what
weights a network has does not change how long it takes. FULL waits for the disk of --folder.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bundles import mobilenet_v2
from capture import server
from daemon.broker import remembering_broker
from daemon.figures import Figure, spread
from daemon.footprint import agent_footprint, bare_footprint
from daemon.preprocessing import preprocessing_ratios
from daemon.running import camera_source, video_source, write_video
from daemon.startup import opening_s, starts
from daemon.throughput import Job, throughput
from publishing import publishing_figures
from record.results import record

from edge_agent.bundle.archive import open_bundle
from edge_agent.inference.runtime import machine_name, runtime_name
from pipeline.broker.broker import running_broker

# The small network is faster than a video of the usual size can be decoded: of a small one too.
SIZES = {"mobilenet_v2-0.35-96": ((640, 480), (160, 120))}
AGENT_RATIO = {"mobilenet_v2-1.0-224": 0.95, "mobilenet_v2-0.35-96": 0.80}
RESIZE_RATIO, RSS_MB, FIRST_S = 1.8, 60.0, 1.5
FRAMES = {"mobilenet_v2-1.0-224": 1500, "mobilenet_v2-0.35-96": 4000}
CAMERA = (640, 480, 30)  # width, height, frames a second


@dataclass(frozen=True)
class Setting:
    """What the parts share.

    Args:
        folder: to write to.
        url: the broker's.
        bundles: to measure.
        options: of the command line.
    """

    folder: Path
    url: str
    bundles: list[Path]
    options: argparse.Namespace


def main() -> None:
    """Measure and print, line by line."""
    options = _options()
    bundles = options.bundles or [
        mobilenet_v2(Path("runs"), 1.0, 224),
        mobilenet_v2(Path("runs"), 0.35, 96),
    ]
    print(
        f"{machine_name()}, {os.cpu_count()} cores, {runtime_name()}, load {os.getloadavg()[0]:.1f}"
    )
    # mosquitto keeps a thousand messages for whoever is away; this one keeps all.
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as name,
        remembering_broker(Path(name)) as broker,
    ):
        setting = Setting(Path(name), broker.url, bundles, options)
        figures = list[Figure]()
        for part in options.only or PARTS:
            print(f"\n{part}")
            for figure in PARTS[part](setting):
                print(figure, flush=True)
                figures.append(figure)
    record("agent", figures)


def throughputs(setting: Setting) -> Iterator[Figure]:
    """Frames a second of the whole agent."""
    options = setting.options
    for path in setting.bundles:
        name = open_bundle(path).manifest.name
        frames = options.frames or FRAMES.get(name, 1000)
        for size in (options.size,) if options.size else SIZES.get(name, ((640, 480),)):
            job = Job(path, frames, size, options.rounds, 2.0, options.synchronous, options.python)
            found = throughput(job, setting.folder, setting.url)
            words = f"{name}, {size[0]}x{size[1]}, {found.runtime}"
            bare, agent = statistics.median(found.bare), statistics.median(found.agent)
            beside = f"{spread(found.agent, 0)}; decoding the video alone {found.decoded:.0f}"
            yield Figure(f"{words}: bare invoke", bare, "/s", beside=spread(found.bare, 0))
            yield Figure(f"{words}: agent", agent, "/s", beside=beside)
            yield Figure(
                f"{words}: agent / bare",
                statistics.median(found.ratios),
                at_least=AGENT_RATIO.get(name),
                beside=spread(found.ratios),
            )


def preprocessings(setting: Setting) -> Iterator[Figure]:
    """Of the frame sizes and network sizes in question."""
    sides = sorted({open_bundle(path).manifest.input.height for path in setting.bundles})
    for side in sides:
        for frame in ((640, 480), (1920, 1080)):
            for tables in ("one table", "a table a channel"):
                ratios = preprocessing_ratios(side, frame, "linear", tables)
                words = f"{frame[0]}x{frame[1]} to {side}, linear, {tables}"
                yield _resized(words, ratios)
            ratios = preprocessing_ratios(side, frame, "area", rounds=5)
            yield _resized(f"{frame[0]}x{frame[1]} to {side}, area", ratios)


def _resized(words: str, ratios: list[float]) -> Figure:
    return Figure(
        words,
        statistics.median(ratios),
        at_most=RESIZE_RATIO,
        beside=f"of cv2.resize {spread(ratios)}",
    )


def publishings(setting: Setting) -> Iterator[Figure]:
    """Raw, durable and the outbox alone."""
    with running_broker() as broker:  # as benchmarks/publishing.py does
        options = setting.options
        yield from publishing_figures(
            setting.folder, broker.endpoint, options.messages, options.rounds
        )


def memories(setting: Setting) -> Iterator[Figure]:
    """What an agent with a camera holds."""
    for number, path in enumerate(setting.bundles):
        bundle = open_bundle(path)
        name = bundle.manifest.name
        model = setting.folder / f"model-{number}.tflite"
        model.write_bytes(bundle.model)
        bare = bare_footprint(model)
        yield Figure(f"{name}: numpy, interpreter and model", bare.rss_mb, "MB", beside="RSS")
        with server(*CAMERA) as camera:
            folder = setting.folder / f"memory-{number}"
            found = agent_footprint(folder, setting.url, path, camera_source(camera))
        yield Figure(
            f"{name}: agent above it",
            found.agent.rss_mb - bare.rss_mb,
            "MB",
            at_most=RSS_MB,
            beside=f"RSS {found.agent.rss_mb:.1f}, its share (PSS) {found.agent.pss_mb:.1f}, "
            f"private {found.agent.private_mb:.1f}; bare private {bare.private_mb:.1f}",
        )
        if found.capture is not None:
            child = found.capture
            yield Figure(
                f"{name}: the camera's process",
                child.pss_mb,
                "MB",
                beside=f"PSS; RSS {child.rss_mb:.1f}, private {child.private_mb:.1f}",
            )


def first_results(setting: Setting) -> Iterator[Figure]:
    """From the start of the process to its first answer."""
    again = setting.options.rounds
    for number, path in enumerate(setting.bundles):
        bundle = open_bundle(path)
        name = bundle.manifest.name
        video = write_video(setting.folder / "short.mp4", bundle, 50, CAMERA[:2])
        source = video_source(video, loop=True)
        found = starts(setting.folder / f"start-{number}", setting.url, path, source, again)
        later = statistics.median(found.later)
        yield _start(f"{name}: first result of a video", later, spread(found.later, 2))
        yield _start(f"{name}: the same, measuring threads", found.first, "at a first start ever")
        with server(*CAMERA) as url:
            opening = statistics.median(opening_s(url) for _ in range(5))
            folder = setting.folder / f"start-camera-{number}"
            found = starts(folder, setting.url, path, camera_source(url), again)
        beyond = statistics.median(found.later) - opening
        words = f"less {opening:.2f} s for opening it {spread(found.later, 2)}"
        yield _start(f"{name}: first result of a camera", beyond, words)
        words = f"at a first start ever, less {opening:.2f} s"
        yield _start(f"{name}: the same, measuring threads", found.first - opening, words)


def _start(words: str, value_s: float, beside: str) -> Figure:
    return Figure(words, value_s, "s", at_most=FIRST_S, beside=beside)


PARTS: dict[str, Callable[[Setting], Iterator[Figure]]] = {
    "throughput": throughputs,
    "preprocessing": preprocessings,
    "publishing": publishings,
    "memory": memories,
    "start": first_results,
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("bundles", type=Path, nargs="*", metavar="BUNDLE")
    parser.add_argument("--only", choices=list(PARTS), action="append", help="a part; repeat it")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side")
    parser.add_argument("--frames", type=int, help="of the video (default: some seconds of it)")
    parser.add_argument("--size", type=_size, metavar="WxH", help="of its frames")
    parser.add_argument("--messages", type=int, default=2000, help="published in each round")
    parser.add_argument("--synchronous", choices=("normal", "full"), default="normal")
    parser.add_argument("--folder", type=Path, help="where outboxes are (default: temporary)")
    parser.add_argument(
        "--python",
        type=Path,
        default=Path(sys.executable),
        help="an environment's, for throughput: its runtime is measured (default: this one)",
    )
    return parser.parse_args()


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


if __name__ == "__main__":
    main()
