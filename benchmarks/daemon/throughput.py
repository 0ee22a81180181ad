"""A whole agent's frames a second beside a loop that only invokes the interpreter."""

import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import cv2
from daemon.bare import bare_in
from daemon.figures import in_turns
from daemon.running import DEVICE, OUTBOX, command, video_source, write_config, write_video

from edge_agent.bundle.archive import open_bundle
from edge_agent.client import Ledger, Subscriber
from edge_agent.contract.messages import ResultMessage

ARCHIVE = "bench-archive"


@dataclass(frozen=True)
class Throughput:
    """Frames a second.

    Args:
        bare: of the interpreter alone, before, between and after the runs of the agent.
        agent: of each run of the agent.
        decoded: of decoding the video alone, as OpenCV does it.
        runtime: what invokes the network.
    """

    bare: list[float]
    agent: list[float]
    decoded: float
    runtime: str

    @property
    def ratios(self) -> list[float]:
        """Of each run to the bare loops around it."""
        return in_turns(self.bare, self.agent)


@dataclass(frozen=True)
class Job:
    """What to measure.

    Args:
        bundle: the model.
        frames: of the video.
        size: of a frame, (width, height).
        rounds: runs of the agent.
        seconds: of each bare loop.
        synchronous: how the outbox stores.
        python: whose packages, and so whose runtime, to measure with.
    """

    bundle: Path
    frames: int
    size: tuple[int, int] = (640, 480)
    rounds: int = 3
    seconds: float = 2.0
    synchronous: str = "normal"
    python: Path = Path(sys.executable)


def throughput(job: Job, folder: Path, url: str) -> Throughput:
    """Bare, agent, bare, agent, ..., bare; both with one thread for the network."""
    bundle = open_bundle(job.bundle)
    video = write_video(folder / "frames.mp4", bundle, job.frames, job.size)
    bare, agent = [bare_in(job.python, job.bundle, job.seconds)], list[float]()
    for _ in range(job.rounds):
        agent.append(agent_per_s(job, folder, url, video))
        bare.append(bare_in(job.python, job.bundle, job.seconds))
    rates = [each.per_s for each in bare]
    return Throughput(rates, agent, decoded_per_s(video), bare[0].runtime)


def decoded_per_s(video: Path) -> float:
    """Frames per second of decoding by itself: no agent that reads this file is faster."""
    capture, count, start = cv2.VideoCapture(str(video)), 0, time.perf_counter()
    while capture.read()[0]:
        count += 1
    return count / (time.perf_counter() - start)


def agent_per_s(job: Job, folder: Path, url: str, video: Path) -> float:
    """Frames per second of a whole agent, from the first result to the last.

    Raises:
        SystemExit: it ends otherwise than well, or a result is missing or came twice.
    """
    more = f'threads = 1\nsynchronous = "{job.synchronous}"'
    config = write_config(folder, url, job.bundle, video_source(video), more)
    (folder / OUTBOX).unlink(missing_ok=True)
    ledger, done = Ledger(), list[datetime]()
    # The broker keeps what comes for this subscriber, which reads it afterwards: on a device
    # it would not share the agent's cores either.
    with Subscriber(url, DEVICE, client_id=ARCHIVE):
        pass
    status = subprocess.run(command(config, job.python)).returncode
    with Subscriber(url, DEVICE, client_id=ARCHIVE) as subscriber:
        while len(done) < job.frames and (delivery := subscriber.receive(10)) is not None:
            if isinstance(delivery.message, ResultMessage):
                ledger.record(delivery.message)
                done.append(finished(delivery.message))
    total = ledger.total()
    if status or total.lost or total.duplicated or len(done) != job.frames:
        raise SystemExit(f"the agent ended with status {status}, {total}, {len(done)} results")
    return (len(done) - 1) / (done[-1] - done[0]).total_seconds()


def finished(message: ResultMessage) -> datetime:
    """When the answer was ready."""
    return message.captured_at + timedelta(milliseconds=message.latency_ms)
