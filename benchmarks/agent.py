"""The whole agent against a bare invoke loop, on one bundle, in one run.

    python benchmarks/agent.py [BUNDLE] [--frames N] [--video FILE]

A real `edgeward-agent` process reads a 640x480 video file, answers, stores each result
in its outbox and publishes it over a real mosquitto on loopback, which keeps it for a real
subscriber.
Its frames/s, from the first result to the last, are divided by those of a loop that only
invokes the interpreter, measured before and after with the same bundle and threads.

Without a BUNDLE it measures MobileNetV2 1.0 at 224x224, untrained: what weights a network
has does not change how long it takes.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from bundles import mobilenet_v2

from edge_agent.bundle.archive import Bundle, open_bundle
from edge_agent.client import Ledger, Subscriber
from edge_agent.messages import ResultMessage
from edge_agent.runtime import Interpreter, machine_name
from pipeline.broker import running_broker

CONFIG = """
[device]
name = "bench"
[broker]
url = "{url}"
[outbox]
path = "outbox.db"
synchronous = "{synchronous}"
[[stream]]
name = "video"
bundle = "{bundle}"
source = {{ kind = "video", path = "{video}" }}
"""


def main() -> None:
    """Measure and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("bundle", type=Path, nargs="?")
    parser.add_argument("--frames", type=int, default=900, help="of the video made")
    parser.add_argument("--video", type=Path, help="a video of your own")
    parser.add_argument("--synchronous", choices=("normal", "full"), default="normal")
    options = parser.parse_args()
    path = options.bundle or mobilenet_v2(Path("runs"), 1.0, 224)
    bundle = open_bundle(path)
    with tempfile.TemporaryDirectory() as name, running_broker() as broker:
        folder = Path(name)
        video = options.video or write_video(folder / "frames.mp4", bundle, options.frames)
        before = invokes_per_s(bundle)
        agent = agent_per_s(
            folder, str(broker.endpoint), path, video.resolve(), options.synchronous
        )
        after = invokes_per_s(bundle)
    bare = (before + after) / 2
    print(f"{bundle.short_id} on {machine_name()}")
    print(f"bare invoke loop  {bare:8.1f} /s  ({before:.1f} before, {after:.1f} after)")
    print(f"whole agent       {agent:8.1f} frames/s, outbox {options.synchronous}")
    print(f"ratio             {agent / bare:8.3f}")


def invokes_per_s(bundle: Bundle, seconds: float = 3.0) -> float:
    """Inferences per second of the interpreter alone, one thread."""
    with Interpreter(bundle.model) as interpreter:
        x = np.zeros(interpreter.input.shape, np.int8)
        for _ in range(10):
            interpreter.infer(x)
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            interpreter.infer(x)
            count += 1
        return count / (time.perf_counter() - start)


def agent_per_s(folder: Path, url: str, bundle: Path, video: Path, synchronous: str) -> float:
    """Frames per second of a whole agent, from the first result to the last."""
    config = folder / "agent.toml"
    config.write_text(
        CONFIG.format(url=url, bundle=bundle.resolve(), video=video, synchronous=synchronous)
    )
    ledger, done = Ledger(), list[datetime]()
    command = [sys.executable, "-m", "edge_agent.cli", "--log-level", "error", "run"]
    # The broker keeps what comes for this subscriber, which reads it afterwards: on a device
    # it would not share the agent's cores either.
    with Subscriber(url, "bench", client_id="bench-archive"):
        pass
    status = subprocess.run([*command, "--config", str(config)]).returncode
    with Subscriber(url, "bench", client_id="bench-archive") as subscriber:
        while (delivery := subscriber.receive(timeout_s=2.0)) is not None:
            if isinstance(delivery.message, ResultMessage):
                ledger.record(delivery.message)
                done.append(finished(delivery.message))
    total = ledger.total()
    if status or total.lost or total.duplicated:
        raise SystemExit(f"the agent ended with status {status}, {total}")
    return (len(done) - 1) / (done[-1] - done[0]).total_seconds()


def finished(message: ResultMessage) -> datetime:
    """When the answer was ready."""
    return message.captured_at + timedelta(milliseconds=message.latency_ms)


def write_video(path: Path, bundle: Bundle, frames: int) -> Path:
    """A 640x480 video of the bundle's golden images, drifting so that frames differ."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (640, 480))
    scenes = [cv2.resize(frame.image, (640, 480)) for frame in bundle.golden]
    for number in range(frames):
        scene = scenes[number // 100 % len(scenes)]
        colour = scene if scene.ndim == 3 else np.repeat(scene[:, :, None], 3, axis=2)
        writer.write(np.roll(colour[:, :, ::-1], number % 640, axis=1))
    writer.release()
    return path


if __name__ == "__main__":
    main()
