"""An `edgeward-agent` process to measure, and what can be seen of it from outside."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge_agent.bundle.archive import Bundle

DEVICE, STREAM, OUTBOX = "bench", "front", "outbox.db"
CONFIG = f"""
[device]
name = "{DEVICE}"
[broker]
url = "{{url}}"
[outbox]
path = "{OUTBOX}"
[[stream]]
name = "{STREAM}"
bundle = "{{bundle}}"
source = {{source}}
{{more}}
"""
# SIGTERM to exit takes five seconds at most.
END_S = 10


def write_config(folder: Path, url: str, bundle: Path, source: str, more: str = "") -> Path:
    """An agent.toml with one stream; `source` and `more` are TOML."""
    path = folder / "agent.toml"
    path.write_text(CONFIG.format(url=url, bundle=bundle.resolve(), source=source, more=more))
    return path


def video_source(video: Path, *, loop: bool = False) -> str:
    """TOML of a video file."""
    return f'{{ kind = "video", path = "{video.resolve()}", loop = {str(loop).lower()} }}'


def camera_source(url: str) -> str:
    """TOML of a camera on the network."""
    return f'{{ kind = "camera", url = "{url}" }}'


def command(config: Path, python: Path = Path(sys.executable)) -> list[str]:
    """What starts the agent, with the packages of `python`."""
    program = [str(python), "-m", "edge_agent.cli", "--log-level", "error"]
    return [*program, "run", "--config", str(config)]


@contextmanager
def running_agent(config: Path, nice: int = 0) -> Iterator["subprocess.Popen[bytes]"]:
    """The agent, which is told to stop at the end."""
    with subprocess.Popen(command(config), preexec_fn=lambda: os.nice(nice) and None) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()


@dataclass(frozen=True)
class Memory:
    """Of a process, in MB: resident, its share of it, and what is nobody else's."""

    rss_mb: float
    pss_mb: float
    private_mb: float


def memory(pid: int) -> Memory:
    """What /proc/PID/smaps_rollup says now.

    Raises:
        OSError: there is no such process (any more).
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kb = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    private = kb["Private_Clean"] + kb["Private_Dirty"]
    return Memory(kb["Rss"] / 1024, kb["Pss"] / 1024, private / 1024)


def capture_process(agent: int) -> int | None:
    """The process that looks at the camera for the agent with this process id."""
    for file in Path(f"/proc/{agent}/task").glob("*/children"):
        for pid in file.read_text().split():
            try:
                if b"sources.capture" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return int(pid)
            except OSError:
                pass  # gone
    return None


def write_video(path: Path, bundle: Bundle, frames: int, size: tuple[int, int]) -> Path:
    """A video of the bundle's golden images at (width, height), drifting so that frames differ."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, size)
    scenes = [cv2.resize(frame.image, size) for frame in bundle.golden]
    for number in range(frames):
        scene = scenes[number // 100 % len(scenes)]
        colour = scene if scene.ndim == 3 else np.repeat(scene[:, :, None], 3, axis=2)
        writer.write(np.roll(colour[:, :, ::-1], number % size[0], axis=1))
    writer.release()
    return path
